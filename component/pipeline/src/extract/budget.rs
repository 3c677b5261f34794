//! A call's time → how much of it is left. Pure.

/// When the call must be over.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    deadline_ms: u64,
}

impl Budget {
    /// A budget that starts now; none lasts for ever.
    #[must_use]
    pub fn start(now_ms: u64, budget_ms: Option<u64>) -> Self {
        Self {
            deadline_ms: budget_ms.map_or(u64::MAX, |budget| now_ms.saturating_add(budget)),
        }
    }

    /// What is left of it.
    #[must_use]
    pub fn remaining_ms(self, now_ms: u64) -> u64 {
        self.deadline_ms.saturating_sub(now_ms)
    }
}
