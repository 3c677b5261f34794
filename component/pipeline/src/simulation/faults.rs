//! A seed → what goes wrong in a run, its rows and settings, and what the table
//! should hold at its end.

use crate::extract::script::draw;
use std::collections::{BTreeMap, BTreeSet};

/// What a seed says.
#[derive(Clone, Debug)]
pub struct Faults {
    pub seed: u64,
    pub row_count: u32,
    pub budget_ms: u64,
    pub concurrency: u32,
    pub latency_ms: u64,
    /// Requests that the source allows a second.
    pub per_second: Option<u32>,
    pub style: u64,
    /// How it says that there are too many.
    pub limit_style: u64,
    /// Whether pages are counted, rather than linked.
    pub counted: bool,
    /// Whether the source's settings have the rate as a budget.
    pub budgeted: bool,
    /// Uses after which a token dies.
    pub token_uses: Option<u32>,
    /// Rows that always fail.
    pub poison: BTreeSet<u32>,
    pub forbidden: BTreeSet<u32>,
    /// One in so many answers fails.
    pub failures: Option<u64>,
    /// The source is gone from then to then.
    pub outage: Option<(u64, u64)>,
    /// Write units a second.
    pub units: Option<u32>,
    /// One in so many batches fails in some way.
    pub table_failures: Option<u64>,
    /// Keys that the table refuses.
    pub refused_items: BTreeSet<String>,
    /// One in so many calls is killed.
    pub kills: Option<u64>,
    /// The host shares the pace among calls.
    pub shared: bool,
    /// The host decides what is written; another call is writing one in so many
    /// keys.
    pub admission: Option<u64>,
}

/// What the source's ways to say that there are too many need.
const RULES: &str = r#"[
    {"when":{"body":{"pointer":"/error/code","equals":4}},"then":"wait","wait":{"default":"1s"}},
    {"when":{"status":420},"then":"wait","wait":{"pointer":"/wait","unit":"milliseconds"}}
]"#;

impl Faults {
    pub fn draw(seed: u64) -> Self {
        let mut state = draw(seed ^ 0x5eed);
        let mut next = |bound: u64| {
            state = draw(state);
            state % bound
        };
        let row_count = u32::try_from(next(40) + 1).unwrap_or(1);
        let mut rows = |chance: u64| {
            let chosen = (0..row_count).filter(|_| next(100) < chance);
            chosen.collect::<BTreeSet<_>>()
        };
        let mut poison = rows(3);
        // Where nobody is ever answered, the source is down, and that's no run.
        if u32::try_from(poison.len()) == Ok(row_count) {
            poison.clear();
        }
        let forbidden = rows(3);
        let refused = rows(2);
        let some = |value: u64, when: bool| when.then_some(value);
        let small = |value: u64| u32::try_from(value).unwrap_or(1);
        Self {
            seed,
            row_count,
            budget_ms: 2_000 + next(20) * 5_000,
            concurrency: small(next(8) + 1),
            latency_ms: 5 + next(300),
            per_second: some(next(30) + 1, next(2) == 0).map(small),
            style: next(4),
            limit_style: draw(seed ^ 0x11) % 7,
            counted: draw(seed ^ 0x22).is_multiple_of(2),
            budgeted: draw(seed ^ 0x33).is_multiple_of(3),
            token_uses: some(next(40) + 20, next(3) == 0).map(small),
            poison,
            forbidden,
            failures: some(next(20) + 15, next(2) == 0),
            outage: (next(5) == 0).then(|| {
                let from = next(5_000);
                (from, from + next(60_000))
            }),
            units: some(next(100) + 2, next(2) == 0).map(small),
            table_failures: some(next(10) + 3, next(2) == 0),
            refused_items: refused
                .into_iter()
                .map(|row| format!("{row}-0-0"))
                .collect(),
            kills: some(next(6) + 2, next(3) == 0),
            shared: next(2) == 0,
            admission: some(
                draw(seed ^ 0x44) / 2 % 20 + 2,
                draw(seed ^ 0x44).is_multiple_of(2),
            ),
        }
    }

    pub fn rows(&self) -> Vec<String> {
        let row = |id| format!(r#"{{"id":{id}}}"#);
        (0..self.row_count).map(row).collect()
    }

    pub fn source(&self) -> String {
        let auth = match self.token_uses {
            Some(_) => {
                r#","auth":{"type":"client-credentials","token_url":"https://id.example/token",
                   "client_id":"me","client_secret":"s"}"#
            }
            None => "",
        };
        let pages = if self.counted {
            r#"{"type":"page-number","parameter":"p","first":0,"end":{"has_more":"/next"}}"#
        } else {
            r#"{"type":"next-url","pointer":"/next"}"#
        };
        let rate = self.per_second.filter(|_| self.budgeted);
        let rate = rate.map(|rate| format!(r#","rate":{{"requests":{rate},"per":"1s"}}"#));
        format!(
            r#"{{"url":"https://api.example/{{id}}","records":"/t","concurrency":{},
                "request_timeout_ms":5000,"rules":{RULES},"pagination":{pages}{}{auth}}}"#,
            self.concurrency,
            rate.unwrap_or_default()
        )
    }

    pub fn table() -> String {
        r#"{"name":"tracks","keys":{"partition":{"name":"id","type":"S"}}}"#.to_owned()
    }

    /// Pages and records of a row.
    pub fn shape(&self, row: u32) -> (u32, u32) {
        let drawn = draw(self.seed ^ u64::from(row) << 8);
        let pages = if drawn.is_multiple_of(4) {
            drawn / 4 % 4
        } else {
            0
        };
        let records = u32::try_from(drawn / 64 % 12).unwrap_or(0);
        (u32::try_from(pages).unwrap_or(0) + 1, records)
    }

    /// What a row's documents are in the table, by key.
    pub fn items(&self, row: u32) -> BTreeMap<String, String> {
        let (pages, records) = self.shape(row);
        let of_page = |page| (0..records).map(move |record| format!("{row}-{page}-{record}"));
        let keys = (0..pages).flat_map(of_page);
        keys.map(|key| {
            let item = format!(r#"{{"id":{{"S":"{key}"}}}}"#);
            (key, item)
        })
        .collect()
    }
}
