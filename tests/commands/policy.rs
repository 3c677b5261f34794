//! What the host's policy refuses, and the setting that would allow it.

use super::{ARTISTS, files, tracks};
use expect_test::expect;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;

fn source(url: &str, more: &str) -> String {
    format!("{ARTISTS}\n[source]\nurl = \"{url}\"\nrecords = \"/tracks\"\nconcurrency = 1\n{more}")
}

#[tokio::test]
async fn a_name_leads_to_this_machine() {
    let server = ScriptedSource::start(|seen, _| tracks(seen)).await;
    let origin = server.origin().replace("127.0.0.1", "localhost");
    let configuration = source(&format!("{origin}/{{id}}"), "");
    files(&configuration)
        .check(expect![[r#"
            $ rowcast extract
            exit 3
            --- stderr
            rows       2 read: 0 done, 0 rejected, 2 pending
            requests   2 planned: 0 done, 0 rejected, 2 pending (0 sent, 0 of them repeats)
            records    0 received: 0 accepted, 0 rejected
            documents  0 printed
            time       SECONDS s
            error: the run stopped before its end
              because: policy refuses to connect to localhost at 127.0.0.1, a loopback address
              hint: if it is meant, set `[egress] addresses = ["127.0.0.1"]` in rowcast.toml
        "#]])
        .await;
    assert!(server.seen().is_empty(), "it was connected to");
    let named = format!("{configuration}\n[egress]\naddresses = [\"127.0.0.1\", \"::1\"]\n");
    files(&named)
        .check(expect![[r#"
            $ rowcast extract
            exit 0
            --- stdout
            {"id":"t1","name":"One","popularity":95}
            {"id":"t1","name":"One","popularity":95}
            --- stderr
            rows       2 read: 2 done, 0 rejected, 0 pending
            requests   2 planned: 2 done, 0 rejected, 0 pending (2 sent, 0 of them repeats)
            records    2 received: 2 accepted, 0 rejected
            documents  2 printed
            time       SECONDS s
        "#]])
        .await;
}

#[tokio::test]
async fn the_next_page_is_elsewhere() {
    let server = ScriptedSource::start(|_, _| {
        Reply::json(r#"{"tracks":[],"next":"https://cdn.example.com/page/2"}"#)
    })
    .await;
    let more = "[source.pagination]\ntype = \"next-url\"\npointer = \"/next\"\n";
    let configuration = source(&format!("{}/{{id}}", server.origin()), more);
    files(&configuration)
        .check(expect![[r#"
            $ rowcast extract
            exit 5
            --- stderr
            rejected: row 1: http://127.0.0.1:PORT/a1: the next page is at https://cdn.example.com, another origin than the first; it isn't asked for because the credentials would go there
            rejected: row 2: http://127.0.0.1:PORT/a2: the next page is at https://cdn.example.com, another origin than the first; it isn't asked for because the credentials would go there
            rows       2 read: 0 done, 2 rejected, 0 pending
            requests   2 planned: 0 done, 2 rejected, 0 pending (2 sent, 0 of them repeats)
            records    0 received: 0 accepted, 0 rejected
            documents  0 printed
            time       SECONDS s
        "#]])
        .await;
}

#[tokio::test]
async fn a_row_would_choose_the_server() {
    let configuration = source("https://{id}.example.com/", "");
    files(&configuration)
        .check(expect![[r#"
            $ rowcast extract
            exit 2
            --- stderr
            error: `source` names an origin that can't be used
              because: it is not a URL such as "https://api.example.com"
              hint: write its scheme, host and port out: a row may not choose which server is asked
        "#]])
        .await;
}
