//! `${NAME}` and `${NAME:-default}` in a tree's text → the environment's values.
//!
//! It works on parsed text, so that a variable's value can't add settings.

use super::ConfigError;
use super::tree::{Node, Value, join};

/// The environment, as a function of a variable's name.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Fills every text of the tree in place. `path` is the tree's own.
pub(super) fn fill(node: &mut Node, path: &str, env: Environment<'_>) -> Result<(), ConfigError> {
    match &mut node.value {
        Value::Text(text) if text.contains('$') => {
            let value = expand(text, env).map_err(|mistake| match mistake {
                Mistake::Unset(name) => ConfigError::Variable {
                    name,
                    setting: path.to_owned(),
                },
                Mistake::Malformed => ConfigError::Invalid {
                    setting: path.to_owned(),
                    line: node.line,
                    message: "has a `${` that isn't followed by a variable's name and `}`".into(),
                    hint: Some(crate::hint::Hint::new(
                        "write ${NAME} or ${NAME:-default}, and $${ for a ${ that stays",
                    )),
                },
            })?;
            node.value = Value::Interpolated(value);
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                fill(item, &join(path, &index.to_string()), env)?;
            }
        }
        Value::Table(entries) => {
            for (name, entry) in entries {
                fill(entry, &join(path, name), env)?;
            }
        }
        Value::Text(_)
        | Value::Interpolated(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_) => {}
    }
    Ok(())
}

/// Why a text can't be filled.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    /// The variable isn't set and has no default.
    Unset(String),
    /// `${` without a name and an end.
    Malformed,
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
    match (env(name), default) {
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(Mistake::Unset(name.to_owned())),
    }
}
