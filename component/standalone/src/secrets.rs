//! A source and the environment → the source with each reference replaced by
//! what it refers to, or why not. Pure.

use crate::allow::VARIABLE as ALLOW;
use rowcast_pipeline::bindings::exports::rowcast::pipeline::extract::{Auth, Source};

/// What the names of variables begin with that may be referred to. All others,
/// AWS's own among them, are none of a caller's business.
pub const PREFIX: &str = "ROWCAST_SECRET_";

/// Why a reference can't be replaced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It refers to what is no secret of ours.
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
pub fn resolve<'v>(
    mut source: Source,
    variable: impl Fn(&str) -> Option<&'v str>,
) -> Result<Source, SecretError> {
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
    let replace = |place, text: &mut String| {
        if let Some(name) = reference(text) {
            *text = secret(place, name)?;
        }
        Ok(())
    };
    match &mut source.auth {
        Auth::None => {}
        Auth::Bearer(token) => replace("auth's token", token)?,
        Auth::Basic(basic) => {
            replace("auth's username", &mut basic.username)?;
            replace("auth's password", &mut basic.password)?;
        }
        Auth::ClientCredentials(client) => {
            replace("auth's client id", &mut client.client_id)?;
            replace("auth's client secret", &mut client.client_secret)?;
        }
    }
    for header in &mut source.headers {
        // A header's value is a template: `${id}` is a dollar and a column.
        let name = reference(&header.value).filter(|name| name.starts_with(PREFIX));
        if let Some(name) = name {
            let value = secret("a header", name)?;
            header.value = value.replace('{', "{{").replace('}', "}}");
        }
    }
    Ok(source)
}

/// The name in `${NAME}`.
fn reference(text: &str) -> Option<&str> {
    text.strip_prefix("${")?.strip_suffix('}')
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;
