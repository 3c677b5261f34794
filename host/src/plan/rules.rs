//! How the host authenticates requests to the source → the authorizer's rules.

use super::Plan;
use crate::config::Auth;
use crate::http_out::authorizer::Rule;
use crate::http_out::egress::Origin;

impl Plan {
    /// A rule for each origin that gets the source's credentials. `plain_http`
    /// are origins of other machines that get secrets over plain http.
    #[must_use]
    pub fn rules(&self, plain_http: &[Origin]) -> Vec<Rule> {
        // Where the credentials stand, for hints.
        let settings: &[&str] = match &self.auth {
            Auth::None {} => return Vec::new(),
            Auth::Bearer(_) => &["source.auth.token"],
            Auth::Basic(_) => &["source.auth.username", "source.auth.password"],
            Auth::ApiKey(_) => &["source.auth.key"],
            Auth::ClientCredentials(_) => &["source.auth.client_id", "source.auth.client_secret"],
            Auth::RefreshToken(_) => &[
                "source.auth.client_id",
                "source.auth.client_secret",
                "source.auth.refresh_token",
            ],
        };
        let rule = |origin: &Origin| Rule {
            origin: origin.clone(),
            auth: self.auth.clone(),
            plain_http: plain_http.to_vec(),
            settings: settings.iter().map(|&name| name.to_owned()).collect(),
            posts: self.posts,
        };
        self.authenticated.iter().map(rule).collect()
    }
}
