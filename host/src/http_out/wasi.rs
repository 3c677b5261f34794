//! The component's wasi:http requests → exchanges of the pooled client, under
//! policy and limits, with the source's credentials added.

use super::authorizer::{Authorization, AuthorizeError, Authorizer};
use super::body::{Answer, AnswerBounds};
use super::client::{Client, ExchangeError, Inbound, Repeats, RequestBody};
use super::egress::Egress;
use super::fault;
use super::mask::Mask;
use super::sending::Sending;
use super::violation::{UpstreamFailure, Violation, Violations};
use crate::dynamodb::with_causes;
use crate::hint::Hint;
use crate::hold::{Holds, Step};
use crate::limits::Limits;
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper_util::client::legacy::connect::capture_connection;
use rowcast_pipeline::message::is_refusal;
use serde_json::json;
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody, WasiHttpHooks,
};

/// What the requests of all calls share.
#[derive(Clone, Debug)]
pub(crate) struct Outbound {
    pub(crate) client: Client,
    pub(crate) egress: Arc<Egress>,
    pub(crate) authorizer: Authorizer,
    pub(crate) limits: Arc<Limits>,
}

/// The requests of one call.
#[derive(Debug)]
pub(crate) struct Hooks {
    outbound: Outbound,
    violations: Violations,
    repeats: Repeats,
    holds: Holds,
    slots: Arc<Semaphore>,
    left: u32,
}

type Worker = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answered = Result<(Response<WasiBody>, Worker), Error>;

impl Hooks {
    pub(crate) fn new(
        outbound: Outbound,
        violations: Violations,
        repeats: Repeats,
        holds: Holds,
    ) -> Self {
        let slots = usize::try_from(outbound.limits.requests_in_flight).unwrap_or(usize::MAX);
        let slots = Arc::new(Semaphore::new(slots.min(Semaphore::MAX_PERMITS)));
        let left = outbound.limits.requests_per_call;
        Self {
            outbound,
            violations,
            repeats,
            holds,
            slots,
            left,
        }
    }
}

impl WasiHttpHooks for Hooks {
    // hyper writes the header from the URL that policy has seen.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Worker,
    ) -> Box<dyn Future<Output = Answered> + Send> {
        let Some(left) = self.left.checked_sub(1) else {
            let limit = self.outbound.limits.requests_per_call;
            self.violations.record(Violation::too_many(
                format!("policy refuses more than {limit} HTTP requests in one call"),
                Hint::new("lower `run.chunk_rows` in rowcast.toml"),
            ));
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        };
        self.left = left;
        let exchange = Exchange {
            outbound: self.outbound.clone(),
            violations: self.violations.clone(),
            repeats: self.repeats.clone(),
            options: options.unwrap_or_default(),
            limited: OnceLock::new(),
        };
        let (slots, holds) = (self.slots.clone(), self.holds.clone());
        Box::new(async move {
            let slot = tokio::select! {
                slot = slots.acquire_owned() => slot.map_err(|_| Error::ConnectionLimitReached)?,
                () = holds.clone().until(Step::Answers) => return Err(Error::ConnectionTerminated),
            };
            let deadline = Instant::now() + exchange.outbound.limits.request();
            let answer = tokio::select! {
                answer = timeout_at(deadline, exchange.send(request)) => {
                    answer.unwrap_or(Err(Error::HttpResponseTimeout))
                }
                () = holds.clone().until(Step::Answers) => Err(Error::ConnectionTerminated),
            };
            exchange.note(&answer);
            let answer = match (answer, exchange.limited.get()) {
                (Err(_), Some(limited)) => return Ok((limited.clone().map(whole), done())),
                (answer, _) => answer?,
            };
            let bounds = AnswerBounds {
                bytes: kib(exchange.outbound.limits.response_body_kib),
                deadline,
                pause: exchange.options.between_bytes_timeout,
            };
            let refuses = is_refusal(answer.status().as_u16());
            if !refuses && answer.body().size_hint().lower() > bounds.bytes {
                return Err(Error::HttpResponseBodySize(Some(
                    answer.body().size_hint().lower(),
                )));
            }
            let mask = answer.extensions().get::<Mask>().cloned();
            let answer = answer.map(|body| {
                let body = Answer::new(body, bounds, slot, holds.until(Step::Answers));
                match mask {
                    Some(mask) => mask.body(body).boxed_unsync(),
                    None => body.boxed_unsync(),
                }
            });
            Ok((answer, done()))
        })
    }
}

