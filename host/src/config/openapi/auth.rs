//! A document's security schemes → `[source.auth]`. Secrets come from the
//! environment: the file that is written has none.

use super::document::{Document, Operation, Parameter, member, text};
use super::server::Server;
use http::HeaderName;
use serde_json::{Value, json};

/// What is secret, by the type of authentication.
const SECRETS: [(&str, &[(&str, &str)]); 5] = [
    ("bearer", &[("token", "${API_TOKEN}")]),
    (
        "basic",
        &[
            ("username", "${API_USERNAME}"),
            ("password", "${API_PASSWORD}"),
        ],
    ),
    ("api-key", &[("key", "${API_KEY}")]),
    ("client-credentials", &CLIENT),
    (
        "refresh-token",
        &[
            CLIENT[0],
            CLIENT[1],
            ("refresh_token", "${API_REFRESH_TOKEN}"),
        ],
    ),
];
const CLIENT: [(&str, &str); 2] = [
    ("client_id", "${API_CLIENT_ID}"),
    ("client_secret", "${API_CLIENT_SECRET}"),
];

/// How requests are authenticated.
#[derive(Clone, Debug, Default)]
pub struct Key {
    /// `[source.auth]`, without its secrets.
    pub settings: Option<Value>,
}

impl Key {
    /// Whether it is what takes the key.
    pub fn is(&self, parameter: &Parameter) -> bool {
        let takes = |place: &str| text(self.settings.as_ref()?.get(place));
        match parameter.place.as_str() {
            "query" => takes("parameter") == Some(&parameter.name),
            "header" => takes("header").is_some_and(|it| it.eq_ignore_ascii_case(&parameter.name)),
            _ => false,
        }
    }
}

/// Adds the variables that the settings' secrets are in.
pub fn add_secrets(settings: &mut Value) {
    let kind = text(settings.get("type")).map(str::to_owned);
    let secrets = SECRETS
        .iter()
        .find(|(name, _)| kind.as_deref() == Some(name));
    if let (Some((_, secrets)), Some(settings)) = (secrets, settings.as_object_mut()) {
        let secrets = secrets.iter();
        settings.extend(secrets.map(|(name, variable)| ((*name).to_owned(), (*variable).into())));
    }
}

pub fn guess(
    document: Document<'_>,
    operation: &Operation<'_>,
    parameters: &[Parameter],
    server: &Server,
    remarks: &mut Vec<String>,
) -> Key {
    let mut alternatives = document.security(operation);
    // Of several at once only one can be set.
    alternatives.sort_by_key(Vec::len);
    let mut unknown = Vec::new();
    for alternative in &alternatives {
        let mut keys = Vec::new();
        for (name, scopes) in alternative {
            let Some(scheme) = document.scheme(name) else {
                remarks.push(format!(
                    "The document asks for authentication by `{name}`, which it doesn't describe: \
                     see what the API wants."
                ));
                continue;
            };
            match settings(scheme, scopes, server, remarks) {
                Some(settings) => keys.push(Key {
                    settings: Some(settings),
                }),
                None => unknown.push(*name),
            }
        }
        // Rather the one that is among the parameters that are required.
        let is_required = |key: &Key| parameters.iter().any(|it| it.required && key.is(it));
        let place = keys.iter().position(is_required).unwrap_or(0);
        let Some(key) = keys.get(place) else {
            continue;
        };
        if keys.iter().any(|other| other.settings != key.settings) {
            let names: Vec<_> = alternative.iter().map(|(name, _)| *name).collect();
            remarks.push(format!(
                "The document asks for {} at once: [source.auth] has one of them, others go into \
                 [source.headers].",
                names.join(", ")
            ));
        }
        return key.clone();
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

/// The settings of a scheme, without secrets.
fn settings(
    scheme: &Value,
    scopes: &Value,
    server: &Server,
    remarks: &mut Vec<String>,
) -> Option<Value> {
    let of = |name: &str| text(member(scheme, name)).unwrap_or_default();
    match (of("type"), of("scheme").to_ascii_lowercase().as_str()) {
        ("http", "basic") | ("basic", _) => Some(json!({"type": "basic"})),
        ("http", "bearer") | ("openIdConnect", _) => Some(json!({"type": "bearer"})),
        ("apiKey", _) => {
            let name = of("name");
            let place = match of("in") {
                "header" if HeaderName::try_from(name).is_ok() => "header",
                "query" if !name.is_empty() => "parameter",
                _ => return None,
            };
            Some(json!({"type": "api-key", place: name}))
        }
        ("oauth2", _) => Some(oauth(scheme, scopes, server, remarks).unwrap_or_else(|| {
            remarks.push(
                "The document has people log in to get a token; how to get one is not set here."
                    .to_owned(),
            );
            json!({"type": "bearer"})
        })),
        _ => None,
    }
}

fn oauth(
    scheme: &Value,
    scopes: &Value,
    server: &Server,
    remarks: &mut Vec<String>,
) -> Option<Value> {
    let flows = member(scheme, "flows");
    // OpenAPI 2.0 has one flow, by an older name.
    let flow = |name: &str, older: &str| {
        let second = Some(scheme).filter(|it| text(member(it, "flow")) == Some(older));
        flows.and_then(|flows| member(flows, name)).or(second)
    };
    let mut url = |flow: Option<&Value>, name: &str| {
        let written = text(member(flow?, name))?;
        let url = server.resolved(written);
        match &url {
            Some(url) if url == written => {}
            Some(url) => remarks.push(format!(
                "The document's `{name}`, `{written}`, is taken to be `{url}`."
            )),
            None => remarks.push(format!(
                "The document's `{name}`, `{written}`, isn't a URL that can be used."
            )),
        }
        url
    };
    if let Some(url) = url(flow("clientCredentials", "application"), "tokenUrl") {
        let mut settings = json!({"type": "client-credentials", "token_url": url});
        let scopes = scopes.as_array().map_or(&[][..], Vec::as_slice);
        let scopes: Vec<_> = scopes.iter().filter_map(Value::as_str).collect();
        if let (false, Some(settings)) = (scopes.is_empty(), settings.as_object_mut()) {
            settings.insert("scope".to_owned(), scopes.join(" ").into());
        }
        return Some(settings);
    }
    let code = flow("authorizationCode", "accessCode");
    let url = url(code, "refreshUrl").or_else(|| url(code, "tokenUrl"))?;
    Some(json!({"type": "refresh-token", "token_url": url}))
}
