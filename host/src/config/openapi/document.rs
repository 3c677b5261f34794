//! An OpenAPI document → its operations, parameters and schemas, with references
//! followed. Versions 2.0 and 3 differ in where things stand, and nowhere else.

use super::sentence;
use percent_encoding::percent_decode_str;
use rowcast_pipeline::settings::unescaped;
use serde_json::Value;
use std::cell::Cell;

/// References that lead to references; a document may have circles.
const DEEPEST: usize = 16;
/// The methods that a path may have.
const METHODS: [&str; 7] = ["get", "head", "post", "put", "patch", "delete", "options"];

/// A whole document.
#[derive(Clone, Copy)]
pub struct Document<'a> {
    root: &'a Value,
    /// What was said of references that can't be followed, since it was asked for.
    lost: &'a Cell<Vec<String>>,
}

/// One operation, with the path that it is of.
#[derive(Clone)]
pub struct Operation<'a> {
    pub path: &'a str,
    pub method: &'static str,
    item: &'a Value,
    own: &'a Value,
}

/// A parameter of a request.
#[derive(Clone, Debug, Default)]
pub struct Parameter {
    pub name: String,
    /// `path`, `query`, `header` or `cookie`.
    pub place: String,
    pub required: bool,
    /// Its schema's.
    pub default: Option<Value>,
    pub minimum: Option<u64>,
    pub maximum: Option<u64>,
    /// How its value is written, if it isn't as most are.
    pub style: Style,
    values: Vec<Value>,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    #[default]
    Plain,
    /// `;name=value`, in a path.
    Matrix,
    /// `.value`, in a path.
    Label,
    /// Several values, with that character between them.
    Joined(&'static str),
    /// As JSON.
    Json,
    /// A parameter for each member of an object.
    Members(&'static str),
}

/// A member of an object. Some YAML documents write objects as `!!omap`, a list
/// of objects with one member each.
pub fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members.get(name),
        Value::Array(items) => items.iter().find_map(|item| item.as_object()?.get(name)),
        _ => None,
    }
}

/// All members of an object, written in either way.
pub fn members(value: Option<&Value>) -> Vec<(&str, &Value)> {
    let objects: Vec<_> = match value {
        Some(Value::Object(members)) => vec![members],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_object).collect(),
        _ => Vec::new(),
    };
    let members = objects.into_iter().flatten();
    members
        .map(|(name, value)| (name.as_str(), value))
        .collect()
}

pub fn text(value: Option<&Value>) -> Option<&str> {
    value?.as_str()
}

pub fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The schema of a response's JSON.
pub fn schema(response: &Value) -> Option<&Value> {
    let kinds = members(member(response, "content"));
    let json = kinds.iter().find(|(kind, _)| is_json(kind));
    let media = json.or_else(|| kinds.first()).map(|(_, media)| *media);
    media.map_or_else(|| member(response, "schema"), |it| member(it, "schema"))
}

/// JSON that isn't one value on each line.
fn is_json(kind: &str) -> bool {
    kind.contains("json") && format_of(kind).is_none()
}

/// The `format` of a media type, but for JSON.
fn format_of(kind: &str) -> Option<&'static str> {
    let formats = [
        ("ndjson", "ndjson"),
        ("jsonl", "ndjson"),
        ("stream+json", "ndjson"),
        ("text/csv", "csv"),
        ("tab-separated-values", "tsv"),
    ];
    let mut formats = formats.into_iter();
    formats.find_map(|(part, format)| kind.contains(part).then_some(format))
}

/// The `format` of a response that isn't JSON, or the media type that isn't read.
pub fn format(response: &Value) -> Result<Option<&'static str>, &str> {
    let kinds = members(member(response, "content"));
    let Some((first, _)) = kinds.first() else {
        return Ok(None);
    };
    if kinds
        .iter()
        .any(|(kind, _)| is_json(kind) || kind.contains('*'))
    {
        return Ok(None);
    }
    let known = kinds.iter().find_map(|(kind, _)| format_of(kind));
    known.map(Some).ok_or(first)
}

impl<'a> Document<'a> {
    /// None where it is something else.
    pub fn new(root: &'a Value, lost: &'a Cell<Vec<String>>) -> Option<Self> {
        let is_one = member(root, "openapi").or_else(|| member(root, "swagger"));
        (is_one.is_some() && member(root, "paths").is_some()).then_some(Self { root, lost })
    }