/// An answer of the host's own.
fn whole(text: String) -> WasiBody {
    Full::new(Bytes::from(text))
        .map_err(|never| match never {})
        .boxed_unsync()
}

fn done() -> Worker {
    Box::new(std::future::ready(Ok(())))
}

/// How often a request is sent with tokens that are refused.
const MOST_SENT: u32 = 4;

struct Exchange {
    outbound: Outbound,
    violations: Violations,
    repeats: Repeats,
    options: RequestOptions,
    /// What is answered where the token endpoint asks to be left alone: it speaks for
    /// the source.
    limited: OnceLock<Response<String>>,
}

impl Exchange {
    async fn send(&self, request: Request<WasiBody>) -> Result<Response<Inbound>, Error> {
        let (mut parts, body) = request.into_parts();
        if let Err(denied) = self.outbound.egress.admit(&parts.uri) {
            return Err(self.denied(Violation::from(&denied)));
        }
        if let Err(violation) = self.admit_method(&parts) {
            return Err(self.denied(violation));
        }
        for name in &DEFAULT_FORBIDDEN_HEADERS {
            parts.headers.remove(name);
        }
        parts.extensions.insert(self.repeats.clone());
        let limit = kib(self.outbound.limits.request_body_kib);
        // Where our token may have expired, it is sent twice.
        let twice = self.outbound.authorizer.covers(&parts.uri);
        let mut body = Sending::from_guest(&parts, body, limit, twice).await?;
        body.check_length(&mut parts)?;
        let mut first = None;
        let mut sent = 0;
        loop {
            let (answer, refused) = self.attempt(&mut parts, body.take(), sent > 0).await?;
            sent += 1;
            let more = sent < MOST_SENT && body.is_whole();
            if !refused.is_some_and(|refused| refused.refused(&mut first) && more) {
                return Ok(answer);
            }
        }
    }

    /// Sends it with our credentials, if there are some for it; once more, perhaps. What
    /// the server answers, and the credentials if it was 401.
    async fn attempt(
        &self,
        parts: &mut Parts,
        body: RequestBody,
        again: bool,
    ) -> Result<(Response<Inbound>, Option<Authorization>), Error> {
        let authorization = self.authorization(parts).await;
        match &authorization {
            Ok(_) if again => self.repeats.add(),
            Err(_) if !again => self.repeats.add_unsent(),
            _ => {}
        }
        let authorization = authorization?;
        let request = Request::from_parts(parts.clone(), body);
        let mut answer = self.start(request).await?;
        if let Some(authorization) = &authorization {
            let mask = authorization.mask();
            mask.headers(answer.headers_mut());
            answer.extensions_mut().insert(mask);
        }
        if answer.status() == StatusCode::UNAUTHORIZED {
            return Ok((answer, authorization));
        }
        if let Some(authorization) = authorization {
            authorization.worked();
        }
        Ok((answer, None))
    }

    /// TRACE has a server repeat our header, and CONNECT is a tunnel. What
    /// changes something is not done in the host's name; whether a POST does is
    /// for the operator to say.
    fn admit_method(&self, parts: &Parts) -> Result<(), Violation> {
        let method = &parts.method;
        let reads = matches!(*method, Method::GET | Method::HEAD);
        let writes = matches!(
            *method,
            Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS
        );
        if reads {
            Ok(())
        } else if !writes {
            let message = format!("policy refuses the HTTP method {method}");
            Err(Violation::new(message, None))
        } else if *method == Method::POST && self.outbound.authorizer.posts(&parts.uri) {
            Ok(())
        } else if self.outbound.authorizer.covers(&parts.uri) {
            let message = format!("policy refuses {method} with the host's credentials");
            let hint = r#"a source that is read by POST says `method = "POST"` in [source]"#;
            Err(Violation::new(message, Some(Hint::new(hint))))
        } else {
            Ok(())
        }
    }

