//! Keys, given or asked for, and settings → reports and refusals.

use super::fake::Fake;
use super::*;

#[test]
fn keys_are_asked_for_once() {
    let fake = Fake::scripted(&[]);
    let result = run(&fake, &table(None), documents(60), None);
    assert_eq!(told(&result), "written 60, requests 4 retries 0");
    let result = run(&fake, &table(None), documents(2), Some(0));
    assert_eq!(
        told(&result),
        "written 0, pending [0, 1], stopped by budget, requests 0 retries 0"
    );
    let result = run(&fake, &table(None), &[], None);
    assert_eq!(told(&result), "written 0, requests 0 retries 0");
    let mut other = table(None);
    "missing".clone_into(&mut other.name);
    let result = told(&run(&fake, &other, documents(1), None));
    assert!(
        result.starts_with("invalid: DynamoDB has no table `missing`"),
        "{result}"
    );
}

#[test]
fn wrong_keys_are_recognised() {
    let wrong = Keys {
        partition: attribute("name", KeyType::Text),
        sort: None,
    };
    let fake = Fake::scripted(&[]);
    let named: Vec<String> = (0..200)
        .map(|number| format!(r#"{{"name":"{number}"}}"#))
        .collect();
    let result = run(&fake, &table(Some(wrong)), &named, None);
    assert_eq!(
        told(&result),
        "invalid: the table `tracks` has the keys id (S), at (N), but the call says name (S)"
    );
    assert!(fake.calls() < 16, "{}", fake.calls());
}

#[test]
fn the_configuration_is_checked() {
    let fake = Fake::scripted(&[]);
    let check = |change: fn(&mut Table), expected: &str| {
        let mut table = table(Some(real_keys()));
        change(&mut table);
        let seen = told(&run(&fake, &table, documents(1), None));
        assert!(seen.starts_with(expected), "{seen}");
    };
    check(|_| (), "written 1");
    check(
        |it| "ab".clone_into(&mut it.name),
        "invalid: table: /name must be",
    );
    check(
        |it| "a\"b".clone_into(&mut it.name),
        "invalid: table: /name must be",
    );
    check(
        |it| it.name = "x".repeat(256),
        "invalid: table: /name must be",
    );
    check(|it| it.concurrency = 0, "invalid: table: /concurrency is 0");
    check(
        |it| it.concurrency = 65,
        "invalid: table: /concurrency is 65",
    );
    check(
        |it| it.retry.max_attempts = 0,
        "invalid: table: /retry/max_attempts is 0",
    );
    check(
        |it| {
            it.keys = Some(Keys {
                sort: Some(attribute("id", KeyType::Text)),
                ..real_keys()
            });
        },
        "invalid: table: /keys/sort/name is the partition",
    );
    check(
        |it| {
            it.keys = Some(Keys {
                partition: attribute("", KeyType::Text),
                sort: None,
            });
        },
        "invalid: table: /keys/partition/name must have",
    );
}
