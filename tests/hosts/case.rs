//! `cases/*.json` and a host's servers → cases: what is called, what goes wrong
//! meanwhile, and what is expected.

use flate2::Compression;
use flate2::write::GzEncoder;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::table::DynamoFault;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

/// Between the bytes of a slow body.
const DRIP: Duration = Duration::from_millis(100);

/// One case. `README.md` beside the files explains each member.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The file's name without `.json`.
    #[serde(skip)]
    pub name: String,
    /// What it's about, in one sentence, for whoever reads the file.
    #[serde(rename = "about")]
    _about: String,
    /// What the component's environment has besides, or lacks.
    #[serde(default)]
    pub environment: BTreeMap<String, Option<String>>,
    /// The source's answers by path: one request after the other, the last for
    /// all that follow.
    #[serde(default)]
    pub source: BTreeMap<String, Vec<Answer>>,
    pub table: Option<Table>,
    /// One after the other. `{cursor}` in an input is the cursor that the call
    /// before answered.
    pub calls: Vec<Call>,
    /// Requests that the source saw, by path. Others are wrong.
    #[serde(default)]
    pub asked: BTreeMap<String, Asked>,
    /// How often DynamoDB was asked for each operation. Others are wrong.
    #[serde(default)]
    pub operations: BTreeMap<String, Value>,
    /// The table's items in the end, in DynamoDB's JSON, in any order.
    pub stored: Option<Vec<Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A text is sent as it is, anything else as JSON.
    #[serde(default)]
    body: Value,
    fault: Option<Fault>,
    /// Whether the body is sent as gzip.
    #[serde(default)]
    gzip: bool,
}

/// What else may come of a request.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fault {
    /// The connection is closed before the headers.
    Reset,
    /// Half of the body comes.
    Cut,
    /// The body comes one byte at a time.
    Drip,
    /// No answer.
    Never,
}

/// A table of the case's name, and what goes wrong at it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Such as `artist_id S, country_track S`.
    pub keys: String,
    /// What is in it at first, in DynamoDB's JSON.
    #[serde(default)]
    pub items: Vec<Value>,
    /// Each of these has an attribute `padding` that long, because a page of
    /// DynamoDB's ends after 1 MB.
    #[serde(default)]
    pub padding_bytes: usize,
    /// What becomes of the first batches, one after the other.
    #[serde(default)]
    pub faults: Vec<DynamoFault>,
    /// Items with this attribute are refused.
    pub refused: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    pub function: String,
    /// The service's JSON; what is missing is in `defaults.json`.
    pub input: Value,
    /// `{"ok": …}` or `{"failure": …}`, as `compare` reads it.
    pub expect: Value,
    /// Milliseconds in which the call must be over, starting a host not
    /// counted.
    pub within_ms: Option<u64>,
}

/// What the source must have seen of one path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    pub times: usize,
    /// Headers that each of the requests had.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The requests' JSON bodies, one after the other; none: they don't matter.
    #[serde(default)]
    pub bodies: Vec<Value>,
}

fn ok() -> u16 {
    200
}

impl Answer {
    pub fn reply(&self) -> Reply {
        let body = match &self.body {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let whole = if self.gzip {
            Reply::status(self.status, gzip(&body)).with_header("content-encoding", "gzip")
        } else {
            Reply::status(self.status, body.clone())
        };
        let headers = self.headers.iter();
        match self.fault {
            None => headers.fold(whole, |reply, (name, value)| reply.with_header(name, value)),
            Some(Fault::Reset) => Reply::Reset,
            Some(Fault::Cut) => Reply::Cut(body.into()),
            Some(Fault::Drip) => Reply::Drip(DRIP, body.into()),
            Some(Fault::Never) => Reply::Never,
        }
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// All cases, in the order of their names. Places, such as `{source}`, are
/// replaced by where a host's servers are.
pub fn read(folder: &Path, places: &[(&str, String)]) -> Vec<Case> {
    let defaults = std::fs::read_to_string(folder.join("defaults.json")).unwrap();
    let files = std::fs::read_dir(folder).unwrap();
    let mut cases: Vec<_> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "json"))
        .filter(|path| !path.ends_with("defaults.json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            parse(name, &text, &defaults, places)
        })
        .collect();
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    cases
}

fn parse(name: &str, text: &str, defaults: &str, places: &[(&str, String)]) -> Case {
    let substitute = |text: &str| {
        let text = places.iter().fold(text.to_owned(), |text, (place, value)| {
            text.replace(place, value)
        });
        text.replace("{case}", name)
    };
    let defaults: Value = serde_json::from_str(&substitute(defaults)).unwrap();
    let text = substitute(text);
    let mut case: Case =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}.json: {error}"));
    name.clone_into(&mut case.name);
    for call in &mut case.calls {
        let mut input = defaults[&call.function].clone();
        merge(&mut input, &call.input);
        call.input = input;
    }
    case
}

/// Objects member by member; anything else replaces what was there.
fn merge(into: &mut Value, given: &Value) {
    match (into, given) {
        (Value::Object(into), Value::Object(given)) => {
            for (name, value) in given {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, given) => *into = given.clone(),
    }
}