    /// Adds our credentials, in place of any that the guest may have made up.
    async fn authorization(&self, parts: &mut Parts) -> Result<Option<Authorization>, Error> {
        match self.outbound.authorizer.authorization(&parts.uri).await {
            Ok(found) => {
                let added = found.iter().try_for_each(|found| found.add_to(parts));
                let added = added.map_err(|error| Violation::new(error.to_string(), None));
                added.map_err(|violation| self.denied(violation))?;
                Ok(found)
            }
            Err(AuthorizeError::Denied { reason, hint }) => {
                Err(self.denied(Violation::no_credentials(reason, hint)))
            }
            Err(AuthorizeError::Unavailable(reason)) => {
                // The only code that carries words to the guest.
                Err(Error::InternalError(Some(reason)))
            }
            Err(AuthorizeError::Limited { reason, until }) => {
                let seconds = until.saturating_duration_since(Instant::now()).as_secs() + 1;
                let mut limited = Response::new(json!({ "message": reason }).to_string());
                *limited.status_mut() = StatusCode::TOO_MANY_REQUESTS;
                limited.headers_mut().insert(RETRY_AFTER, seconds.into());
                let _ = self.limited.set(limited);
                Err(Error::InternalError(Some(reason)))
            }
        }
    }

    /// Sends, and waits for the headers as long as the guest wants to wait.
    async fn start(&self, mut request: Request<RequestBody>) -> Result<Response<Inbound>, Error> {
        let mut connection = capture_connection(&mut request);
        let patience = async {
            // What it answers holds a lock, which must not outlive this.
            let connected = async { drop(connection.wait_for_connection_metadata().await) };
            let in_time = if let Some(bound) = self.options.connect_timeout {
                timeout(bound, connected).await.is_ok()
            } else {
                connected.await;
                true
            };
            if !in_time {
                return Error::ConnectionTimeout;
            }
            match self.options.first_byte_timeout {
                Some(bound) => tokio::time::sleep(bound).await,
                None => std::future::pending().await,
            }
            Error::ConnectionReadTimeout
        };
        tokio::select! {
            biased;
            answer = self.outbound.client.start(request) => answer.map_err(|error| self.failed(&error)),
            error = patience => Err(error),
        }
    }

    /// What may be why the call stops, if policy isn't.
    fn note(&self, answer: &Result<Response<Inbound>, Error>) {
        let failure = match answer {
            Ok(answer) => UpstreamFailure::of_status(answer.status()),
            // Recorded where it was denied.
            Err(Error::HttpRequestDenied) => None,
            Err(_) => Some(UpstreamFailure::Failed),
        };
        if let Some(failure) = failure {
            self.violations.failure(failure);
        }
    }

    fn failed(&self, error: &ExchangeError) -> Error {
        if let Some(denied) = error.denied() {
            return self.denied(Violation::from(denied));
        }
        // A certificate that isn't trusted now won't be in a second: the reason
        // is said once, and nothing repeated.
        if let ExchangeError::Connect(connect) = error
            && connect.is_lasting()
        {
            return self.denied(Violation::new(with_causes(connect), connect.hint()));
        }
        if let ExchangeError::Connect(_) = error {
            self.repeats.add_unreached();
        }
        let fault = fault::of_exchange(error);
        tracing::debug!(?error, ?fault, "no answer for the component");
        fault
    }

    fn denied(&self, violation: Violation) -> Error {
        self.violations.record(violation);
        Error::HttpRequestDenied
    }
}

fn kib(kib: u64) -> u64 {
    kib.saturating_mul(1024)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;
