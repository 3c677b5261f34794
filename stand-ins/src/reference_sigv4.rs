//! A request's bytes → its signature, computed a second time, by another way.
//! All tests of signatures use this.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at the first surprise: this is for tests"
)]

use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The secret of Amazon's own examples.
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The three steps of Signature Version 4.
#[derive(Debug, PartialEq)]
pub struct Steps {
    /// The canonical request.
    pub canonical: String,
    /// The string to sign.
    pub to_sign: String,
    /// In hexadecimal digits.
    pub signature: String,
}

/// `headers` are those that are signed, in order; `scope` is
/// `date/region/service/aws4_request`.
#[must_use]
pub fn steps(
    method: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    scope: &str,
    secret: &str,
) -> Steps {
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}:{}", value.trim()))
        .collect();
    let lines = lines.join("\n");
    let canonical = format!(
        "{method}\n/\n\n{lines}\n\n{}\n{}",
        names.join(";"),
        sha256(body)
    );
    let date = headers
        .iter()
        .find(|(name, _)| *name == "x-amz-date")
        .unwrap()
        .1;
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        sha256(canonical.as_bytes())
    );
    let key = scope
        .split('/')
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| {
            hmac(&key, part)
        });
    let signature = hex(&hmac(&key, &to_sign));
    Steps {
        canonical,
        to_sign,
        signature,
    }
}

/// What a request says of its signature, checked against what it should be.
/// The names of the signed headers.
pub fn verify<B: AsRef<[u8]>>(request: &Request<B>, secret: &str) -> Vec<String> {
    let text = |name: &str| request.headers().get(name).unwrap().to_str().unwrap();
    let authorization = text("authorization");
    let after = |mark: &str| {
        let rest = authorization.split_once(mark).unwrap().1;
        rest.split_once(", ").map_or(rest, |(first, _)| first)
    };
    let (_, scope) = after("Credential=").split_once('/').unwrap();
    let names: Vec<&str> = after("SignedHeaders=").split(';').collect();
    let headers: Vec<_> = names.iter().map(|name| (*name, text(name))).collect();
    let steps = steps(
        request.method().as_str(),
        &headers,
        request.body().as_ref(),
        scope,
        secret,
    );
    assert_eq!(
        after("Signature="),
        steps.signature,
        "{}\n{}",
        steps.canonical,
        steps.to_sign
    );
    names.into_iter().map(str::to_owned).collect()
}
