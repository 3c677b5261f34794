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
        assert_eq!(found.place.to_string(), place, "{text}");
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
        "db port 5",
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
    check("postgres://u:hunter2@/db", "it names no host");
    let second = "what follows pair 1 isn't name=value; a value with spaces needs '…'";
    check("host=db password='hunter2", second);
    check("host=db hunter2", second);
    check(
        "host=db passwort=hunter2",
        "the name of pair 2 isn't known; did you mean `password`?",
    );
    check(
        "host=db password=a hunter2=b",
        "the name of pair 3 isn't known",
    );
    check(
        "host=db user=u connect_timeout=hunter2",
        "the value of `connect_timeout` can't be used",
    );
    check("host=hunter2@db user=u", "its host can't be one");
}

/// What must not be shown is `hunter2`, or the half of it.
#[test]
fn urls_that_cannot_be_read() {
    fn check(text: &str, message: &str) {
        let Err(error) = connection(text) else {
            panic!("{text}")
        };
        let shown = format!(
            "{error} {error:?} {}",
            error.hint().unwrap_or_else(|| panic!())
        );
        assert!(shown.contains(message), "{text}: {shown}");
        for secret in ["hunt", "er2", "me:", "db.example"] {
            assert!(!shown.contains(secret), "{text}: {shown}");
        }
    }
    let at = "it has more than one @: encode @ as %40 in the password";
    check("postgres://me:hunt@er2@db.example.com/app", at);
    check("postgresql://me:hunter2@@db.example.com:5432", at);
    check("postgres://me:hunt?er@2@db.example.com", at);
    check("postgres://me:hunter2@db.example.com/app?options=a@b", at);
    let slash = "encode / as %2F in the password";
    check("postgres://me:hunt/er2@db.example.com/app", slash);
    check("postgres://me:1/er2@db.example.com", slash);
    let port = "the port is 1 to 65535";
    check("postgres://me:hunter2/app", port);
    check("postgres://me:p@db.example:hunter2/app", port);
    for scheme in ["postgresql+psycopg2", "mysql", "postgis", "jdbc", "https"] {
        check(
            &format!("{scheme}://me:hunter2@db.example.com/app?sslmode=require"),
            &format!("its scheme is {scheme}, and must be postgres or postgresql"),
        );
    }
    check(
        "jdbc:postgresql://db.example/x?password=hunter2",
        "its scheme is jdbc",
    );
    for quote in ['"', '\'', '`'] {
        let text = format!("{quote}postgres://me:hunter2@db.example.com/app{quote}");
        check(&text, "leave quotes out");
    }
    let neither = "it begins with neither postgres:// nor a pair such as host=…";
    check("hunter2", neither);
    check("", neither);
    check("me:hunter2@db.example.com/app", neither);
    check("//me:hunter2@db.example.com/app", neither);
    check("psql 'postgres://me:hunter2@db.example.com'", neither);
    check("postgres:me:hunter2@db.example.com", neither);
    let unknown = "parameter 2 behind its ? isn't known; did you mean `sslmode`?";
    check(
        "postgres://me:p@db.example?user=x&ssl_mode=hunter2",
        unknown,
    );
    check(
        "postgres://me:p@db.example?hunter2",
        "parameter 1 behind its ? has no value",
    );
    check("postgres://me:%FFhunter2@db.example", "isn't UTF-8");
}
