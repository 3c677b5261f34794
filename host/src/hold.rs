//! A run that is to end → what calls may still do: first they send nothing more to
//! sources, then they wait for no answer of theirs, at last for none of tables.

use tokio::sync::watch;

/// What is held, each step with all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Nothing more is sent to sources.
    Sources,
    /// Nor is an answer waited for that is on its way.
    Answers,
    /// Nor is anything written.
    Tables,
}

/// Of each hold the step that it has come to.
#[derive(Debug, Default)]
struct Held(Vec<Step>);

impl Held {
    fn change(&mut self, from: Option<Step>, to: Option<Step>) {
        if let Some(at) = self.0.iter().position(|step| Some(*step) == from) {
            self.0.swap_remove(at);
        }
        self.0.extend(to);
    }

    fn is(&self, step: Step) -> bool {
        self.0.iter().any(|held| *held >= step)
    }
}

/// Who holds what. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Holds(watch::Sender<Held>);

/// As long as it's there, calls send nothing more to their source: each ends as
/// soon as what it has in flight is answered, with all that was.
#[derive(Debug)]
pub struct Hold {
    holds: Holds,
    step: Step,
}

impl Holds {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Held::default()))
    }

    /// Holds sources.
    pub(crate) fn hold(&self) -> Hold {
        let step = Step::Sources;
        self.0.send_modify(|held| held.change(None, Some(step)));
        Hold {
            holds: self.clone(),
            step,
        }
    }

    /// Whether so much is held.
    pub(crate) fn is(&self, step: Step) -> bool {
        self.0.borrow().is(step)
    }

    /// Returns when so much is held.
    pub(crate) async fn until(self, step: Step) {
        // The sender is here.
        let _ = self.0.subscribe().wait_for(|held| held.is(step)).await;
    }
}

impl Hold {
    /// Calls wait no longer for answers of their sources, but write what they have.
    pub fn hold_answers(&mut self) {
        self.turn_to(Step::Answers);
    }

    /// Nor do they write anything more: they end with what they have.
    pub fn hold_tables(&mut self) {
        self.turn_to(Step::Tables);
    }

    fn turn_to(&mut self, step: Step) {
        let before = std::mem::replace(&mut self.step, step);
        let change = |held: &mut Held| held.change(Some(before), Some(step));
        self.holds.0.send_modify(change);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let change = |held: &mut Held| held.change(Some(self.step), None);
        self.holds.0.send_modify(change);
    }
}
