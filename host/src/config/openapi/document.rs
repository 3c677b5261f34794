//! An OpenAPI document → its operations, parameters and schemas, with references
//! followed. Versions 2.0 and 3 differ in where things stand, and nowhere else.

use super::sentence;
use rowcast_pipeline::settings::unescaped;
use serde_json::Value;

/// References that lead to references; a document may have circles.
const DEEPEST: usize = 16;
/// The methods that a path may have.
const METHODS: [&str; 7] = ["get", "head", "post", "put", "patch", "delete", "options"];

/// A whole document.
#[derive(Clone, Copy)]
pub struct Document<'a> {
    root: &'a Value,
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
    values: Vec<Value>,
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

fn items(value: Option<&Value>) -> &[Value] {
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
    pub fn new(root: &'a Value) -> Option<Self> {
        let is_one = member(root, "openapi").or_else(|| member(root, "swagger"));
        (is_one.is_some() && member(root, "paths").is_some()).then_some(Self { root })
    }

    pub fn member(self, name: &str) -> Option<&'a Value> {
        member(self.root, name)
    }

    /// What a reference leads to, in this document.
    pub fn resolved(self, value: &'a Value) -> &'a Value {
        let mut found = value;
        for _ in 0..DEEPEST {
            let Some(to) = text(member(found, "$ref")) else {
                break;
            };
            let Some(path) = to.strip_prefix("#/") else {
                break;
            };
            let target = path.split('/').try_fold(self.root, |at, step| {
                let step = unescaped(step);
                member(at, &step)
            });
            match target {
                Some(target) => found = target,
                None => break,
            }
        }
        found
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
            values: items(member(schema, "enum")).to_vec(),
        }
    }

    /// Scheme, host and the beginning of the path, without a slash at the end.
    pub fn server(self, operation: &Operation<'a>, remarks: &mut Vec<String>) -> String {
        let of = |value: &'a Value| items(member(value, "servers")).first();
        let server = of(operation.own)
            .or_else(|| of(operation.item))
            .or_else(|| of(self.root));
        let url = match server {
            Some(server) => {
                let url = text(member(server, "url")).unwrap_or_default().to_owned();
                let variables = members(member(server, "variables"));
                variables.into_iter().fold(url, |url, (name, variable)| {
                    let default = text(member(variable, "default")).unwrap_or_default();
                    url.replace(&format!("{{{name}}}"), default)
                })
            }
            None => self.second_version(),
        };
        let url = url.trim_end_matches('/');
        if url.starts_with("https://") || url.starts_with("http://") {
            return url.to_owned();
        }
        remarks
            .push("The document doesn't say on which host the API is: write it here.".to_owned());
        let slash = if url.is_empty() || url.starts_with('/') {
            ""
        } else {
            "/"
        };
        format!("https://api.example.com{slash}{url}")
    }

    /// Of OpenAPI 2.0.
    fn second_version(self) -> String {
        let Some(host) = text(self.member("host")) else {
            return text(self.member("basePath")).unwrap_or_default().to_owned();
        };
        let schemes = items(self.member("schemes"));
        let plain = schemes.first().and_then(Value::as_str) == Some("http");
        let secure = schemes.iter().any(|it| it.as_str() == Some("https"));
        let scheme = if plain && !secure { "http" } else { "https" };
        let base = text(self.member("basePath")).unwrap_or_default();
        format!("{scheme}://{host}{base}")
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

impl Operation<'_> {
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

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}
