//! How the host authenticates requests to the source → the authorizer's rules.

use super::{Plan, PlanError};
use crate::address::Address;
use crate::config::Auth;
use crate::http_out::authorizer::{Method, Rule};
use crate::http_out::egress::Origin;
use crate::secret::Secret;

/// Where the client's credentials stand, for hints.
const SECRET_SETTINGS: [&str; 2] = ["source.auth.client_id", "source.auth.client_secret"];

impl Plan {
    /// A rule for each origin that gets the source's credentials. `plain_http`
    /// are origins of other machines that get secrets over plain http.
    pub fn rules(&self, plain_http: &[Origin]) -> Result<Vec<Rule>, PlanError> {
        let secret = |secret: &rowcast_pipeline::settings::Secret| Secret::new(secret.expose());
        let method = match &self.auth {
            // The last two are the component's.
            Auth::None {} | Auth::ApiKey(_) | Auth::RefreshToken(_) => return Ok(Vec::new()),
            Auth::Bearer(bearer) => Method::Bearer(secret(&bearer.token)),
            Auth::Basic(basic) => Method::Basic {
                username: basic.username.clone(),
                password: secret(&basic.password),
            },
            Auth::ClientCredentials(client) => Method::ClientCredentials {
                token_url: Address::parse(&client.token_url).map_err(|source| {
                    PlanError::Unusable {
                        setting: "source.auth.token_url",
                        source,
                        template: false,
                    }
                })?,
                client_id: client.client_id.clone(),
                client_secret: secret(&client.client_secret),
                scope: client.scope.clone(),
            },
        };
        let rule = |origin: &Origin| Rule {
            origin: origin.clone(),
            method: method.clone(),
            plain_http: plain_http.to_vec(),
            settings: SECRET_SETTINGS.map(str::to_owned).to_vec(),
        };
        Ok(self.authenticated.iter().map(rule).collect())
    }
}
