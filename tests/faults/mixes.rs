//! Mixes of faults, as data: chances in a thousand, and a seed.

use super::station::AuthBy;
use rowcast_stand_ins::source::SourceFault::{
    self, Cut, Drip, ErrorBody, Lacking, Never, QuotaExceeded, Reset, RetryAfter, RetryAfterDate,
    Status, Truncated, Unstorable,
};
use rowcast_stand_ins::table::DynamoFault::{
    self, CutAfter, Internal, ResetAfter, ResetBefore, Throttling, Throughput, Unprocessed,
};

/// A mix of faults, and how a run through it ends.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    pub name: &'static str,
    pub seed: u64,
    pub source: &'static [(SourceFault, u64)],
    pub dynamodb: &'static [(DynamoFault, u64)],
    /// Artists in a thousand that are not there.
    pub missing: u64,
    /// Items in a thousand that DynamoDB refuses.
    pub poisoned: u64,
    pub auth: AuthBy,
    /// After so many requests to the source its tokens expire.
    pub tokens: Option<usize>,
    /// After so many calls to DynamoDB the credentials expire.
    pub credentials: Option<u32>,
    /// How far DynamoDB's clock is ahead.
    pub clock_seconds: i64,
    pub attempts: u32,
    pub ends: Ends,
    /// In the short selection too.
    pub short: bool,
}

/// How the first run ends. The second, without faults, ends well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// The table is as it should be.
    Complete,
    /// All but what was refused for good is there.
    Rejected,
    /// It stopped, and says what is left.
    Stopped,
}

const QUIET: Mix = Mix {
    name: "",
    seed: 1,
    source: &[],
    dynamodb: &[],
    missing: 0,
    poisoned: 0,
    auth: AuthBy::Host,
    tokens: None,
    credentials: None,
    clock_seconds: 0,
    // The default.
    attempts: 5,
    ends: Ends::Complete,
    short: false,
};

const SERVER_ERRORS: &[(SourceFault, u64)] = &[
    (Status(500), 80),
    (Status(502), 60),
    (Status(503), 60),
    (Status(504), 60),
    (Status(408), 30),
];
const CONNECTIONS: &[(SourceFault, u64)] = &[(Reset, 150), (Cut, 150)];
const SLOW: &[(SourceFault, u64)] = &[(Never, 50), (Drip, 50)];
const SPOILED: &[(SourceFault, u64)] = &[(Truncated, 250), (Cut, 100)];
const SILENCES: &[(SourceFault, u64)] = &[(RetryAfter(1), 40)];
const DATES: &[(SourceFault, u64)] = &[(RetryAfterDate(2), 25)];
const THROTTLED: &[(SourceFault, u64)] = &[(Status(429), 250)];
const EVERYTHING_PASSING: &[(SourceFault, u64)] = &[
    (Status(500), 50),
    (Status(503), 50),
    (Status(429), 50),
    (Reset, 50),
    (Cut, 50),
    (Truncated, 50),
    (RetryAfter(1), 15),
    (RetryAfterDate(2), 10),
    (Never, 20),
    (Drip, 20),
];
const STORM: &[(SourceFault, u64)] = &[
    (Status(500), 150),
    (Status(502), 100),
    (Reset, 150),
    (Cut, 100),
    (Truncated, 100),
];

const UNPROCESSED: &[(DynamoFault, u64)] = &[(Unprocessed, 500)];
const BUSY: &[(DynamoFault, u64)] = &[(Throughput, 150), (Throttling, 150), (Unprocessed, 150)];
const BROKEN: &[(DynamoFault, u64)] = &[(Internal, 200), (ResetBefore, 150), (ResetAfter, 150)];
const FORGETFUL: &[(DynamoFault, u64)] = &[(ResetAfter, 300), (CutAfter, 200)];
/// Being throttled by chance is slow: no pace avoids it.
const EVERYTHING: &[(DynamoFault, u64)] = &[
    (Unprocessed, 60),
    (Throughput, 20),
    (Throttling, 20),
    (Internal, 60),
    (ResetBefore, 60),
    (ResetAfter, 60),
    (CutAfter, 50),
];

