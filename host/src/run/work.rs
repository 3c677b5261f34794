//! A chunk of rows → its records in DynamoDB. What becomes of its requests is
//! decided in [`super::requests`], of rows that are documents in
//! [`super::loading`].

use super::chunk::Chunk;
use super::event::Stopped;
use super::recording::Recording;
use super::requests::Requests;
use super::stages::Stages;
use super::tally::Tally;
use crate::ledger::LedgerError;

/// What a chunk came to.
pub struct ChunkOutcome {
    pub tally: Tally,
    pub stopped: Option<Stopped>,
}

impl Chunk<'_> {
    /// Does all of it. Whatever stops it, the tally says where everything is.
    pub async fn run(&self) -> ChunkOutcome {
        let mut tally = Tally::default();
        tally.rows.read = self.rows.len() as u64;
        let place = (self.number, self.first_row);
        let table = self.stages.table();
        let mut recording = match Recording::open(self.admission, place, self.lines, table).await {
            Ok(recording) => recording,
            Err(error) => return self.not_begun(tally, error),
        };
        let (recorded, tallied) = (&mut recording, &mut tally);
        let stopped = match self.stages {
            Stages::All { source, table } => {
                let requests = Requests::new(self, source, Some(table));
                requests.run(recorded, tallied).await
            }
            Stages::Extract { source } => {
                let requests = Requests::new(self, source, None);
                requests.run(recorded, tallied).await
            }
            Stages::Load { table } => self.load(table, recorded, tallied).await,
        };
        let closed = recording.close(self.lines).await;
        ChunkOutcome {
            tally,
            stopped: stopped.or(closed.err().map(Stopped::Ledger)),
        }
    }

    /// Nothing is known of the rows: all of them are pending.
    fn not_begun(&self, mut tally: Tally, error: LedgerError) -> ChunkOutcome {
        self.stages.leave(self.lines, &mut tally);
        let stopped = Some(Stopped::Ledger(error));
        ChunkOutcome { tally, stopped }
    }
}
