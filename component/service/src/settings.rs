//! The environment's variables → the service's settings.

use crate::problem::Problem;

/// What a request's body may have unless the environment says otherwise: 16
/// MiB. A chunk of 50 rows and its documents have far less, and an instance
/// needs several times a body's size in memory.
pub const MAX_BODY_BYTES: u64 = 16 * 1024 * 1024;

/// The variable that says otherwise.
pub const MAX_BODY_BYTES_VARIABLE: &str = "ROWCAST_MAX_BODY_BYTES";

/// What the environment can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of a request's body at most.
    pub max_body_bytes: u64,
}

impl Settings {
    /// Reads them; an empty variable counts as not set. A variable that can't be
    /// read fails every request, health too: whoever deployed it so should see
    /// it at once.
    pub fn read(environment: &[(String, String)]) -> Result<Self, Problem> {
        let variable = environment
            .iter()
            .find(|(name, value)| name == MAX_BODY_BYTES_VARIABLE && !value.trim().is_empty());
        let max_body_bytes = match variable {
            None => MAX_BODY_BYTES,
            Some((name, value)) => value.trim().parse().map_err(|_| {
                Problem::Misconfigured(format!(
                    "the environment variable {name} must be a whole number of bytes, such as \
                     {MAX_BODY_BYTES}"
                ))
            })?,
        };
        Ok(Self { max_body_bytes })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<u64, Problem> {
        let owned: Vec<_> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Settings::read(&owned).map(|settings| settings.max_body_bytes)
    }

    #[test]
    fn the_limit_is_a_number_of_bytes() {
        assert_eq!(read(&[]).unwrap(), 16_777_216);
        assert_eq!(read(&[("PATH", "/bin")]).unwrap(), 16_777_216);
        assert_eq!(read(&[("ROWCAST_MAX_BODY_BYTES", "1024")]).unwrap(), 1024);
        assert_eq!(read(&[("ROWCAST_MAX_BODY_BYTES", " 0\n")]).unwrap(), 0);
        assert_eq!(
            read(&[("ROWCAST_MAX_BODY_BYTES", " ")]).unwrap(),
            16_777_216
        );
        for wrong in ["16MB", "-1", "1.5", "99999999999999999999"] {
            assert!(
                read(&[("ROWCAST_MAX_BODY_BYTES", wrong)]).is_err(),
                "{wrong}"
            );
        }
    }
}
