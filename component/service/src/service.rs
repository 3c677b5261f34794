//! A request → the call it asks for → an answer.

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod tests;

use crate::calls::Calls;
use crate::http::{Body, BodyError, Request, Response};
use crate::input::Validate;
use crate::problem::Problem;
use crate::read::read;
use crate::settings::Settings;
use rowcast_pipeline::describe::{describe, validate};
use serde::Serialize;
use serde_json::json;

/// The description of everything here, as `GET /openapi.json` answers it.
pub const OPENAPI: &str = include_str!("../openapi.json");

const JSON: &str = "application/json";

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Health,
    OpenApi,
    Describe,
    Validate,
    Extract,
    Load,
    Transfer,
    Query,
    Explain,
}

pub(crate) const ROUTES: [(&str, Route); 9] = [
    ("/extract", Route::Extract),
    ("/load", Route::Load),
    ("/transfer", Route::Transfer),
    ("/query", Route::Query),
    ("/explain", Route::Explain),
    ("/describe", Route::Describe),
    ("/validate", Route::Validate),
    ("/health", Route::Health),
    ("/openapi.json", Route::OpenApi),
];

impl Route {
    fn methods(self) -> &'static str {
        match self {
            Self::Health | Self::OpenApi | Self::Describe => "GET, HEAD",
            Self::Validate
            | Self::Extract
            | Self::Load
            | Self::Transfer
            | Self::Query
            | Self::Explain => "POST",
        }
    }
}

/// Answers one request. The environment is its variables and their values.
pub fn answer(
    request: Request<impl Body>,
    environment: &[(String, String)],
    calls: &impl Calls,
) -> Response {
    let head = request.method == "HEAD";
    let response = Settings::read(environment)
        .and_then(|settings| dispatch(request, settings, calls))
        .unwrap_or_else(Problem::response);
    if head {
        return response.without_body();
    }
    response
}

fn dispatch(
    request: Request<impl Body>,
    settings: Settings,
    calls: &impl Calls,
) -> Result<Response, Problem> {
    let route = route(request.path())?;
    let allowed = route.methods();
    if !allowed.split(", ").any(|method| method == request.method) {
        return Err(Problem::MethodNotAllowed(allowed));
    }
    let text = match route {
        Route::Health => health(),
        Route::OpenApi => return Ok(Response::new(200, JSON, OPENAPI.as_bytes())),
        Route::Describe => json(&describe())?,
        Route::Validate => {
            let Validate { kind, settings } = read(&body(request, settings)?)?;
            json(&validate(kind, &settings))?
        }
        Route::Extract => json(&calls.extract(&read(&body(request, settings)?)?)?)?,
        Route::Load => json(&calls.load(&read(&body(request, settings)?)?)?)?,
        Route::Transfer => json(&calls.transfer(&read(&body(request, settings)?)?)?)?,
        Route::Query => json(&calls.query(&read(&body(request, settings)?)?)?)?,
        Route::Explain => json(&calls.explain(&read(&body(request, settings)?)?)?)?,
    };
    Ok(Response::new(200, JSON, text))
}

/// A result's JSON.
fn json(result: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(result).map_err(|error| Problem::NotJson(error.to_string()))
}

fn route(path: &str) -> Result<Route, Problem> {
    let found = ROUTES.iter().find(|(known, _)| *known == path);
    found.map(|(_, route)| *route).ok_or_else(|| {
        let routes = ROUTES
            .iter()
            .map(|(path, route)| format!("{} {path}", route.methods().replace(", ", "|")));
        Problem::NotFound(routes.collect::<Vec<_>>().join(", "))
    })
}

fn health() -> Vec<u8> {
    let health = json!({
        "status": "ok",
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
    });
    health.to_string().into_bytes()
}

/// The body, if it's JSON by its headers and within its limit.
fn body(request: Request<impl Body>, settings: Settings) -> Result<Vec<u8>, Problem> {
    check_media_type(request.header("content-type"))?;
    check_coding(request.header("content-encoding"))?;
    let limit = settings.max_body_bytes;
    let announced = request
        .header("content-length")
        .and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(Problem::TooLarge(limit));
    }
    // Chunked bodies announce nothing.
    request.body.read(limit).map_err(|error| match error {
        BodyError::TooLong => Problem::TooLarge(limit),
        BodyError::Broken => Problem::Broken,
    })
}

/// A missing type is refused too: pages of other sites can make browsers send
/// bodies without a type, or as plain text, to a service on this machine or
/// network, but not as JSON.
fn check_media_type(given: Option<&str>) -> Result<(), Problem> {
    let refusal = |what: &str| {
        Err(Problem::UnsupportedMediaType(format!(
            "{what}; send `Content-Type: application/json`"
        )))
    };
    let Some(given) = given else {
        return refusal("there is no content type");
    };
    let mut parts = given.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_json = media_type == JSON
        || (media_type.starts_with("application/") && media_type.ends_with("+json"));
    if !is_json {
        return refusal("the content type is another one");
    }
    let charset = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    match charset {
        Some((_, value)) if !value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8") => {
            refusal("the charset is not UTF-8")
        }
        _ => Ok(()),
    }
}

fn check_coding(given: Option<&str>) -> Result<(), Problem> {
    match given {
        None => Ok(()),
        Some(coding) if coding.trim().eq_ignore_ascii_case("identity") => Ok(()),
        Some(_) => Err(Problem::UnsupportedMediaType(
            "compressed bodies are not read; send it without `Content-Encoding`".to_owned(),
        )),
    }
}
