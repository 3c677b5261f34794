//! `${NAME}` and `${NAME:-default}` in a tree's text → the environment's values.
//!
//! It works on parsed text, so that a variable's value can't add settings.

use rowcast_pipeline::settings::{Mistakes, Node, escaped};
use std::collections::HashSet;

/// The environment, as a function of a variable's name.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Fills every text of the tree in place, and adds the pointers of those that
/// it filled. `at` is the tree's own pointer.
pub(crate) fn fill(
    node: &mut Node,
    at: &str,
    env: Environment<'_>,
    filled: &mut HashSet<String>,
    mistakes: &mut Mistakes,
) {
    match node {
        Node::Text(text) if text.contains('$') => match expand(text, &|name| {
            let value = env(name)?;
            // Headers are templates, and a secret's braces are none of theirs.
            Some(if at.starts_with("/source/") && at.contains("/headers/") {
                value.replace('{', "{{").replace('}', "}}")
            } else {
                value
            })
        }) {
            Ok(value) => {
                *text = value;
                filled.insert(at.to_owned());
            }
            Err(Mistake::Unset(name)) => mistakes.add_with_hint(
                at,
                format!("needs the environment variable {name}, which is not set"),
                format!("set it, or give a default in the file: ${{{name}:-…}}"),
            ),
            Err(Mistake::Nested) => mistakes.add_with_hint(
                at,
                "has a `${` inside of another one's default",
                "a default is text; write $${ for a ${ in it",
            ),
            Err(Mistake::Malformed) => mistakes.add_with_hint(
                at,
                "has a `${` that isn't followed by a variable's name and `}`",
                "write ${NAME} or ${NAME:-default}, and $${ for a ${ that stays",
            ),
        },
        Node::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                fill(item, &format!("{at}/{index}"), env, filled, mistakes);
            }
        }
        Node::Object(members) => {
            for (name, member) in members {
                let at = format!("{at}/{}", escaped(name));
                fill(member, &at, env, filled, mistakes);
            }
        }
        // Nothing else has text in it.
        _ => {}
    }
}

/// Why a text can't be filled.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    /// The variable isn't set and has no default.
    Unset(String),
    /// `${` without a name and an end.
    Malformed,
    /// A variable in a default.
    Nested,
}

/// Fills one text. `$${` is `${` itself; any other `$` stands for itself, as in
/// SQL's `$$text$$`. As in a shell, a default is taken for an empty variable
/// too, and defaults aren't filled themselves.
pub(super) fn expand(text: &str, env: Environment<'_>) -> Result<String, Mistake> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            filled.extend([before, "${"]);
            rest = after;
            continue;
        }
        filled.push_str(before);
        let (inside, after) = after.split_once('}').ok_or(Mistake::Malformed)?;
        filled.push_str(&value(inside, env)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn value(inside: &str, env: Environment<'_>) -> Result<String, Mistake> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !starts_well
        || !name
            .chars()
            .all(|each| each.is_ascii_alphanumeric() || each == '_')
    {
        return Err(Mistake::Malformed);
    }
    if default.is_some_and(|default| default.contains("${")) {
        return Err(Mistake::Nested);
    }
    match (env(name), default) {
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(Mistake::Unset(name.to_owned())),
    }
}
