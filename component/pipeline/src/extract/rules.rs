//! An answer → the rule that says what it means: the first of the source's
//! rules whose conditions hold, or else of the built-in ones.

use super::answer::Answer;
use super::pointer::Pointer;
use crate::date::date;
use crate::message::is_header_name;
use crate::numbers::milliseconds;
use crate::retry::{Asked, since_epoch, wait_ms};
use crate::settings::{self, JsonType, Mistakes, Scalar, Statuses, Then, Unit, Wait};
use rowcast_json::{Kind, Value};
use std::time::SystemTime;

/// What answers mean where a source's own rules say nothing: a list of rules
/// like theirs, as JSON.
pub const BUILT_IN: &str = include_str!("rules.json");

/// No wait that a rule reads is longer, unless the rule says so.
const LONGEST_WAIT_MS: u64 = 24 * 3_600_000;

/// A source's rules and the built-in ones, in the order in which they are
/// tried.
pub struct Rules(Vec<Rule>);

/// What one rule says.
pub struct Rule {
    status: Option<Statuses>,
    limited: Option<bool>,
    reports_error: Option<bool>,
    header: Option<(String, Test)>,
    body: Option<(Pointer, Test)>,
    /// What the answer means.
    pub then: Then,
    wait: Option<(Wait, Option<Pointer>)>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether it is the source's own.
    pub own: bool,
}

/// What is asked of a header or a value.
enum Test {
    Equals(Scalar),
    Contains(String),
    Present(bool),
    Type(Kind),
}

impl Rules {
    /// Checks a source's rules and adds the built-in ones.
    pub fn new(own: &[settings::Rule], mistakes: &mut Mistakes) -> Self {
        let mut rules = Vec::new();
        for (index, rule) in own.iter().enumerate() {
            let at = format!("/rules/{index}");
            let everything = rule.when == settings::When::default();
            if everything && index + 1 < own.len() {
                let message = "is left out, so the rules after this one are never used";
                mistakes.add_with_hint(format!("{at}/when"), message, "put this rule last");
            }
            rules.extend(Rule::new(&at, rule, true, mistakes));
        }
        for rule in settings::rules(BUILT_IN) {
            rules.extend(Rule::new("", &rule, false, mistakes));
        }
        Self(rules)
    }

    /// The rule for an answer. `reported` tells whether a body reports an error.
    pub fn find(
        &self,
        answer: &Answer,
        asked: &Asked,
        reported: impl Fn(Value<'_>) -> bool,
    ) -> Option<&Rule> {
        let holds = |rule: &&Rule| rule.holds(answer, asked, &reported);
        self.0.iter().find(holds)
    }
}

impl Rule {
    fn new(at: &str, rule: &settings::Rule, own: bool, mistakes: &mut Mistakes) -> Option<Self> {
        let header = match &rule.when.header {
            None => None,
            Some(header) => {
                let at = format!("{at}/when/header");
                if !is_header_name(&header.name) {
                    mistakes.add(format!("{at}/name"), "is not the name of an HTTP header");
                }
                let equals = header.equals.clone().map(Scalar::Text);
                let test = test(
                    &at,
                    equals,
                    header.contains.clone(),
                    header.present,
                    None,
                    mistakes,
                )?;
                Some((header.name.to_ascii_lowercase(), test))
            }
        };
        let body = match &rule.when.body {
            None => None,
            Some(body) => {
                let at = format!("{at}/when/body");
                let place = Pointer::of_setting(&format!("{at}/pointer"), &body.pointer, mistakes);
                let (equals, contains) = (body.equals.clone(), body.contains.clone());
                let test = test(&at, equals, contains, body.present, body.kind, mistakes)?;
                Some((place?, test))
            }
        };
        let wait = rule.wait.as_ref();
        let wait = wait.map(|wait| (wait.clone(), check_wait(at, rule.then, wait, mistakes)));
        Some(Self {
            status: rule.when.status.clone(),
            limited: rule.when.limited,
            reports_error: rule.when.reports_error,
            header,
            body,
            then: rule.then,
            wait,
            hint: rule.hint.clone(),
            own,
        })
    }

