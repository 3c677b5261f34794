//! A source and the environment → the source with each reference replaced by
//! what it refers to, or why not. Pure.

use crate::allow::VARIABLE as ALLOW;
use serde_json::Value;

/// What the names of variables begin with that may be referred to. All others,
/// AWS's own among them, are none of a caller's business.
pub const PREFIX: &str = "ROWCAST_SECRET_";

/// Where a credential may stand, and what it is called in messages.
const CREDENTIALS: [(&str, &str); 7] = [
    ("auth's token", "/auth/token"),
    ("auth's username", "/auth/username"),
    ("auth's password", "/auth/password"),
    ("auth's key", "/auth/key"),
    ("auth's client id", "/auth/client_id"),
    ("auth's client secret", "/auth/client_secret"),
    ("auth's refresh token", "/auth/refresh_token"),
];

/// Why a reference can't be replaced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It refers to what is not a secret of ours.
    #[error(
        "{place} refers to `{name}`: only variables whose names begin with {PREFIX} and go on in \
         capitals, digits and underscores may be referred to"
    )]
    Name {
        /// The member of the source.
        place: &'static str,
        /// The variable.
        name: String,
    },
    /// The variable is not set, or empty.
    #[error("{place} refers to {name}, which is not set in the component's environment")]
    Unset {
        /// The member of the source.
        place: &'static str,
        /// The variable.
        name: String,
    },
    /// The caller chooses the URL, so it could be sent to the caller.
    #[error(
        "{place} refers to {name}, which may only be used where {ALLOW} confines requests; set it \
         in the component's environment to the origins of the source and of its tokens"
    )]
    Unconfined {
        /// The member of the source.
        place: &'static str,
        /// The variable.
        name: String,
    },
}

/// Replaces `${ROWCAST_SECRET_…}` where it is the whole of a credential or of a
/// header's value. `variable` gives an environment variable's value.
/// What isn't JSON stays as it is: the call says what is wrong.
pub fn resolve<'v>(
    source: &str,
    variable: impl Fn(&str) -> Option<&'v str>,
) -> Result<String, SecretError> {
    let Ok(mut settings) = serde_json::from_str::<Value>(source) else {
        return Ok(source.to_owned());
    };
    let confined = variable(ALLOW).is_some();
    let secret = |place, name: &str| {
        let rest = name.strip_prefix(PREFIX).unwrap_or_default();
        let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        let name = name.to_owned();
        if rest.is_empty() || !rest.bytes().all(allowed) {
            return Err(SecretError::Name { place, name });
        }
        if !confined {
            return Err(SecretError::Unconfined { place, name });
        }
        match variable(&name).filter(|value| !value.is_empty()) {
            Some(value) => Ok(value.to_owned()),
            None => Err(SecretError::Unset { place, name }),
        }
    };
    fill(&mut settings, secret)?;
    if let Some(Value::Array(steps)) = settings.get_mut("then") {
        for step in steps {
            fill(step, secret)?;
        }
    }
    Ok(settings.to_string())
}

/// Fills in those of the source, or of a step.
fn fill(
    settings: &mut Value,
    secret: impl Fn(&'static str, &str) -> Result<String, SecretError>,
) -> Result<(), SecretError> {
    for (place, member) in CREDENTIALS {
        if let Some(Value::String(text)) = settings.pointer_mut(member)
            && let Some(name) = reference(text)
        {
            *text = secret(place, name)?;
        }
    }
    if let Some(Value::Object(headers)) = settings.get_mut("headers") {
        for (_, value) in headers {
            // A header's value is a template: `${id}` is a dollar and a column.
            let name = value.as_str().and_then(reference);
            if let Some(name) = name.filter(|name| name.starts_with(PREFIX)) {
                let filled = secret("a header", name)?;
                *value = filled.replace('{', "{{").replace('}', "}}").into();
            }
        }
    }
    Ok(())
}

/// The name in `${NAME}`.
fn reference(text: &str) -> Option<&str> {
    text.strip_prefix("${")?.strip_suffix('}')
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;
