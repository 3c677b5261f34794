//! The component's edge: an outgoing request → the host's, or a refusal.

use crate::VARIABLE;
use crate::allow::Allow;
use bindings::exports::wasi::http::outgoing_handler::Guest;
use bindings::wasi::cli::environment::get_environment;
use bindings::wasi::http::outgoing_handler;
use bindings::wasi::http::types::{
    ErrorCode, FutureIncomingResponse, OutgoingRequest, RequestOptions, Scheme,
};

#[expect(
    missing_docs,
    clippy::pedantic,
    reason = "generated from wit/, which has the documentation"
)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "egress",
        generate_all,
    });
}

struct Component;

bindings::export!(Component with_types_in bindings);

impl Guest for Component {
    fn handle(
        request: OutgoingRequest,
        options: Option<RequestOptions>,
    ) -> Result<FutureIncomingResponse, ErrorCode> {
        let variables = get_environment();
        let list = variables.iter().find(|(name, _)| name == VARIABLE);
        // A list that can't be read allows nothing, and says so by its own code.
        let allow = Allow::read(list.map(|(_, value)| value.as_str()))
            .map_err(|_| ErrorCode::ConfigurationError)?;
        if allow.admits(&url(&request)) {
            outgoing_handler::handle(request, options)
        } else {
            Err(ErrorCode::HttpRequestDenied)
        }
    }
}

/// As much of the URL as permission is about.
fn url(request: &OutgoingRequest) -> String {
    let scheme = match request.scheme() {
        // WASI leaves it to the host what no scheme means; all take HTTPS.
        Some(Scheme::Https) | None => "https",
        Some(Scheme::Http) => "http",
        Some(Scheme::Other(_)) => "",
    };
    format!("{scheme}://{}", request.authority().unwrap_or_default())
}
