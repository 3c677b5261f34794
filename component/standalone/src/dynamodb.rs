//! DynamoDB requests → signed requests over `wasi:http`, all of a list at the
//! same time.

use crate::settings::{Settings, SettingsError};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use rowcast_aws::causes::with_causes;
use rowcast_aws::service_error;
use rowcast_aws::sign::{SignError, Unsigned, sign};
use rowcast_aws::skew::Skew;
use rowcast_pipeline::bindings::rowcast::pipeline::dynamodb::{Request, Response, SendError};
use rowcast_pipeline::extract::mask;
use rowcast_pipeline::message::{HttpError, HttpMethod, HttpRequest, HttpResponse};
use rowcast_wasi::{clock, executor, http as wasi_http};

/// What is known of the server's clock, as long as this instance lives.
static SKEW: Skew = Skew::new();

/// One result for each request, in order. `variable` gives an environment
/// variable's value.
pub fn send(
    requests: Vec<Request>,
    variable: impl Fn(&str) -> Option<String>,
) -> Vec<Result<Response, SendError>> {
    let settings = match Settings::read(variable) {
        Ok(settings) => settings,
        Err(error) => return requests.iter().map(|_| Err(unset(&error))).collect(),
    };
    let settings = &settings;
    executor::block_on(
        stream::iter(requests)
            .map(|request| send_one(settings, request))
            .buffered(settings.in_flight)
            .collect(),
    )
}

async fn send_one(settings: &Settings, request: Request) -> Result<Response, SendError> {
    let operation = request.operation;
    let admitted = settings.tables.admit(&operation, &request.body);
    admitted.map_err(|refusal| SendError::Denied(with_causes(&refusal)))?;
    let act = format!("send {operation} to {}", settings.endpoint.origin());
    let length = u64::try_from(request.body.len()).unwrap_or(u64::MAX);
    if length > settings.body_bytes {
        return Err(SendError::TooLarge(format!(
            "{act}: the request is longer than ROWCAST_DYNAMODB_BODY_KIB allows"
        )));
    }
    let body = Bytes::from(request.body);
    let mut corrected = false;
    loop {
        let with = SKEW.correct(clock::today());
        let unsigned = Unsigned {
            endpoint: &settings.endpoint,
            operation: &operation,
            body: body.clone(),
        };
        let signed =
            sign(&unsigned, with.at, &settings.credentials).map_err(|error| unsignable(&error))?;
        let answer = wasi_http::send(plain(&signed, settings)).await;
        let mut answer = answer.map_err(|error| unanswered(&act, error))?;
        // A gateway may repeat it.
        if let Some(token) = settings.credentials.session_token()
            && !(200..300).contains(&answer.status)
        {
            mask::overwrite(&mut answer.body, token);
        }
        let status = answer.status;
        let headers = headers(&answer);
        let date = headers
            .get(header::DATE)
            .and_then(|date| date.to_str().ok());
        let error = service_error::of(status, &headers, &answer.body);
        // Once: the clock can be wrong only once.
        if !corrected
            && error.is_some_and(|error| SKEW.corrects(with, clock::today(), &error, date))
        {
            corrected = true;
            continue;
        }
        return match String::from_utf8(answer.body) {
            Ok(body) => Ok(Response {
                status,
                body,
                retry_after_ms: service_error::retry_after_ms(&headers),
            }),
            Err(_) => Err(SendError::Unavailable(format!(
                "{act}: the answer is not UTF-8"
            ))),
        };
    }
}

fn plain(signed: &http::Request<Bytes>, settings: &Settings) -> HttpRequest {
    let headers = signed.headers().iter();
    HttpRequest {
        method: HttpMethod::Post,
        url: signed.uri().to_string(),
        headers: headers
            // WASI's host sets it from the URL, which is what was signed.
            .filter(|(name, _)| *name != header::HOST)
            .filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            })
            .collect(),
        body: signed.body().to_vec(),
        timeout_ms: settings.timeout_ms,
        max_body_bytes: settings.body_bytes,
    }
}

fn headers(answer: &HttpResponse) -> HeaderMap {
    let headers = answer.headers.iter();
    headers
        .filter_map(|(name, value)| {
            let name = HeaderName::try_from(name.as_str()).ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        })
        .collect()
}

fn unset(error: &SettingsError) -> SendError {
    match error {
        SettingsError::NoCredentials(_) => SendError::Credentials(error.to_string()),
        SettingsError::Endpoint(_) => SendError::Denied(format!(
            "{}; set AWS_REGION, or correct AWS_ENDPOINT_URL_DYNAMODB",
            with_causes(error)
        )),
        SettingsError::Bound { .. } => SendError::Denied(error.to_string()),
    }
}

fn unsignable(error: &SignError) -> SendError {
    let text = with_causes(error);
    if error.is_of_credentials() {
        SendError::Credentials(text)
    } else {
        SendError::Denied(text)
    }
}

fn unanswered(act: &str, error: HttpError) -> SendError {
    match error {
        HttpError::Unreached(cause) | HttpError::Unavailable(cause) => {
            SendError::Unavailable(format!("{act}: {cause}"))
        }
        HttpError::Timeout => SendError::Unavailable(format!(
            "{act}: no complete answer within ROWCAST_DYNAMODB_SECONDS"
        )),
        HttpError::TooLarge => SendError::TooLarge(format!(
            "{act}: the answer is longer than ROWCAST_DYNAMODB_BODY_KIB allows"
        )),
        HttpError::Denied(cause) | HttpError::Invalid(cause) => {
            SendError::Denied(format!("{act}: {cause}"))
        }
    }
}
