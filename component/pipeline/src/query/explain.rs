//! A condition that nothing fulfils → for each attribute it compares, how many
//! items lack it or hold it with another type.

use super::plan::{Plan, sure_attributes};
use super::scan::Scan;
use super::syntax::{Condition, Literal, Operand, Path};
use super::{Asked, cursor::Cursor};
use crate::bindings::exports::rowcast::pipeline::query::{Diagnosis, Explanation};
use crate::bindings::rowcast::pipeline::types::Failure;
use crate::dynamodb::call::Caller;
use crate::platform::Dynamo;
use crate::settings::Query;

/// An attribute and the type it's expected to have; empty for any.
#[derive(Clone, Debug, PartialEq)]
struct Expectation {
    path: Path,
    letters: String,
}

/// Counts what there is to count, within the caller's budget.
pub fn explain<D: Dynamo>(
    caller: &mut Caller<'_, D>,
    query: &Query,
    asked: &Asked,
    explanation: &mut Explanation,
    capacity: &mut f64,
) -> Result<(), Failure> {
    let mut achieved = false;
    for Expectation { path, letters } in asked
        .condition
        .as_ref()
        .map(expectations)
        .unwrap_or_default()
    {
        let mut diagnosis = Diagnosis {
            path: path.text.clone(),
            expected: letters,
            missing: 0,
            other_type: 0,
        };
        // Every item has its keys, with the type declared; and a filter of
        // Query may not name them.
        let sure = sure_attributes(&asked.schema, query.index.as_deref())
            .any(|key| path.is_attribute(&key.name));
        for (kind, count) in counts(&path, &diagnosis.expected) {
            if sure || !explanation.complete {
                break;
            }
            let mut pass = Pass {
                query,
                plan: &asked.plan,
                achieved: &mut achieved,
                capacity,
            };
            let (matched, complete) = pass.count(caller, &count, explanation)?;
            explanation.complete &= complete;
            match kind {
                Kind::Missing => diagnosis.missing = matched,
                Kind::OtherType => diagnosis.other_type = matched,
            }
        }
        explanation.diagnoses.push(diagnosis);
    }
    Ok(())
}

enum Kind {
    Missing,
    OtherType,
}

fn counts(path: &Path, letters: &str) -> Vec<(Kind, Condition)> {
    let mut counts = vec![(Kind::Missing, Condition::NotExists(path.clone()))];
    if !letters.is_empty() {
        let typed = Condition::HasType(path.clone(), letters.to_owned());
        let other = vec![
            Condition::Exists(path.clone()),
            Condition::Not(Box::new(typed)),
        ];
        counts.push((Kind::OtherType, Condition::All(other)));
    }
    counts
}

/// One reading of everything the query reads.
struct Pass<'a> {
    query: &'a Query,
    plan: &'a Plan,
    /// Whether any page has been read in this call.
    achieved: &'a mut bool,
    /// Read capacity units consumed.
    capacity: &'a mut f64,
}

impl Pass<'_> {
    /// Matches, and whether everything was read.
    fn count<D: Dynamo>(
        &mut self,
        caller: &mut Caller<'_, D>,
        filter: &Condition,
        explanation: &mut Explanation,
    ) -> Result<(u64, bool), Failure> {
        let reading = Scan::count(self.query, self.plan, filter)?;
        let mut place = Cursor::start(self.query, self.plan.access, self.query.segments);
        let (mut matched, mut scanned) = (0, 0);
        while !place.is_done() {
            let round = reading.round(caller, &mut place.segments, None)?;
            matched += round.count;
            scanned += round.scanned;
            // Each pass reads the same items; they aren't counted twice.
            explanation.scanned = explanation.scanned.max(scanned);
            *self.capacity += round.capacity;
            *self.achieved |= round.advanced > 0;
            if let Some(failure) = round.stalled {
                return if *self.achieved {
                    Ok((matched, false))
                } else {
                    Err(failure)
                };
            }
            if caller.out_of_time() {
                break;
            }
        }
        Ok((matched, place.is_done()))
    }
}

/// What the condition compares, in the order written, each once.
fn expectations(condition: &Condition) -> Vec<Expectation> {
    let mut found = Vec::new();
    collect(condition, &mut found);
    let mut kept: Vec<Expectation> = Vec::new();
    for each in &found {
        // What is also compared with a literal needs no diagnosis without one.
        let better = each.letters.is_empty()
            && found
                .iter()
                .any(|other| other.path == each.path && !other.letters.is_empty());
        if !better && !kept.contains(each) {
            kept.push(each.clone());
        }
    }
    kept
}

fn collect(condition: &Condition, found: &mut Vec<Expectation>) {
    let mut expect = |path: &Path, letters: &str| {
        found.push(Expectation {
            path: path.clone(),
            letters: letters.to_owned(),
        });
    };
    match condition {
        Condition::Compare(left, _, right) => {
            compared(&[left, right], &mut expect);
        }
        Condition::Between(operand, low, high) => compared(&[operand, low, high], &mut expect),
        Condition::In(operand, choices) => {
            let operands: Vec<_> = [operand].into_iter().chain(choices).collect();
            compared(&operands, &mut expect);
        }
        Condition::HasType(path, letters) => expect(path, letters),
        Condition::BeginsWith(path, Operand::Literal(literal, _)) => {
            expect(path, literal.letters());
        }
        Condition::All(conditions) | Condition::Any(conditions) => {
            for each in conditions {
                collect(each, found);
            }
        }
        Condition::Not(negated) => collect(negated, found),
        // What contains a literal has another type than the literal.
        Condition::Exists(_)
        | Condition::NotExists(_)
        | Condition::BeginsWith(..)
        | Condition::Contains(..) => condition.for_each_path(&mut |path| expect(path, "")),
    }
}

/// Each path among operands that are compared with each other, with the types
/// of the literals among them.
fn compared(operands: &[&Operand], expect: &mut impl FnMut(&Path, &str)) {
    let literals: Vec<&Literal> = operands
        .iter()
        .filter_map(|operand| match operand {
            Operand::Literal(literal, _) => Some(literal),
            Operand::Path(_) | Operand::Size(_) => None,
        })
        .collect();
    for operand in operands {
        match operand {
            Operand::Path(path) if literals.is_empty() => expect(path, ""),
            Operand::Path(path) => {
                for literal in &literals {
                    expect(path, literal.letters());
                }
            }
            Operand::Size(path) => expect(path, ""),
            Operand::Literal(..) => {}
        }
    }
}
