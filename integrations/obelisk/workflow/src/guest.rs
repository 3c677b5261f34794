//! Obelisk's calls → the workflow's functions, and their calls → Obelisk.

use crate::bindings::exports::rowcast::obelisk::{chunk as chunk_export, run as run_export};
use crate::bindings::obelisk::types::time::{Duration, ScheduleAt};
use crate::bindings::obelisk::workflow::workflow_support;
use crate::bindings::rowcast::obelisk::types::{Job, Tally};
use crate::bindings::rowcast::obelisk_obelisk_ext::chunk as children;
use crate::bindings::rowcast::pipeline::transfer::{self, Remaining, TransferReport};
use crate::bindings::rowcast::pipeline::types::Failure;
use crate::chunk::{Calls, check, chunk};
use crate::run::{JobOutcome, cut, summary};
use std::collections::BTreeMap;

struct Workflow;

crate::bindings::export!(Workflow with_types_in crate::bindings);

impl chunk_export::Guest for Workflow {
    fn chunk(job: Job, first_row: u32, rows: Vec<String>) -> Result<Tally, Failure> {
        let mut tally = chunk(&mut Obelisk, &job, &rows)?;
        tally.shift(first_row);
        Ok(tally)
    }
}

impl run_export::Guest for Workflow {
    fn run(job: Job, rows: Vec<String>) -> Result<run_export::Summary, Failure> {
        check(&job)?;
        let children = workflow_support::join_set_create();
        let mut places = BTreeMap::new();
        for (first_row, rows) in cut(rows, job.chunk_rows) {
            let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            let child = children::chunk_submit(&children, &job, first_row, &rows);
            places.insert(child.id, (first_row, count));
        }
        let mut outcomes = Vec::with_capacity(places.len());
        // It answers `all-processed` after the last child.
        while let Ok((child, result)) = children::chunk_await_next(&children) {
            let (first_row, rows) = places.remove(&child.id).unwrap_or_default();
            outcomes.push(JobOutcome {
                first_row,
                rows,
                result,
            });
        }
        summary(outcomes)
    }
}

struct Obelisk;

impl Calls for Obelisk {
    fn transfer(
        &mut self,
        job: &Job,
        rows: &[String],
        remaining: Option<&Remaining>,
    ) -> Result<TransferReport, Failure> {
        transfer::transfer(
            &job.source,
            &job.table,
            rows,
            remaining,
            Some(job.budget_ms),
        )
    }

    fn sleep_ms(&mut self, duration: u64) {
        // An error means that somebody cancelled the wait: go on.
        let _ = workflow_support::sleep(ScheduleAt::In(Duration::Milliseconds(duration)));
    }

    fn random(&mut self, most: u64) -> u64 {
        workflow_support::random_u64_inclusive(0, most)
    }
}