    pub fn member(self, name: &str) -> Option<&'a Value> {
        member(self.root, name)
    }

    /// What a reference leads to, in this document.
    pub fn resolved(self, value: &'a Value) -> &'a Value {
        let mut found = value;
        for _ in 0..DEEPEST {
            let Some(to) = text(member(found, "$ref")) else {
                return found;
            };
            let Some(path) = to.strip_prefix('#') else {
                let what = "leads out of the document, and isn't followed: bundle the document \
                            into one file";
                self.lose(to, what);
                return found;
            };
            let path = percent_decode_str(path).decode_utf8_lossy();
            let target = path.split('/').skip(1).try_fold(self.root, |at, step| {
                let step = unescaped(step);
                member(at, &step)
            });
            let is_pointer = path.is_empty() || path.starts_with('/');
            let Some(target) = target.filter(|_| is_pointer) else {
                self.lose(to, "leads nowhere: what it stands for is left out");
                return found;
            };
            found = target;
        }
        self.lose_circle(found);
        found
    }

    /// Says of a value's reference that it leads back to it.
    pub fn lose_circle(self, value: &Value) {
        if let Some(to) = text(member(value, "$ref")) {
            self.lose(to, "leads back to itself");
        }
    }

    fn lose(self, reference: &str, what: &str) {
        let mut lost = self.lost.take();
        let remark = format!("The reference `{reference}` {what}.");
        if !lost.contains(&remark) {
            lost.push(remark);
        }
        self.lost.set(lost);
    }

    /// What is to be said of references that couldn't be followed.
    pub fn lost(self) -> Vec<String> {
        self.lost.take()
    }

    pub fn operations(self) -> Vec<Operation<'a>> {
        let mut operations = Vec::new();
        for (path, item) in members(self.member("paths")) {
            let item = self.resolved(item);
            for method in METHODS {
                if let Some(own) = member(item, method) {
                    operations.push(Operation {
                        path,
                        method,
                        item,
                        own,
                    });
                }
            }
        }
        operations
    }

    /// The parameters of an operation; its own take the place of its path's.
    pub fn parameters(self, operation: &Operation<'a>) -> Vec<Parameter> {
        let mut parameters: Vec<Parameter> = Vec::new();
        for of in [operation.own, operation.item] {
            for parameter in items(member(of, "parameters")) {
                let parameter = self.parameter(self.resolved(parameter));
                let same = |known: &Parameter| {
                    (&known.name, &known.place) == (&parameter.name, &parameter.place)
                };
                if !parameter.name.is_empty() && !parameters.iter().any(same) {
                    parameters.push(parameter);
                }
            }
        }
        parameters
    }

    fn parameter(self, parameter: &'a Value) -> Parameter {
        let schema = member(parameter, "schema").map_or(parameter, |it| self.resolved(it));
        let owned = |name: &str| text(member(parameter, name)).unwrap_or_default().to_owned();
        let number = |name: &str| member(schema, name).and_then(Value::as_u64);
        Parameter {
            name: owned("name"),
            place: owned("in"),
            required: member(parameter, "required") == Some(&Value::Bool(true)),
            default: member(schema, "default")
                .filter(|it| !it.is_null())
                .cloned(),
            minimum: number("minimum"),
            maximum: number("maximum"),
            style: style(parameter, schema),
            values: items(member(schema, "enum")).to_vec(),
        }
    }

    /// The success of an operation.
    pub fn success(self, operation: &Operation<'a>) -> Option<&'a Value> {
        let responses = members(member(operation.own, "responses"));
        let of = |status: &str| {
            let found = responses.iter().find(|(name, _)| *name == status);
            found.map(|(_, response)| *response)
        };
        let any = || {
            let found = responses.iter().find(|(name, _)| name.starts_with('2'));
            found.map(|(_, response)| *response)
        };
        let found = of("200").or_else(any).or_else(|| of("default"))?;
        Some(self.resolved(found))
    }

    /// A security scheme.
    pub fn scheme(self, name: &str) -> Option<&'a Value> {
        let of_three = self.member("components");
        let of_three = of_three.and_then(|it| member(it, "securitySchemes"));
        let schemes = of_three.or_else(|| self.member("securityDefinitions"))?;
        Some(self.resolved(member(schemes, name)?))
    }

    /// What an operation may be authenticated by: each a scheme with scopes.
    pub fn security(self, operation: &Operation<'a>) -> Vec<Vec<(&'a str, &'a Value)>> {
        let own = member(operation.own, "security");
        let alternatives = items(own.or_else(|| self.member("security"))).iter();
        alternatives.map(|it| members(Some(it))).collect()
    }
}

impl<'a> Operation<'a> {
    /// Its own servers, or those of its path or of the whole document.
    pub fn servers(&self, document: Document<'a>) -> &'a [Value] {
        let of = [self.own, self.item, document.root];
        let servers = of.map(|it| items(member(it, "servers")));
        let mut servers = servers.into_iter();
        servers.find(|it| !it.is_empty()).unwrap_or_default()
    }

    /// By which it is asked for: its id, or its method and path.
    pub fn name(&self) -> String {
        let id = text(member(self.own, "operationId"));
        id.map_or_else(|| self.place(), str::to_owned)
    }

    pub fn is(&self, id: &str) -> bool {
        self.name() == id || self.place() == id
    }

    fn place(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }

    pub fn is_get(&self) -> bool {
        self.method == "get"
    }

    /// What the document calls it.
    pub fn title(&self) -> Option<String> {
        sentence(member(self.own, "summary"))
    }
}

impl Parameter {
    /// The only value that it may have.
    pub fn sole_value(&self) -> Option<String> {
        match self.values.as_slice() {
            [only] => plain(only),
            _ => None,
        }
    }

    /// The value that it has where nobody chooses.
    pub fn only_value(&self) -> Option<String> {
        self.sole_value().or_else(|| plain(self.default.as_ref()?))
    }

    /// The value by which an answer becomes JSON, if it is the parameter for
    /// that.
    pub fn json_format(&self) -> Option<String> {
        let for_that = ["fmt", "format", "output", "alt", "f"].contains(&self.name.as_str());
        let mut values = self.values.iter().chain(&self.default).filter_map(plain);
        values.find(|value| for_that && value.eq_ignore_ascii_case("json"))
    }
}

fn style(parameter: &Value, schema: &Value) -> Style {
    let of = |name: &str| text(member(parameter, name));
    // OpenAPI 2.0 has another name for it.
    match of("style").or_else(|| of("collectionFormat")) {
        Some("matrix") => Style::Matrix,
        Some("label") => Style::Label,
        Some("pipeDelimited" | "pipes") => Style::Joined("|"),
        Some("spaceDelimited" | "ssv") => Style::Joined(" "),
        Some("deepObject") => Style::Members("deepObject"),
        _ if member(parameter, "content").is_some() => Style::Json,
        _ if text(member(schema, "type")) == Some("object") && of("in") == Some("query") => {
            Style::Members("form")
        }
        _ => Style::Plain,
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}
