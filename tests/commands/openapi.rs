//! `rowcast init --openapi`: documents in the manner of public ones → files that
//! the component accepts as they are.

use crate::support::stage::Stage;
use expect_test::{Expect, expect};
use rowcast::config::{Draft, Section};
use rowcast::host::Host;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn document(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join("tests/data/openapi").join(name)
}

/// What is said above `[source]`, and all that is set in it.
fn source(text: &str) -> String {
    let set = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let (before, rest) = text.split_once("[source]\n").unwrap();
    let remarks = before.rsplit("\n\n").next().unwrap();
    let (rest, _) = rest.split_once("\n[table]").unwrap();
    let settings: Vec<_> = rest.lines().filter(set).collect();
    let rows = before.lines().find(|line| line.starts_with("query = "));
    format!(
        "{}\n{remarks}[source]\n{}\n",
        rows.unwrap(),
        settings.join("\n")
    )
}

async fn writes(name: &str, operation: &str, expected: Expect) {
    let stage = Stage::new("");
    let file = document(name);
    let file = file.to_str().unwrap();
    let arguments = [
        "init",
        "--force",
        "--openapi",
        file,
        "--operation",
        operation,
    ];
    stage.rowcast(&arguments).await.ok();
    let text = std::fs::read_to_string(stage.path().join("rowcast.toml")).unwrap();
    expected.assert_eq(&source(&text));
    is_accepted(&text).await;
}

/// By the component, with no variable but those that `init` writes itself.
async fn is_accepted(text: &str) {
    let sections = [Section::Rows, Section::Source];
    let variable = |name: &str| {
        assert!(name == "DATABASE_URL" || name.starts_with("API_"), "{name}");
        Some("value".to_owned())
    };
    let draft = Draft::parse(text, &sections, variable).unwrap();
    let host = Host::new(draft).await;
    assert!(host.is_ok(), "{text}\n{:?}", host.err());
}

