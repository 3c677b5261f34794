//! What a case expects, and what a host gave → the first difference.
//!
//! An expected value stands for itself, except for objects of one member:
//! `{"$contains": "…"}` is any text with that in it, `{"$between": [1, 9]}` a
//! number in that range, `{"$any": true}` anything that is there. Of `counters`
//! only those that are expected are compared, and by value: others may be added.

use serde_json::Value;

const COUNTERS: &str = "/counters";

/// None if they agree; otherwise where they don't, and how.
pub fn difference(expected: &Value, actual: &Value) -> Option<String> {
    differ(expected, actual, "")
}

fn differ(expected: &Value, actual: &Value, path: &str) -> Option<String> {
    if let Some(agrees) = pattern(expected, actual) {
        return (!agrees).then(|| wrong(expected, actual, path));
    }
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            let others = actual.keys().filter(|_| !path.ends_with(COUNTERS));
            let mut names = expected.keys().chain(others);
            let null = Value::Null;
            names.find_map(|name| {
                let of = |object: &'_ serde_json::Map<String, Value>| {
                    object.get(name).unwrap_or(&null).clone()
                };
                differ(&of(expected), &of(actual), &format!("{path}/{name}"))
            })
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            let mut pairs = ours.iter().zip(theirs).enumerate();
            pairs.find_map(|(position, (ours, theirs))| {
                differ(ours, theirs, &format!("{path}/{position}"))
            })
        }
        (Value::Number(ours), Value::Number(theirs)) if path.contains(COUNTERS) => {
            (ours.as_f64() != theirs.as_f64()).then(|| wrong(expected, actual, path))
        }
        (expected, actual) => (expected != actual).then(|| wrong(expected, actual, path)),
    }
}

fn wrong(expected: &Value, actual: &Value, path: &str) -> String {
    format!("{path}: expected {expected}, found {actual}")
}

/// None where the expected value is no pattern.
fn pattern(expected: &Value, actual: &Value) -> Option<bool> {
    let expected = expected.as_object().filter(|object| object.len() == 1)?;
    let (name, operand) = expected.iter().next()?;
    match name.as_str() {
        "$any" => Some(!actual.is_null()),
        "$contains" => {
            let text = actual.as_str();
            Some(text.is_some_and(|text| text.contains(operand.as_str().unwrap())))
        }
        "$between" => {
            let (least, most) = (operand[0].as_f64().unwrap(), operand[1].as_f64().unwrap());
            let number = actual.as_f64();
            Some(number.is_some_and(|number| (least..=most).contains(&number)))
        }
        _ => None,
    }
}

#[test]
fn differences() {
    use serde_json::json;

    let check = |expected: Value, actual: Value, wanted: &str| {
        let found = difference(&expected, &actual).unwrap_or_default();
        assert_eq!(found, wanted);
    };
    check(json!({"a": [1, {"b": 2}]}), json!({"a": [1, {"b": 2}]}), "");
    check(json!({"a": null}), json!({}), "");
    check(json!({"a": 1}), json!({}), "/a: expected 1, found null");
    check(json!({}), json!({"a": 1}), "/a: expected null, found 1");
    check(json!([1]), json!([1, 2]), ": expected [1], found [1,2]");
    check(
        json!({"a": [{"b": 2}]}),
        json!({"a": [{"b": 3}]}),
        "/a/0/b: expected 2, found 3",
    );
    check(json!({"$contains": "b"}), json!("abc"), "");
    check(
        json!([{"$contains": "b"}]),
        json!(["ac"]),
        "/0: expected {\"$contains\":\"b\"}, found \"ac\"",
    );
    check(json!({"$between": [1, 3]}), json!(3), "");
    check(
        json!({"$between": [1, 3]}),
        json!(4),
        ": expected {\"$between\":[1,3]}, found 4",
    );
    check(json!({"$any": true}), json!(0), "");
    check(
        json!({"a": {"$any": true}}),
        json!({}),
        "/a: expected {\"$any\":true}, found null",
    );
    let counters = json!({"ok": {"counters": {"a.b": 2.0, "a.c": 3.0}}});
    check(
        json!({"ok": {"counters": {"a.b": 2}}}),
        counters.clone(),
        "",
    );
    check(
        json!({"ok": {"counters": {"a.b": 1}}}),
        counters.clone(),
        "/ok/counters/a.b: expected 1, found 2.0",
    );
    check(
        json!({"ok": {"counters": {"a.d": 0}}}),
        counters,
        "/ok/counters/a.d: expected 0, found null",
    );
    let digits: Value = serde_json::from_str("[1.50]").unwrap();
    check(digits, json!([1.5]), "/0: expected 1.50, found 1.5");
}
