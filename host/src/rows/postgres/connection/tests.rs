//! Tables of settings and how they connect.

use super::*;

fn connection(text: &str) -> Result<Connection, RowsError> {
    parse(&Secret::new(text), &Limits::default())
}

#[test]
fn connections() {
    fn check(text: &str, mode: SslMode, verification: &Verification, place: &str) {
        let found = match connection(text) {
            Ok(found) => found,
            Err(error) => panic!("{text}: {error:?}"),
        };
        assert_eq!(found.config.get_ssl_mode(), mode, "{text}");
        assert_eq!(&found.verification, verification, "{text}");
        assert_eq!(found.place, place, "{text}");
        assert_eq!(found.config.get_user(), Some("u"), "{text}");
        assert_eq!(
            found.config.get_application_name(),
            Some("rowcast"),
            "{text}"
        );
    }
    let file = || Roots::File("/etc/ca.pem".into());
    let nothing = &Verification::Nothing;
    check(
        "postgres://u@db/x",
        SslMode::Prefer,
        nothing,
        "db port 5432",
    );
    check(
        "postgres://u@db/x?sslmode=disable",
        SslMode::Disable,
        nothing,
        "db port 5432",
    );
    check(
        "postgresql://u:p%40@db:1/x?sslmode=require",
        SslMode::Require,
        nothing,
        "db port 1",
    );
    check(
        "postgres://u@db?sslmode=allow&port=5",
        SslMode::Prefer,
        nothing,
        "db port 5432,5",
    );
    check(
        "postgres://u:a?b@db/x?sslmode=verify-full",
        SslMode::Require,
        &Verification::Name(Roots::System),
        "db port 5432",
    );
    check(
        "postgres://u@db/x?options=-c%20a%3Db&sslrootcert=%2Fetc%2Fca.pem&sslmode=require",
        SslMode::Require,
        &Verification::Authority(file()),
        "db port 5432",
    );
    check(
        "host=db user=u sslmode = verify-ca sslrootcert='/etc/ca.pem' client_encoding=utf8",
        SslMode::Require,
        &Verification::Authority(file()),
        "db port 5432",
    );
    check(
        "user=u password='it\\'s a \\\\ b' host=a,b port=1,2 sslmode=verify-full",
        SslMode::Require,
        &Verification::Name(Roots::System),
        "a,b port 1,2",
    );
    check(
        "user=u host=db sslrootcert=system",
        SslMode::Require,
        &Verification::Name(Roots::System),
        "db port 5432",
    );
    check(
        "user=u host=/run/postgresql",
        SslMode::Disable,
        nothing,
        "/run/postgresql port 5432",
    );
}

#[test]
fn passwords_stay_as_they_are() {
    fn check(text: &str, password: &str) {
        let found = connection(text).ok();
        let found = found.and_then(|found| found.config.get_password().map(<[u8]>::to_vec));
        assert_eq!(found.as_deref(), Some(password.as_bytes()), "{text}");
    }
    check("postgres://u:p%3Fq@db?sslmode=require", "p?q");
    check("postgres://u:p?sslmode=x@db?sslmode=require", "p?sslmode=x");
    check("host=db password=a\\ b'c sslmode=require", "a b'c");
    check(
        "host=db password='a \\' sslmode=x \\\\'",
        "a ' sslmode=x \\",
    );
}

#[test]
fn mistakes() {
    fn check(text: &str, message: &str) {
        let Err(error) = connection(text) else {
            panic!("{text}")
        };
        assert_eq!(
            error.to_string(),
            format!("`rows.postgres`: {message}"),
            "{text}"
        );
        assert!(!format!("{error:?}").contains("hunter2"), "{text}");
    }
    let modes = "sslmode is none of disable, allow, prefer, require, verify-ca, verify-full";
    check("postgres://u:hunter2@db?sslmode=on", modes);
    check(
        "host=db sslmode=require sslcert=a",
        "sslcert isn't supported",
    );
    check(
        "host=db sslmode=require sslrootcert=system",
        "sslrootcert=system needs sslmode=verify-full",
    );
    check("user=u password=hunter2", "it names no host");
    check("host=db password='hunter2", "it can't be read");
    check("host=db passwort=hunter2", "it can't be read");
    check("hunter2", "it can't be read");
}