    fn holds(&self, answer: &Answer, asked: &Asked, reported: impl Fn(Value<'_>) -> bool) -> bool {
        let status = answer.response.status;
        self.status.as_ref().is_none_or(|it| it.contain(status))
            && self.limited.is_none_or(|it| it == asked.limited())
            && self.header.as_ref().is_none_or(|(name, test)| {
                let value = answer.header(name);
                test.holds(value, |expected, value| match expected {
                    Scalar::Text(text) => value.trim() == text,
                    Scalar::Null | Scalar::Boolean(_) | Scalar::Number(_) => false,
                })
            })
            // The body is read only where the rest holds.
            && self.reports_error.is_none_or(|it| it == answer.body().is_ok_and(&reported))
            && self.body.as_ref().is_none_or(|(place, test)| in_body(answer, place, test))
    }

    /// How long the upstream is to be left alone, as the answer says or the
    /// rule does; `today` is when it came.
    #[must_use]
    pub fn pause_ms(&self, answer: &Answer, asked: &Asked, today: SystemTime) -> Option<u64> {
        let Some((wait, place)) = &self.wait else {
            return asked.pause();
        };
        let today = answer.header("date").and_then(date).unwrap_or(today);
        let header = wait.header.as_deref();
        let header = header.and_then(|name| answer.header(&name.to_ascii_lowercase()));
        let value = place
            .as_ref()
            .and_then(|place| place.find(answer.body().ok()?));
        let value = value.and_then(text);
        let said = header.or(value.as_deref());
        let said = said.and_then(|text| read_wait(text, wait.unit, today));
        let said = said.filter(|&wait| wait > 0);
        let default = wait.default.map(|default| default.ms);
        let most = wait.max.map_or(LONGEST_WAIT_MS, |most| most.ms);
        let pause = said.or_else(|| asked.pause()).or(default);
        pause.map(|pause| pause.min(most))
    }
}

impl Test {
    /// Whether it holds of a text, or of there being none.
    fn holds(&self, value: Option<&str>, equals: impl Fn(&Scalar, &str) -> bool) -> bool {
        match self {
            Self::Equals(expected) => value.is_some_and(|value| equals(expected, value)),
            Self::Contains(part) => value.is_some_and(|value| value.contains(part.as_str())),
            Self::Present(present) => value.is_some() == *present,
            // A header's value is a text.
            Self::Type(kind) => value.is_some() && *kind == Kind::String,
        }
    }
}

fn in_body(answer: &Answer, place: &Pointer, test: &Test) -> bool {
    let Ok(body) = answer.body() else {
        // A body that is cut short says nothing about what is in it.
        return answer.is_empty() && matches!(test, Test::Present(false));
    };
    let value = place.find(body);
    match test {
        Test::Present(present) => value.is_some() == *present,
        Test::Type(kind) => value.is_some_and(|value| value.kind() == *kind),
        Test::Equals(expected) => value.is_some_and(|value| equals(expected, value)),
        Test::Contains(part) => value
            .and_then(Value::string)
            .is_some_and(|text| text.contains(part.as_str())),
    }
}

fn equals(expected: &Scalar, value: Value<'_>) -> bool {
    match (expected, value.kind()) {
        (Scalar::Null, kind) => kind == Kind::Null,
        (Scalar::Boolean(boolean), Kind::Boolean) => value.text() == boolean.to_string(),
        (Scalar::Text(text), Kind::String) => value.string().is_some_and(|it| it == text.as_str()),
        // 4 and 4.0 are one number.
        (Scalar::Number(number), Kind::Number) => {
            let read = |text: &str| text.parse::<f64>().ok();
            number == value.text() || read(number) == read(value.text())
        }
        _ => false,
    }
}

fn text(value: Value<'_>) -> Option<std::borrow::Cow<'_, str>> {
    match value.kind() {
        Kind::String => value.string(),
        Kind::Number => Some(value.text().into()),
        Kind::Null | Kind::Boolean | Kind::Array | Kind::Object => None,
    }
}

/// What a header or a value says of a wait, in milliseconds from `today`.
fn read_wait(text: &str, unit: Option<Unit>, today: SystemTime) -> Option<u64> {
    let text = text.trim();
    let number = || text.parse::<f64>().ok().filter(|number| *number >= 0.0);
    let until = |time: SystemTime| {
        let wait = time.duration_since(today).unwrap_or_default();
        u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
    };
    match unit {
        None => wait_ms(text, today).or_else(|| date(text).map(until)),
        Some(Unit::Seconds) => Some(milliseconds(number()? * 1_000.0)),
        Some(Unit::Milliseconds) => Some(milliseconds(number()?)),
        Some(Unit::Date) => date(text).map(until),
        Some(Unit::Epoch) => since_epoch(number()?).map(until),
    }
}

fn test(
    at: &str,
    equals: Option<Scalar>,
    contains: Option<String>,
    present: Option<bool>,
    kind: Option<JsonType>,
    mistakes: &mut Mistakes,
) -> Option<Test> {
    let kind = kind.map(|kind| match kind {
        JsonType::Null => Kind::Null,
        JsonType::Boolean => Kind::Boolean,
        JsonType::Number => Kind::Number,
        JsonType::String => Kind::String,
        JsonType::Array => Kind::Array,
        JsonType::Object => Kind::Object,
    });
    match (equals, contains, present, kind) {
        (Some(expected), None, None, None) => Some(Test::Equals(expected)),
        (None, Some(part), None, None) => Some(Test::Contains(part)),
        (None, None, Some(present), None) => Some(Test::Present(present)),
        (None, None, None, Some(kind)) => Some(Test::Type(kind)),
        _ => {
            let message = if at.ends_with("/body") {
                "must have exactly one of `equals`, `contains`, `present` and `type`"
            } else {
                "must have exactly one of `equals`, `contains` and `present`"
            };
            mistakes.add(at, message);
            None
        }
    }
}

fn check_wait(at: &str, then: Then, wait: &Wait, mistakes: &mut Mistakes) -> Option<Pointer> {
    let at = format!("{at}/wait");
    if !matches!(then, Then::Wait | Then::Stop) {
        mistakes.add(&at, "is only for `then` \"wait\" or \"stop\"");
    }
    match (&wait.header, &wait.pointer) {
        (Some(_), Some(_)) => mistakes.add(&at, "must not have both `header` and `pointer`"),
        (None, None) if wait.default.is_none() => {
            let hint = "leave `wait` out to use the usual headers";
            mistakes.add_with_hint(&at, "has none of `header`, `pointer` and `default`", hint);
        }
        _ => {}
    }
    if wait
        .header
        .as_ref()
        .is_some_and(|name| !is_header_name(name))
    {
        mistakes.add(format!("{at}/header"), "is not the name of an HTTP header");
    }
    let place = wait.pointer.as_ref()?;
    Pointer::of_setting(&format!("{at}/pointer"), place, mistakes)
}

#[cfg(test)]
mod tests;
