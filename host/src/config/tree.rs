//! TOML text → a tree that keeps the file's order, where each setting stands,
//! and which values came from the environment.

use super::{ConfigError, Problem};
use crate::hint::Hint;
use rowcast_pipeline::settings::{self, Mistake, Mistakes, Node, escaped, unescaped};
use serde::de::DeserializeOwned;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file's settings. A JSON Pointer names each.
#[derive(Clone)]
pub(crate) struct Tree {
    pub node: Node,
    pub places: Places,
}

/// Where settings stand, and where their values came from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// Counted from 1. What isn't from the file has none.
    lines: HashMap<String, usize>,
    /// Text that was put together from variables. It may stand where a number
    /// or a truth value is expected.
    pub interpolated: HashSet<String>,
    /// What was taken from another file.
    taken: Option<Box<Taken>>,
}

/// Settings that another file has.
#[derive(Clone, Debug)]
struct Taken {
    file: PathBuf,
    lines: HashMap<String, usize>,
    /// The settings, each with all that is in it.
    settings: Vec<String>,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            node: Node::Object(Vec::new()),
            places: Places::default(),
        }
    }
}

impl Tree {
    /// Parses the text. What JSON can't hold is a mistake.
    pub fn parse(text: &str, mistakes: &mut Mistakes) -> Result<Self, ConfigError> {
        let table = DeTable::parse(text).map_err(|error| ConfigError::syntax(text, &error))?;
        let mut reader = Reader {
            text,
            lines: HashMap::new(),
            mistakes,
        };
        let node = reader.table("", table.get_ref());
        let places = Places {
            lines: reader.lines,
            ..Places::default()
        };
        Ok(Self { node, places })
    }

    /// Reads the type of the whole tree.
    pub fn read<T: DeserializeOwned>(&mut self, mistakes: &mut Mistakes) -> Option<T> {
        let mut found = Mistakes::default();
        let mut value = settings::read(self.node.clone(), &mut found);
        if self
            .places
            .spell_out(&mut self.node, "", &found.clone().into_list())
        {
            found = Mistakes::default();
            value = settings::read(self.node.clone(), &mut found);
        }
        mistakes.add_at("", found.into_list());
        value
    }
}

impl Places {
    /// The environment has only text: where something else was expected, the
    /// number or truth value that a text spells is put in its place. `at` is
    /// the node's own pointer. Whether anything was changed.
    pub fn spell_out(&mut self, node: &mut Node, at: &str, mistakes: &[Mistake]) -> bool {
        let mut changed = false;
        for mistake in mistakes {
            if !self
                .interpolated
                .contains(&format!("{at}{}", mistake.pointer))
            {
                continue;
            }
            let mut path = mistake.pointer.split('/').skip(1).map(unescaped);
            let found = path.try_fold(&mut *node, |node, name| node.get_mut(&name));
            if let Some(found) = found
                && let Node::Text(text) = found
                && let Some(spelt) = spelt(text)
            {
                *found = spelt;
                changed = true;
            }
        }
        changed
    }

    /// A setting, and all that is in it, is from a file with these places.
    pub fn take(&mut self, pointer: &str, file: &Path, places: &Self) {
        let taken = self.taken.get_or_insert_with(|| {
            Box::new(Taken {
                file: file.to_owned(),
                lines: places.lines.clone(),
                settings: Vec::new(),
            })
        });
        taken.settings.push(pointer.to_owned());
    }

    /// The file, if it isn't the configuration's own, and the line of a setting,
    /// or of what it is part of.
    fn place(&self, pointer: &str) -> (Option<PathBuf>, Option<usize>) {
        let line = |lines: &HashMap<String, usize>| {
            let mut pointer = pointer;
            loop {
                if let Some(line) = lines.get(pointer) {
                    return Some(*line);
                }
                pointer = pointer.rsplit_once('/')?.0;
            }
        };
        let is_in = |setting: &String| {
            let rest = pointer.strip_prefix(setting.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match &self.taken {
            Some(taken) if taken.settings.iter().any(is_in) => {
                (Some(taken.file.clone()), line(&taken.lines))
            }
            _ => (None, line(&self.lines)),
        }
    }

    /// Mistakes as people are told of them, in the file's order.
    pub fn problems(&self, mistakes: Mistakes) -> Vec<Problem> {
        let problem = |mistake: Mistake| {
            let (file, line) = self.place(&mistake.pointer);
            Problem {
                setting: setting(&mistake.pointer),
                file,
                line,
                message: mistake.message,
                hint: mistake.hint.map(Hint::new),
            }
        };
        let mut problems: Vec<_> = mistakes.into_list().into_iter().map(problem).collect();
        problems.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        problems
    }
}

/// `/source/url` → `source.url`.
fn setting(pointer: &str) -> String {
    let names = pointer.split('/').skip(1).map(unescaped);
    names.collect::<Vec<_>>().join(".")
}

fn spelt(text: &str) -> Option<Node> {
    match text.trim() {
        "true" => Some(Node::Boolean(true)),
        "false" => Some(Node::Boolean(false)),
        text => match text.parse() {
            Ok(whole) => Some(Node::Whole(whole)),
            Err(_) => text
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite())
                .map(Node::Number),
        },
    }
}

struct Reader<'a> {
    text: &'a str,
    lines: HashMap<String, usize>,
    mistakes: &'a mut Mistakes,
}

impl Reader<'_> {
    fn table(&mut self, at: &str, table: &DeTable<'_>) -> Node {
        let mut entries: Vec<_> = table.iter().collect();
        // The table itself is sorted by name; the file's order is in the spans.
        entries.sort_by_key(|(key, _)| key.span().start);
        let members = entries.into_iter().map(|(key, value)| {
            let at = format!("{at}/{}", escaped(key.get_ref()));
            self.at(&at, key.span().start);
            (key.get_ref().to_string(), self.node(&at, value))
        });
        Node::Object(members.collect())
    }

    fn node(&mut self, at: &str, value: &Spanned<DeValue<'_>>) -> Node {
        match value.get_ref() {
            DeValue::String(text) => Node::Text(text.to_string()),
            // A date is text in JSON.
            DeValue::Datetime(date) => Node::Text(date.to_string()),
            DeValue::Boolean(boolean) => Node::Boolean(*boolean),
            DeValue::Integer(integer) => {
                match i64::from_str_radix(integer.as_str(), integer.radix()) {
                    Ok(number) => match u64::try_from(number) {
                        Ok(whole) => Node::Whole(whole),
                        #[expect(
                            clippy::cast_precision_loss,
                            reason = "no setting is negative: it only matters that this is"
                        )]
                        Err(_) => Node::Number(number as f64),
                    },
                    Err(_) => self.wrong(at, "is too large a number"),
                }
            }
            DeValue::Float(float) => match float.as_str().parse() {
                Ok(number) if f64::is_finite(number) => Node::Number(number),
                _ => self.wrong(at, "is a number that JSON can't hold"),
            },
            DeValue::Array(items) => {
                let items = items.iter().enumerate().map(|(index, item)| {
                    let at = format!("{at}/{index}");
                    self.at(&at, item.span().start);
                    self.node(&at, item)
                });
                Node::List(items.collect())
            }
            DeValue::Table(table) => self.table(at, table),
        }
    }

    fn at(&mut self, pointer: &str, offset: usize) {
        let before = self.text.get(..offset).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        self.lines.insert(pointer.to_owned(), line);
    }

    fn wrong(&mut self, at: &str, message: &str) -> Node {
        self.mistakes.add(at, message);
        Node::Null
    }
}
