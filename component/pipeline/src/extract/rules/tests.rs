//! What is wrong with rules; and the built-in ones.

use super::super::answer::asked;
use super::super::checked::Checked;
use super::super::plan::Plan;
use super::super::script::source;
use super::*;
use crate::bindings::exports::rowcast::pipeline::describe::Kind;
use crate::describe::validate;
use crate::platform::HttpResponse;
use crate::retry::is_transient;
use crate::settings::Format;

fn check(rules: &str, expected: &[&str]) {
    let text = format!(r#"{{"url": "https://api.example/", "rules": {rules}}}"#);
    let mistakes = validate(Kind::Source, &text).into_iter();
    let shown: Vec<_> = mistakes
        .map(|it| format!("{} {}", it.pointer, it.message))
        .collect();
    assert_eq!(shown, expected, "{rules}");
}

#[test]
fn mistakes_say_which_rule() {
    check("[]", &[]);
    check(BUILT_IN, &[]);
    check(
        r#"[{"when": {"status": [404, "5x", 42, "4xx"]}, "then": "records"}, {"when": {"status": "6xx"}}]"#,
        &[
            "/rules/0/when/status/1 is not a status such as 404, nor a class such as \"4xx\"",
            "/rules/0/when/status/2 is 42; a status is 100 to 599",
            "/rules/1/when/status is not a status such as 404, nor a class such as \"4xx\"",
            "/rules/1/then is missing",
        ],
    );
    check(
        r#"[{"then": "nothing"}, {"when": {"limited": true}, "then": "ignore"}]"#,
        &[
            "/rules/1/then is none of `records`, `nothing`, `retry`, `wait`, `renew`, `reject`, `stop`",
        ],
    );
    check(
        r#"[{"then": "nothing"}, {"when": {"limited": true}, "then": "wait"}]"#,
        &["/rules/0/when is left out, so the rules after this one are never used"],
    );
    let one = "must have exactly one of `equals`, `contains` and `present`";
    check(
        r#"[{"when": {"header": {"name": "a b"}, "body": {"pointer": "x", "equals": 1, "present": true}}, "then": "wait"}]"#,
        &[
            "/rules/0/when/header/name is not the name of an HTTP header",
            &format!("/rules/0/when/header {one}"),
        ],
    );
    check(
        r#"[{"when": {"body": {"pointer": "x", "equals": 1, "present": true}}, "then": "wait"}]"#,
        &[
            "/rules/0/when/body/pointer is not a JSON Pointer: a JSON Pointer is empty or starts with `/`",
            "/rules/0/when/body must have exactly one of `equals`, `contains`, `present` and `type`",
        ],
    );
    check(
        r#"[{"when": {"status": 420}, "then": "retry", "wait": {"header": "x", "pointer": "/x", "default": "5", "max": "0s"}}]"#,
        &[
            "/rules/0/wait/default is not a length of time such as \"500ms\", \"5s\", \"1m\" or \"2h\"",
            "/rules/0/wait/max is not a length of time such as \"500ms\", \"5s\", \"1m\" or \"2h\"",
            "/rules/0/wait is only for `then` \"wait\" or \"stop\"",
        ],
    );
    check(
        r#"[{"when": {"status": 420}, "then": "wait", "wait": {}}]"#,
        &["/rules/0/wait has none of `header`, `pointer` and `default`"],
    );
}

#[test]
fn every_answer_has_a_rule() {
    let source = source();
    let plan = Plan::check(&source, &[], None).ok();
    let rules = plan.map(|plan| plan.checked.rules);
    assert_eq!(
        rules.map_or(0, |rules| rules.0.len()),
        BUILT_IN.lines().count() - 2
    );
    assert!(BUILT_IN.ends_with("  {\"then\": \"reject\"}\n]\n"));
}

/// Token endpoints and sources agree on what may pass.
#[test]
fn transient_statuses_are_those_of_retry() {
    let source = source();
    let checked = Checked::new(&source, &mut Mistakes::default());
    let rules = checked.map(|checked| checked.rules);
    let then = |status, headers: &[(&str, &str)]| {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let response = HttpResponse {
            status,
            headers: headers.iter().map(owned).collect(),
            body: Vec::new(),
        };
        let asked = asked(&response, SystemTime::UNIX_EPOCH);
        let limits = asked.limits(status);
        let answer = Answer::new(response, Format::Json);
        let rule = rules.as_ref();
        let rule = rule.and_then(|rules| rules.find(&answer, &asked, |_| false));
        (rule.map(|rule| rule.then), limits)
    };
    for status in 100..=599 {
        let (rule, _) = then(status, &[]);
        let passes = rule.map(|then| matches!(then, Then::Retry | Then::Wait));
        assert_eq!(passes, Some(is_transient(status)), "{status}");
        for name in ["retry-after", "retry-after-ms", "x-ms-retry-after-ms"] {
            let (rule, limits) = then(status, &[(name, "2")]);
            assert_eq!(
                rule.map(|then| then == Then::Wait),
                Some(limits),
                "{status}"
            );
        }
    }
}
