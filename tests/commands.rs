//! The command as its users meet it: what it prints and how it ends, as inline
//! snapshots (`UPDATE_EXPECT=1 cargo test` rewrites them).

mod check;
mod configuration;
mod demo;
mod help;
mod openapi;
mod policy;
mod posts;
mod query;
mod rows;
mod signals;
mod source;
mod steps;
mod table;

use crate::support::command::{Output, rowcast_with};
use crate::support::stage::{Stage, table_section};
use expect_test::Expect;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::{Reply, Seen};
use rowcast_stand_ins::scripted::ScriptedSource;

/// What the tests' AWS and proxies must not come from.
const NO_AWS: [(&str, &str); 2] = [
    ("HOME", "/nonexistent"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

impl Stage {
    /// Runs the commands of a transcript, each after a `$`, and compares all that
    /// they leave.
    async fn check(&self, transcript: Expect) {
        self.check_with(&NO_AWS, transcript).await;
    }

    async fn check_with(&self, environment: &[(&str, &str)], transcript: Expect) {
        let mut seen = String::new();
        for line in transcript.data().lines().map(str::trim_start) {
            if let Some(command) = line.strip_prefix("$ rowcast ") {
                let output = rowcast_with(self.path(), &words(command), environment, "").await;
                seen = seen + line + "\n" + &snapshot(self, &output);
            }
        }
        transcript.assert_eq(&seen);
    }
}

/// The arguments of a command line; what is in quotes is one.
fn words(line: &str) -> Vec<&str> {
    let (mut words, mut rest) = (Vec::new(), line);
    while !rest.is_empty() {
        let quote = rest.starts_with(['"', '\'']);
        let (end, from) = if quote { rest.split_at(1) } else { (" ", rest) };
        let (word, after) = from.split_once(end).unwrap_or((from, ""));
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// Exit code, standard output and standard error, with placeholders for what
/// differs each time.
fn snapshot(stage: &Stage, output: &Output) -> String {
    let code = output
        .code
        .map_or("none".to_owned(), |code| code.to_string());
    let mut text = format!("exit {code}\n");
    for (name, part) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !part.is_empty() {
            text = format!("{text}--- {name}\n{part}");
        }
    }
    let folder = stage.path().display().to_string();
    settled(&text.replace(&folder, "[folder]"))
}

/// Ports, durations, times of day, runs and random passwords → placeholders.
fn settled(text: &str) -> String {
    let digit = |byte: u8| byte.is_ascii_digit();
    // An inline snapshot can't hold a line of spaces.
    let mut text: String = text
        .lines()
        // One every five seconds, where a machine is that slow.
        .filter(|line| !line.contains(" documents (") || !line.contains("/s), "))
        .flat_map(|line| [line.trim_end(), "\n"])
        .collect();
    for before in ["127.0.0.1:", "localhost:", "127.0.0.1 port "] {
        text = after(&text, before, "PORT", digit);
    }
    text = after(&text, "time       ", "SECONDS", |byte| {
        digit(byte) || byte == b'.'
    });
    text = after(&text, "at or after ", "TIME", |byte| {
        digit(byte) || b"-: ".contains(&byte)
    });
    text = after(&text, "--resume ", "RUN", |byte| {
        byte.is_ascii_alphanumeric() || byte == b'-'
    });
    after(&text, "postgresql://postgres:", "PASSWORD", |byte| {
        byte.is_ascii_alphanumeric()
    })
}

/// What follows that mark, of those bytes, becomes a placeholder.
fn after(text: &str, mark: &str, placeholder: &str, varies: impl Fn(u8) -> bool) -> String {
    let mut parts = text.split(mark);
    let mut settled = parts.next().unwrap().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|letter: char| u8::try_from(letter).is_ok_and(&varies));
        settled.push_str(mark);
        if rest.len() < part.len() {
            settled.push_str(placeholder);
            let spaces = part[..part.len() - rest.len()].ends_with(' ');
            settled.push_str(if spaces { " " } else { "" });
        }
        settled.push_str(rest);
    }
    settled
}

/// A stand-in for Spotify that gives tokens, and otherwise does what it's told.
async fn spotify(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> ScriptedSource {
    ScriptedSource::start(move |seen, _| {
        if seen.target == "/api/token" {
            Reply::json(r#"{"access_token":"token","token_type":"Bearer","expires_in":3600}"#)
        } else {
            answer(seen)
        }
    })
    .await
}

/// One record for each request.
fn tracks(_: &Seen) -> Reply {
    Reply::json(r#"{"tracks":[{"id":"t1","name":"One","popularity":95}]}"#)
}

/// Two artists in a file.
const ARTISTS: &str = "[rows]\nfile = \"artists.csv\"\n";

/// A stage with two artists, that source section, and a table.
async fn stage(source: &str, dynamodb: &TemporaryDynamoDb) -> Stage {
    let table = table_section(&dynamodb.endpoint(), "top_tracks");
    let stage = files(&[ARTISTS, source, &table].concat());
    stage.rowcast(&["table", "create"]).await.ok();
    stage
}

/// A stage with the file of artists.
fn files(configuration: &str) -> Stage {
    let stage = Stage::new(configuration);
    let path = stage.path().join("artists.csv");
    std::fs::write(path, "id,name,label\na1,Ann,\na2,Bob,\n").unwrap();
    stage
}
