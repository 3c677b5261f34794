//! Settings of authentication → what can't work of them.

use crate::message::is_header_name;
use crate::settings::{ApiKey, Auth, Mistakes, Secret};
use url::Url;

/// Adds what can't work.
pub fn check(auth: &Auth, mistakes: &mut Mistakes) {
    match auth {
        Auth::Bearer(bearer) if bearer.token.expose().is_empty() => {
            mistakes.add("/auth/token", "is empty");
        }
        Auth::Bearer(bearer) if !is_visible(bearer.token.expose()) => mistakes.add(
            "/auth/token",
            "has characters that an HTTP header can't carry",
        ),
        Auth::None {} | Auth::Bearer(_) => {}
        Auth::Basic(basic) => {
            if basic.username.contains(':') {
                mistakes.add(
                    "/auth/username",
                    "has a colon, which HTTP Basic can't carry",
                );
            }
            one_line("/auth/username", &basic.username, mistakes);
            one_line("/auth/password", basic.password.expose(), mistakes);
        }
        Auth::ApiKey(key) => check_key(key, mistakes),
        Auth::ClientCredentials(client) => {
            check_client(
                &client.token_url,
                &client.client_id,
                &client.client_secret,
                mistakes,
            );
        }
        Auth::RefreshToken(client) => {
            check_client(
                &client.token_url,
                &client.client_id,
                &client.client_secret,
                mistakes,
            );
            if client.refresh_token.expose().is_empty() {
                mistakes.add("/auth/refresh_token", "is empty");
            }
            one_line(
                "/auth/refresh_token",
                client.refresh_token.expose(),
                mistakes,
            );
        }
    }
}

fn check_key(key: &ApiKey, mistakes: &mut Mistakes) {
    if key.key.expose().is_empty() {
        mistakes.add("/auth/key", "is empty");
    }
    match (&key.header, &key.parameter) {
        (Some(name), None) => {
            if !is_header_name(name) {
                mistakes.add("/auth/header", "is not the name of an HTTP header");
            }
            let line = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            for (at, text) in [
                ("/auth/key", key.key.expose()),
                ("/auth/prefix", &key.prefix),
            ] {
                if !line(text) {
                    mistakes.add(at, "has characters that an HTTP header can't carry");
                }
            }
        }
        (None, Some(name)) => {
            if name.is_empty() {
                mistakes.add("/auth/parameter", "is empty");
            }
            if !key.prefix.is_empty() {
                mistakes.add("/auth/prefix", "is only for a header");
            }
            one_line("/auth/key", key.key.expose(), mistakes);
        }
        _ => mistakes.add(
            "/auth",
            "must have either `header` or `parameter`, which takes the key",
        ),
    }
}

fn check_client(token_url: &str, client_id: &str, secret: &Secret, mistakes: &mut Mistakes) {
    one_line("/auth/client_secret", secret.expose(), mistakes);
    if client_id.is_empty() {
        mistakes.add("/auth/client_id", "is empty");
    }
    let url = Url::parse(token_url).ok();
    let fits = url.is_some_and(|url| {
        let plain = url.username().is_empty() && url.password().is_none();
        matches!(url.scheme(), "http" | "https") && url.has_host() && plain
    });
    if !fits {
        mistakes.add(
            "/auth/token_url",
            "must start with https:// (or http://) and carry no credentials",
        );
    }
}

/// A secret from a file often has the file's end of line with it.
fn one_line(place: &str, text: &str, mistakes: &mut Mistakes) {
    if text.contains(char::is_control) {
        mistakes.add(place, "has a control character, such as an end of line");
    }
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}
