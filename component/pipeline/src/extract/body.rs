//! A request body's template and a request's values → its JSON text.
//!
//! A text that is one placeholder, such as `"{id}"`, stands for the value as
//! JSON: numbers, lists and null stay what they are; `"{text:id}"` is a text. One that has
//! placeholders and no other braces is a template. Every other text is taken as it is
//! written, so that a GraphQL query needs no care.

use super::template::{FillError, Part, Place, Scope, Template, TemplateError};
use crate::settings::{Mistakes, Node};
use rowcast_json::quoted;
use std::borrow::Cow;
use std::rc::Rc;

/// A body, or a part of one.
#[derive(Clone)]
pub enum Body {
    /// JSON text.
    Text(String),
    /// A text with placeholders in it.
    Template(Rc<Template>),
    /// A column or an axis, and whether its member is left out where there is
    /// none.
    Name(String, bool),
    /// An array.
    List(Vec<Body>),
    /// An object.
    Object(Vec<(String, Body)>),
}

impl Body {
    /// Reads a template.
    pub fn new(node: &Node, mistakes: &mut Mistakes) -> Self {
        match node {
            Node::Null | Node::Gone => Self::Text("null".to_owned()),
            Node::Boolean(boolean) => Self::Text(boolean.to_string()),
            Node::Whole(number) => Self::Text(number.to_string()),
            Node::Number(number) => Self::Text(number.to_string()),
            Node::Text(text) => Self::of_text(text, mistakes),
            Node::List(items) => {
                let items = items.iter();
                Self::List(items.map(|node| Self::new(node, mistakes)).collect())
            }
            Node::Object(members) => {
                let members = members.iter();
                let member =
                    |(name, node): &(String, Node)| (name.clone(), Self::new(node, mistakes));
                Self::Object(members.map(member).collect())
            }
        }
    }

    fn of_text(text: &str, mistakes: &mut Mistakes) -> Self {
        let template = match Template::parse(text, Place::Body) {
            Ok(template) => template,
            Err(error @ TemplateError::RecordTooEarly) => {
                mistakes.add("/body", error.to_string());
                return Self::Text(quoted(text));
            }
            // Braces of another language.
            Err(_) => return Self::Text(quoted(text)),
        };
        let marks = template.marks(0);
        match template.parts() {
            [Part::Name(name)] if !marks.text => Self::Name(name.clone(), marks.optional),
            [Part::Text(_)] if !text.contains("{{") => Self::Text(quoted(text)),
            _ => Self::Template(Rc::new(template)),
        }
    }

    /// The columns and axes it asks for, but for those that may be missing.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Name(name, false) => vec![name.as_str()],
            Self::Template(template) => template.names().collect(),
            Self::Text(_) | Self::Name(..) => Vec::new(),
            Self::List(items) => items.iter().flat_map(Self::names).collect(),
            Self::Object(members) => members.iter().flat_map(|(_, body)| body.names()).collect(),
        }
    }

    /// Fills in a request's values; none where a value is missing that may be.
    pub fn fill(&self, scope: &Scope<'_>) -> Result<Option<Self>, FillError> {
        Ok(Some(match self {
            Self::Text(_) => self.clone(),
            Self::Template(template) => match template.fill_plain(scope) {
                Ok(text) => Self::Text(quoted(&text)),
                Err(error) if error.is_none_of(template) => return Ok(None),
                Err(error) => return Err(error),
            },
            Self::Name(name, optional) => match scope.json(name) {
                Ok(text) => Self::Text(text.into_owned()),
                Err(FillError::Missing { .. }) if *optional => return Ok(None),
                Err(error) => return Err(error),
            },
            Self::List(items) => {
                let filled = items.iter().filter_map(|item| item.fill(scope).transpose());
                Self::List(filled.collect::<Result<_, _>>()?)
            }
            Self::Object(members) => {
                let mut filled = Vec::with_capacity(members.len());
                for (name, body) in members {
                    filled.extend(body.fill(scope)?.map(|body| (name.clone(), body)));
                }
                Self::Object(filled)
            }
        }))
    }

    /// Puts JSON text at a place, where objects are made for what is missing.
    pub fn put(&mut self, place: &[String], text: &str) {
        let Some((name, rest)) = place.split_first() else {
            *self = Self::Text(text.to_owned());
            return;
        };
        if let Self::List(items) = self {
            if let Some(item) = name.parse().ok().and_then(|at: usize| items.get_mut(at)) {
                item.put(rest, text);
            }
            return;
        }
        if !matches!(self, Self::Object(_)) {
            *self = Self::Object(Vec::new());
        }
        if let Self::Object(members) = self {
            if let Some((_, body)) = members.iter_mut().find(|(known, _)| known == name) {
                body.put(rest, text);
            } else {
                let mut body = Self::Object(Vec::new());
                body.put(rest, text);
                members.push((name.clone(), body));
            }
        }
    }

    /// Its JSON text.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            // `fill` leaves none.
            Self::Name(..) | Self::Template(_) => "null".to_owned(),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(Self::text).collect();
                format!("[{}]", items.join(","))
            }
            Self::Object(members) => {
                let member =
                    |(name, body): &(String, Self)| format!("{}:{}", quoted(name), body.text());
                let members: Vec<_> = members.iter().map(member).collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }
}