/// All mixes.
#[rustfmt::skip]
pub const MIXES: &[Mix] = &[
    Mix { name: "nothing", short: true, ..QUIET },
    // The source alone.
    Mix { name: "server errors", source: SERVER_ERRORS, ..QUIET },
    Mix { name: "server errors, again", source: SERVER_ERRORS, seed: 2, ..QUIET },
    Mix { name: "resets and cuts", source: CONNECTIONS, ..QUIET },
    Mix { name: "resets and cuts, again", source: CONNECTIONS, seed: 2, ..QUIET },
    Mix { name: "slow and silent", source: SLOW, ..QUIET },
    Mix { name: "half bodies", source: SPOILED, ..QUIET },
    Mix { name: "429, seconds", source: SILENCES, short: true, ..QUIET },
    Mix { name: "429, seconds, again", source: SILENCES, seed: 2, ..QUIET },
    Mix { name: "429, seconds, by component", source: SILENCES, seed: 3, auth: AuthBy::Component, ..QUIET },
    Mix { name: "503, dates", source: DATES, ..QUIET },
    Mix { name: "503, dates, again", source: DATES, seed: 2, ..QUIET },
    Mix { name: "429 without a time", source: THROTTLED, ..QUIET },
    Mix { name: "all that passes", source: EVERYTHING_PASSING, short: true, ..QUIET },
    Mix { name: "all that passes, again", source: EVERYTHING_PASSING, seed: 2, ..QUIET },
    // Three of five answers fail: chance must not run out of attempts.
    Mix { name: "storm", source: STORM, attempts: 12, ..QUIET },
    Mix { name: "a day's pause", source: &[(RetryAfter(86_400), 60)], ends: Ends::Stopped, short: true, ..QUIET },
    Mix { name: "a day's pause, at once", source: &[(RetryAfter(86_400), 1_000)], ends: Ends::Stopped, ..QUIET },
    Mix { name: "quota exceeded", source: &[(QuotaExceeded, 60)], ends: Ends::Stopped, ..QUIET },
    Mix { name: "down", source: &[(Status(503), 1_000)], attempts: 4, ends: Ends::Stopped, ..QUIET },
    Mix { name: "few attempts", source: STORM, attempts: 2, ends: Ends::Rejected, ..QUIET },
    Mix { name: "missing artists", missing: 200, ends: Ends::Rejected, short: true, ..QUIET },
    Mix { name: "error bodies", source: &[(ErrorBody, 150)], ends: Ends::Rejected, ..QUIET },
    Mix { name: "records refused", source: &[(Lacking, 150), (Unstorable, 150)], ends: Ends::Rejected, short: true, ..QUIET },
    Mix { name: "tokens expire, by host", tokens: Some(25), short: true, ..QUIET },
    Mix { name: "tokens expire, by component", tokens: Some(25), auth: AuthBy::Component, short: true, ..QUIET },
    Mix { name: "tokens expire in a storm", source: STORM, tokens: Some(40), attempts: 12, ..QUIET },
    // DynamoDB alone.
    Mix { name: "unprocessed", dynamodb: UNPROCESSED, ..QUIET },
    Mix { name: "unprocessed, again", dynamodb: UNPROCESSED, seed: 2, ..QUIET },
    Mix { name: "throttled", dynamodb: BUSY, ..QUIET },
    Mix { name: "broken", dynamodb: BROKEN, ..QUIET },
    Mix { name: "written but not told", dynamodb: FORGETFUL, ..QUIET },
    Mix { name: "written but not told, few attempts", dynamodb: &[(ResetAfter, 800)], attempts: 2, ..QUIET },
    Mix { name: "throttled for good", dynamodb: &[(Throughput, 1_000)], attempts: 3, ends: Ends::Stopped, ..QUIET },
    Mix { name: "unprocessed, few attempts", dynamodb: &[(Unprocessed, 1_000)], attempts: 2, ends: Ends::Stopped, ..QUIET },
    Mix { name: "all of DynamoDB's", dynamodb: EVERYTHING, short: true, ..QUIET },
    Mix { name: "poisoned items", poisoned: 30, ends: Ends::Rejected, short: true, ..QUIET },
    Mix { name: "poisoned items, all of DynamoDB's", poisoned: 30, dynamodb: EVERYTHING, ends: Ends::Rejected, ..QUIET },
    Mix { name: "clock ahead", clock_seconds: 600, ..QUIET },
    Mix { name: "clock behind", clock_seconds: -600, ..QUIET },
    Mix { name: "clock ahead, broken", clock_seconds: 600, dynamodb: BROKEN, ..QUIET },
    Mix { name: "credentials expire", credentials: Some(4), ..QUIET },
    Mix { name: "credentials expire, throttled", credentials: Some(6), dynamodb: BUSY, ..QUIET },
    // Both.
    Mix { name: "both busy", source: THROTTLED, dynamodb: BUSY, ..QUIET },
    Mix { name: "both broken", source: CONNECTIONS, dynamodb: BROKEN, ..QUIET },
    Mix { name: "missing artists, unprocessed", missing: 200, dynamodb: UNPROCESSED, ends: Ends::Rejected, ..QUIET },
    Mix { name: "everything at once", source: EVERYTHING_PASSING, dynamodb: EVERYTHING, tokens: Some(30), credentials: Some(9), clock_seconds: 600, short: true, ..QUIET },
    Mix { name: "everything at once, by component", source: EVERYTHING_PASSING, dynamodb: EVERYTHING, tokens: Some(30), auth: AuthBy::Component, credentials: Some(9), clock_seconds: -600, seed: 2, ..QUIET },
    Mix { name: "everything, missing, poisoned", poisoned: 20, source: EVERYTHING_PASSING, dynamodb: BROKEN, missing: 150, seed: 3, ends: Ends::Rejected, short: true, ..QUIET },
];
