//! A document's security schemes → `[source.auth]`. Secrets come from the
//! environment: the file that is written has none.

use super::document::{Document, Operation, Parameter, member, text};
use serde_json::{Value, json};

/// How requests are authenticated.
#[derive(Debug, Default)]
pub struct Key {
    /// `[source.auth]`.
    pub settings: Option<Value>,
    /// The query parameter that takes the key.
    pub parameter: Option<String>,
}

pub fn guess(
    document: Document<'_>,
    operation: &Operation<'_>,
    parameters: &[Parameter],
    remarks: &mut Vec<String>,
) -> Key {
    let mut alternatives = document.security(operation);
    // Of several at once only one can be set.
    alternatives.sort_by_key(Vec::len);
    let mut unknown = Vec::new();
    for alternative in &alternatives {
        let mut known = Vec::new();
        for (name, scopes) in alternative {
            let Some(scheme) = document.scheme(name) else {
                continue;
            };
            match settings(scheme, scopes, remarks) {
                Some(settings) => known.push(settings),
                None => unknown.push(*name),
            }
        }
        let parameter = |settings: &Value| text(settings.get("parameter")).map(str::to_owned);
        // Rather the one that is among the parameters that are required.
        let is_required = |settings: &Value| {
            let name = parameter(settings);
            let mut required = parameters.iter().filter(|it| it.required);
            required.any(|it| Some(&it.name) == name.as_ref())
        };
        let place = known.iter().position(is_required).unwrap_or(0);
        let Some(settings) = known.get(place) else {
            continue;
        };
        if known.iter().any(|other| other != settings) {
            let names: Vec<_> = alternative.iter().map(|(name, _)| *name).collect();
            remarks.push(format!(
                "The document asks for {} at once: [source.auth] has one of them, others go into \
                 [source.headers].",
                names.join(", ")
            ));
        }
        return Key {
            parameter: parameter(settings),
            settings: Some(settings.clone()),
        };
    }
    if !unknown.is_empty() {
        remarks.push(format!(
            "The document asks for authentication by {}, which can't be set by [source.auth].",
            unknown.join(", ")
        ));
    }
    let looks = |parameter: &&Parameter| {
        let name = parameter.name.to_ascii_lowercase().replace(['_', '-'], "");
        parameter.place == "query" && ["apikey", "key", "appid", "accesskey"].contains(&&*name)
    };
    if let (true, Some(key)) = (alternatives.is_empty(), parameters.iter().find(looks)) {
        remarks.push(format!(
            "The parameter `{0}` looks like a key: [source.auth] takes it as `type = \"api-key\"`, \
             `parameter = \"{0}\"`.",
            key.name
        ));
    }
    Key::default()
}

fn settings(scheme: &Value, scopes: &Value, remarks: &mut Vec<String>) -> Option<Value> {
    let of = |name: &str| text(member(scheme, name)).unwrap_or_default();
    let bearer = || json!({"type": "bearer", "token": "${API_TOKEN}"});
    let basic = json!({
        "type": "basic", "username": "${API_USERNAME}", "password": "${API_PASSWORD}",
    });
    match (of("type"), of("scheme").to_ascii_lowercase().as_str()) {
        ("http", "basic") | ("basic", _) => Some(basic),
        ("http", "bearer") | ("openIdConnect", _) => Some(bearer()),
        ("apiKey", _) => {
            let place = match of("in") {
                "header" => "header",
                "query" => "parameter",
                _ => return None,
            };
            Some(json!({"type": "api-key", "key": "${API_KEY}", place: of("name")}))
        }
        ("oauth2", _) => Some(oauth(scheme, scopes).unwrap_or_else(|| {
            remarks.push(
                "The document has people log in to get a token; how to get one is not set here."
                    .to_owned(),
            );
            bearer()
        })),
        _ => None,
    }
}

fn oauth(scheme: &Value, scopes: &Value) -> Option<Value> {
    let flows = member(scheme, "flows");
    let flow = |name: &str| flows.and_then(|flows| member(flows, name));
    // OpenAPI 2.0 has one flow, by an older name.
    let second = Some(scheme).filter(|it| text(member(it, "flow")) == Some("application"));
    let client = flow("clientCredentials").or(second);
    let url = |flow: Option<&Value>| Some(text(member(flow?, "tokenUrl"))?.to_owned());
    if let Some(url) = url(client) {
        let mut settings = json!({
            "type": "client-credentials", "token_url": url,
            "client_id": "${API_CLIENT_ID}", "client_secret": "${API_CLIENT_SECRET}",
        });
        let scopes = scopes.as_array().map_or(&[][..], Vec::as_slice);
        let scopes: Vec<_> = scopes.iter().filter_map(Value::as_str).collect();
        if let (false, Some(settings)) = (scopes.is_empty(), settings.as_object_mut()) {
            settings.insert("scope".to_owned(), scopes.join(" ").into());
        }
        return Some(settings);
    }
    let url = url(flow("authorizationCode"))?;
    Some(json!({
        "type": "refresh-token", "token_url": url, "client_id": "${API_CLIENT_ID}",
        "client_secret": "${API_CLIENT_SECRET}", "refresh_token": "${API_REFRESH_TOKEN}",
    }))
}