impl<'s> Scope<'s> {
    /// A column's or an axis's value as JSON text.
    pub fn json(&self, name: &str) -> Result<Cow<'s, str>, FillError> {
        if let Some(value) = self.matrix.get(self.combination, name) {
            return Ok(quoted(value).into());
        }
        match self.row.get(name) {
            Some(value) => Ok(value.text().into()),
            // It says which names there are.
            None => self.get(name).map(|value| quoted(value.as_str()).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::super::matrix::Matrix;
    use super::super::row::Row;
    use super::*;
    use crate::settings::Axis;

    fn check(template: &str, cursor: Option<(&[&str], &str)>, expected: &str) {
        let row = Row::parse(r#"{"id":"a\"b","n":1.50,"none":null,"list":[1,{}]}"#).unwrap();
        let axes = [Axis {
            name: "country".to_owned(),
            values: vec!["US".to_owned()],
        }];
        let matrix = Matrix::new(&axes, &mut Mistakes::default());
        let scope = Scope {
            row: &row,
            matrix: &matrix,
            combination: 0,
        };
        let node = Node::parse(&format!(r#"{{"b":{template}}}"#), &mut Mistakes::default());
        let mut mistakes = Mistakes::default();
        let body = Body::new(node.unwrap().get("b").unwrap(), &mut mistakes);
        if let Some(mistake) = mistakes.into_list().first() {
            assert_eq!(mistake.message, expected, "{template}");
            return;
        }
        let shown = match body.fill(&scope) {
            Ok(Some(mut body)) => {
                if let Some((place, text)) = cursor {
                    let place: Vec<_> = place.iter().map(|&name| name.to_owned()).collect();
                    body.put(&place, text);
                }
                body.text()
            }
            Ok(None) => "left out".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{template}");
    }

    #[test]
    fn placeholders_become_json_values() {
        check(
            r#"{"a":"{id}","b":["{n}","{none}","{list}","{country}"]}"#,
            None,
            r#"{"a":"a\"b","b":[1.50,null,[1,{}],"US"]}"#,
        );
        check(r#"{"a":"{no?}","b":["{no?}",1]}"#, None, r#"{"b":[1]}"#);
        check(r#""{no?}""#, None, "left out");
        let known = "the row has no `no`; known are `country`, `id`, `list`, `n`, `none`";
        check(r#"["{no}"]"#, None, known);
        // Text that isn't one placeholder is text.
        for text in [
            r#""query($id: ID!) { artist(id: $id) { name } }""#,
            r#""query {me{id}} ""#,
            r#""query { me }""#,
            r#""{ }""#,
            r#""x }} y""#,
            "-1.5",
            "true",
            "null",
            "18446744073709551615",
        ] {
            check(text, None, text);
        }
        check(r#""{{id}}""#, None, r#""{id}""#);
        check(r#""{id} {n}, {{id}}""#, None, r#""a\"b 1.50, {id}""#);
        check(r#""in:{country}""#, None, r#""in:US""#);
        check(r#"["{text:n}","{text:id}"]"#, None, r#"["1.50","a\"b"]"#);
        check(r#""n {text:n}""#, None, r#""n 1.50""#);
        check(
            r#"["a {no?} b","{text:none?}","a {n?} b"]"#,
            None,
            r#"["a 1.50 b"]"#,
        );
        let early = "`{record:…}` is for attributes; there is no record before the request is made";
        check(r#"{"a":["x {record:/y}"]}"#, None, early);
        check(
            r#""x{none}""#,
            None,
            "`none` is null; a template takes strings, numbers and booleans",
        );
    }

    #[test]
    fn cursors_are_put_where_they_belong() {
        let put = |template: &str, place: &[&str], expected: &str| {
            check(template, Some((place, "\"c\"")), expected);
        };
        put(
            r#"{"a":{"after":null,"b":1}}"#,
            &["a", "after"],
            r#"{"a":{"after":"c","b":1}}"#,
        );
        put(
            r#"{"q":""}"#,
            &["variables", "after"],
            r#"{"q":"","variables":{"after":"c"}}"#,
        );
        put(
            r#"{"l":[{"x":0}]}"#,
            &["l", "0", "x"],
            r#"{"l":[{"x":"c"}]}"#,
        );
        put("1", &[], "\"c\"");
    }
}
