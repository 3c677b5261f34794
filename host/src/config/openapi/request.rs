//! Where an API is, and an operation's parameters → what its requests have: a
//! URL, and headers.

use super::document::{Operation, Parameter, Style};
use super::foreign::{self, Template};
use super::server::Server;
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

/// The URL template, and the columns in it. `fixed` are parameters with values.
pub fn url(
    server: &Server,
    operation: &Operation<'_>,
    parameters: &[&Parameter],
    fixed: &[(String, String)],
    remarks: &mut Vec<String>,
) -> (String, Vec<String>) {
    let mut url = Template::default();
    remarks.extend(server.remarks.iter().cloned());
    url.address(server.base.trim_end_matches('/'));
    // Otherwise it would continue the host's name.
    if !operation.path.starts_with('/') {
        url.address("/");
    }
    for (before, name) in foreign::pieces(operation.path) {
        url.address(before);
        let Some(name) = name else { continue };
        let mut all = parameters.iter();
        let parameter = all.find(|it| it.place == "path" && it.name == name);
        match parameter.map(|it| it.style) {
            Some(Style::Matrix) => {
                url.address(";");
                url.value(name);
                url.address("=");
            }
            Some(Style::Label) => url.address("."),
            _ => {}
        }
        match parameter.and_then(|it| it.json_format().or_else(|| it.sole_value())) {
            Some(value) => url.value(&value),
            None => url.column(name),
        }
    }
    if !server.query.is_empty() {
        url.address(&format!("?{}", server.query));
    }
    let optional = parameters_of(&mut url, parameters, remarks);
    for (name, value) in fixed {
        url.parameter(name);
        url.value(value);
    }
    let (url, columns) = url.finish();
    if !optional.is_empty() {
        let optional = optional.join(", ");
        remarks.push(format!("The URL may also have the parameters {optional}."));
    }
    if columns.is_empty() {
        remarks.push(
            "Nothing of a row is in the URL: every row asks for the same. Put a column in \
             braces, such as a parameter's value."
                .to_owned(),
        );
    }
    (url, columns)
}

/// Adds the parameters that a request must have; gives the names of the others.
fn parameters_of(
    url: &mut Template,
    parameters: &[&Parameter],
    remarks: &mut Vec<String>,
) -> Vec<String> {
    let mut optional = Vec::new();
    for parameter in parameters.iter().filter(|it| it.place == "query") {
        let name = &parameter.name;
        let value = parameter.json_format();
        if value.is_none() && !parameter.required {
            optional.push(match parameter.style {
                Style::Members(style) => format!("{name} (style {style})"),
                _ => name.clone(),
            });
            continue;
        }
        match (parameter.style, value.or_else(|| parameter.only_value())) {
            (Style::Members(style), _) => remarks.push(format!(
                "Requests must have the parameter `{name}`, an object in the style {style}, which \
                 isn't written: add its members to the URL."
            )),
            (_, Some(value)) => {
                url.parameter(name);
                url.value(&value);
            }
            (style, None) => {
                match style {
                    Style::Joined(by) => remarks.push(format!(
                        "The parameter `{name}` may have several values: the column then has \
                         \"{by}\" between them."
                    )),
                    Style::Json => remarks.push(format!(
                        "The parameter `{name}` takes JSON: the column has its text."
                    )),
                    _ => {}
                }
                url.parameter(name);
                url.column(name);
            }
        }
    }
    optional
}

/// Headers that every request must have; what else it must have is said.
pub fn headers(
    parameters: &[&Parameter],
    has_key: bool,
    remarks: &mut Vec<String>,
) -> Map<String, Value> {
    // These are the component's own.
    let own = ["accept", "content-type", "user-agent"];
    let mut headers = Map::new();
    for parameter in parameters.iter().filter(|it| it.required) {
        let name = parameter.name.to_ascii_lowercase();
        if parameter.place == "cookie" {
            remarks.push(format!(
                "Requests must have the cookie `{0}`: set the header `cookie` to \"{0}=…\".",
                parameter.name
            ));
        }
        let is_own = own.contains(&name.as_str()) || (name == "authorization" && has_key);
        if parameter.place != "header" || is_own {
            continue;
        }
        let value = parameter.only_value().filter(|value| {
            let is_header = HeaderName::try_from(&name).is_ok();
            is_header && name != "authorization" && HeaderValue::from_str(value).is_ok()
        });
        match value {
            Some(value) => {
                headers.insert(name, foreign::header(&value).into());
            }
            None => remarks.push(format!("Requests must have the header `{name}`: set it.")),
        }
    }
    headers
}