#[expect(clippy::too_many_lines, reason = "a flat list of documents")]
#[tokio::test]
async fn a_source_is_proposed() {
    writes(
        "github.json",
        "issues/list-for-repo",
        expect![[r#"
        query = "SELECT owner, repo FROM requests"
        # List a repository's issues.
        # Records: guessed to be the body itself.
        # Pages: guessed to be found by the `Link` header; see whether that is so.
        # The URL may also have the parameters state.
        # A REST API and how to read it.
        [source]
        url = "https://api.github.com/repos/{owner}/{repo}/issues?per_page=30"
        require = ["/id"]
        [source.attributes]
        owner = "{owner}"
        repo = "{repo}"
        [source.pagination]
        type = "link-header"
    "#]],
    )
    .await;
    writes(
        "musicbrainz.yaml",
        "browseRecordings",
        expect![[r#"
        query = "SELECT artist FROM requests"
        # Browse recordings.
        # Records: guessed to be /recordings.
        # Pages: guessed to be found by an offset; see whether that is so.
        # The document has several servers: the first, `https://musicbrainz.org/ws/2`,
        # was chosen; others are `https://beta.musicbrainz.org/ws/2`.
        # The URL may also have the parameters inc.
        # A REST API and how to read it.
        [source]
        url = "https://musicbrainz.org/ws/2/recording?artist={artist}&fmt=json"
        records = "/recordings"
        require = ["/id"]
        [source.attributes]
        artist = "{artist}"
        [source.pagination]
        type = "offset"
        parameter = "offset"
        size_parameter = "limit"
        size = 100
        [source.pagination.end]
        total = "/recording-count"
    "#]],
    )
    .await;
    writes(
        "musicbrainz.yaml",
        "lookupIsrc",
        expect![[r#"
        query = "SELECT isrc FROM requests"
        # Records: guessed to be /recordings.
        # Pages: none were found; one request is the whole answer.
        # The document has several servers: the first, `https://musicbrainz.org/ws/2`,
        # was chosen; others are `https://beta.musicbrainz.org/ws/2`.
        # A REST API and how to read it.
        [source]
        url = "https://musicbrainz.org/ws/2/isrc/{isrc}"
        records = "/recordings"
        require = ["/id"]
        [source.attributes]
        isrc = "{isrc}"
    "#]],
    )
    .await;
    writes(
        "spotify.yaml",
        "get-an-artists-albums",
        expect![[r#"
            query = "SELECT id FROM requests"
            # An artist's albums.
            # Records: guessed to be /items.
            # Pages: guessed to be found by the next page's URL in the body; see whether
            # that is so.
            # The URL may also have the parameters market.
            # Records have a member `id` of their own: to keep the row's, set an attribute
            # of another name.
            # A REST API and how to read it.
            [source]
            url = "https://api.spotify.com/v1/artists/{id}/albums?limit=50"
            records = "/items"
            require = ["/id"]
            [source.auth]
            type = "client-credentials"
            token_url = "https://accounts.spotify.com/api/token"
            client_id = "${API_CLIENT_ID}"
            client_secret = "${API_CLIENT_SECRET}"
            [source.pagination]
            type = "next-url"
            pointer = "/next"
        "#]],
    )
    .await;
    writes(
        "tmdb.yaml",
        "movie-popular-list",
        expect![[r#"
        query = "SELECT id FROM artists"
        # Popular movies.
        # Records: guessed to be /results.
        # Pages: guessed to be found by a page's number; see whether that is so.
        # The URL may also have the parameters language.
        # Nothing of a row is in the URL: every row asks for the same. Put a column in
        # braces, such as a parameter's value.
        # A REST API and how to read it.
        [source]
        url = "https://api.themoviedb.org/3/movie/popular"
        records = "/results"
        require = ["/id"]
        [source.auth]
        type = "api-key"
        key = "${API_KEY}"
        parameter = "api_key"
        [source.pagination]
        type = "page-number"
        parameter = "page"
        [source.pagination.end]
        total_pages = "/total_pages"
    "#]],
    )
    .await;
    writes(
        "open-meteo.yaml",
        "GET /v1/elevation",
        expect![[r#"
        query = "SELECT latitude, longitude FROM requests"
        # Elevation of coordinates.
        # The parameter `apikey` looks like a key: [source.auth] takes it as `type =
        # "api-key"`, `parameter = "apikey"`.
        # Records: no list of objects was found, so that the whole body is one record.
        # Pages: none were found; one request is the whole answer.
        # The URL may also have the parameters apikey.
        # A REST API and how to read it.
        [source]
        url = "https://api.open-meteo.com/v1/elevation?latitude={latitude}&longitude={longitude}"
        [source.attributes]
        latitude = "{latitude}"
        longitude = "{longitude}"
    "#]],
    )
    .await;
    writes(
        "swagger.json",
        "listOrders",
        expect![[r#"
            query = "SELECT customer FROM requests"
            # Records: guessed to be /data/orders.
            # Pages: guessed to be found by a cursor; see whether that is so.
            # Records have a member `customer` of their own: to keep the row's, set an
            # attribute of another name.
            # A REST API and how to read it.
            [source]
            url = "https://shop.example.com/v2/customers/{customer}/orders?pageSize=250"
            records = "/data/orders"
            require = ["/id"]
            [source.headers]
            x-tenant = "main"
            [source.auth]
            type = "client-credentials"
            token_url = "https://shop.example.com/token"
            client_id = "${API_CLIENT_ID}"
            client_secret = "${API_CLIENT_SECRET}"
            scope = "orders:read items:read"
            [source.pagination]
            type = "cursor"
            pointer = "/meta/nextPageToken"
            parameter = "pageToken"
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_is_no_document_is_refused() {
    let stage = Stage::new("");
    std::fs::write(stage.path().join("a.yaml"), "a: [1\nb: }").unwrap();
    std::fs::write(stage.path().join("b.json"), "{\"a\": 1}").unwrap();
    let arguments = |file: &'static str| ["init", "--force", "--openapi", file, "--operation", "x"];
    for (file, message) in [
        ("a.yaml", "hint: it must be JSON or YAML"),
        ("b.json", "error: the file is not an OpenAPI document"),
        ("none.json", "read none.json"),
    ] {
        let output = stage.rowcast(&arguments(file)).await;
        assert_eq!(output.code, Some(2), "{file}: {output:?}");
        assert!(output.stderr.contains(message), "{file}: {output:?}");
        // Nothing is written over.
        let text = std::fs::read_to_string(stage.path().join("rowcast.toml")).unwrap();
        assert_eq!(text, "");
    }
    std::fs::copy(document("github.json"), stage.path().join("github.json")).unwrap();
    stage
        .check(expect![[r#"
            $ rowcast init --openapi github.json --operation issues/list-for-repos
            exit 2
            --- stderr
            error: the document has no operation "issues/list-for-repos"
              hint: did you mean "issues/list-for-repo"?
        "#]])
        .await;
    let output = stage.rowcast(&["init", "--openapi", "github.json"]).await;
    assert!(output.stderr.contains("--operation <ID>"), "{output:?}");
}

/// A document whose every text would mean something in TOML, in a template or in
/// a URL.
#[tokio::test]
async fn texts_of_a_document_mean_nothing() {
    let text = "a{now}\n[rows]\r${MY_SECRET} \u{1b}\u{0}\u{7f}\u{2028}\"'''#&+%$${X}${";
    let parameter = |name: &str, place: &str, schema: Value| json!({"name": name, "in": place, "required": true, "schema": schema});
    let list = json!({"type": "array", "items": {"type": "object"}});
    let schema = json!({"type": "object", "properties": {text: list, "next": {"type": "string"}}});
    let address = format!("https://a.example/{text}");
    let document = |scheme: Value| {
        json!({
            "openapi": "3.0.0",
            "servers": [
                {"url": format!("{address}/{{it}}?{text}"), "variables": {"it": {"default": text, "enum": [text, "b"]}}},
                {"url": text},
            ],
            "security": [{"it": [text]}, {"none": []}],
            "components": {"securitySchemes": {"it": scheme}},
            "paths": {format!("/{{a}}/{text}"): {"get": {
                "operationId": "x", "summary": text,
                "parameters": [
                    {"$ref": text},
                    parameter("a", "path", json!({"enum": [text]})),
                    parameter(text, "query", json!({})),
                    parameter("b", "query", json!({"default": text})),
                    parameter("c", "header", json!({"default": "{now} ${MY_SECRET} $${X} ${"})),
                    parameter(text, "header", json!({"default": text})),
                    parameter(text, "cookie", json!({})),
                    {"name": "cursor", "in": "query", "schema": {"type": "string"}},
                    {"name": format!("after{text}"), "in": "query"},
                ],
                "responses": {"200": {"content": {"application/json": {"schema": schema}}}},
            }}},
        })
    };
    for scheme in [
        json!({"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": address}}}),
        json!({"type": "oauth2", "flows": {"authorizationCode": {"tokenUrl": "/t", "refreshUrl": text}}}),
        json!({"type": "apiKey", "in": "query", "name": text}),
        json!({"type": "apiKey", "in": "header", "name": text}),
        json!({"type": text}),
    ] {
        let stage = Stage::new("");
        let folder = stage.path();
        std::fs::write(folder.join("a.json"), document(scheme).to_string()).unwrap();
        let arguments = ["init", "--force", "--openapi", "a.json", "--operation", "x"];
        stage.rowcast(&arguments).await.ok();
        let text = std::fs::read_to_string(folder.join("rowcast.toml")).unwrap();
        is_accepted(&text).await;
    }
}

#[tokio::test]
async fn a_document_is_read_from_the_standard_input_or_a_file() {
    let stage = Stage::new("");
    let text = std::fs::read_to_string(document("github.json")).unwrap();
    let operation = ["--operation", "issues/list-for-repo"];
    let arguments = |file| [&["init", "--force", "--openapi", file][..], &operation].concat();
    stage.rowcast_with_input(&arguments("-"), &text).await.ok();
    let written = std::fs::read_to_string(stage.path().join("rowcast.toml")).unwrap();
    assert!(written.contains("https://api.github.com/"), "{written}");
    stage
        .check(expect![[r#"
            $ rowcast init --openapi https://a.example/openapi.json --operation x
            exit 2
            --- stderr
            error: --openapi takes a file, and https://a.example/openapi.json is a URL
              hint: download the document first, such as by `curl -o openapi.yaml URL`
        "#]])
        .await;
}
