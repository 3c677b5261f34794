//! The source of a run: a rate limit, tokens that die, rows that always fail,
//! an outage.

use super::dice::Dice;
use super::faults::Faults;
use crate::platform::{HttpError, HttpRequest, HttpResponse};
use std::collections::HashMap;
use std::time::SystemTime;

/// How it answers, and what it remembers.
pub struct SourceModel {
    tokens: f64,
    filled_ms: u64,
    /// Uses that are left of each access token.
    left: HashMap<String, u32>,
    issued: u32,
}

type Answer = (u64, Result<HttpResponse, HttpError>);

impl SourceModel {
    pub fn new(faults: &Faults) -> Self {
        Self {
            tokens: f64::from(faults.per_second.unwrap_or(0)),
            filled_ms: 0,
            left: HashMap::new(),
            issued: 0,
        }
    }

    pub fn answer(&mut self, dice: &Dice, request: &HttpRequest) -> Answer {
        if request.url.ends_with("/token") {
            return self.token(dice);
        }
        let faults = &dice.faults;
        let now = dice.now();
        if faults
            .outage
            .is_some_and(|(from, to)| (from..to).contains(&now))
        {
            return match faults.style {
                0 => (0, Err(HttpError::Unreached("refused".to_owned()))),
                1 => reply(503, &[], ""),
                2 => (60_000, Err(HttpError::Timeout)),
                _ => reply(502, &[], "<html>"),
            };
        }
        if let Some(refused) = self.limited(dice) {
            return refused;
        }
        if !self.is_authorized(dice, request) {
            return reply(401, &[], "");
        }
        let (row, page) = place(&request.url);
        if faults.forbidden.contains(&row) {
            return reply(403, &[], "");
        }
        if faults.poison.contains(&row) {
            return match (row + u32::try_from(faults.style).unwrap_or(0)) % 4 {
                0 => (60_000, Err(HttpError::Timeout)),
                1 => (0, Err(HttpError::Unavailable("reset".to_owned()))),
                2 => reply(503, &[("retry-after", "1")], ""),
                _ => reply(500, &[], ""),
            };
        }
        if faults.failures.is_some_and(|one_in| dice.chance(one_in)) {
            return match dice.next() % 4 {
                0 => reply(500, &[], ""),
                1 => reply(200, &[], r#"{"t":[{"id"#),
                2 => (0, Err(HttpError::Unavailable("reset".to_owned()))),
                _ => reply(520, &[], ""),
            };
        }
        let (pages, records) = faults.shape(row);
        let record = |record| format!(r#"{{"id":"{row}-{page}-{record}"}}"#);
        let records: Vec<_> = (0..records).map(record).collect();
        let next = if page + 1 < pages {
            format!("\"?p={}\"", page + 1)
        } else {
            "null".to_owned()
        };
        let body = format!(r#"{{"t":[{}],"next":{next}}}"#, records.join(","));
        reply(200, &[], &body)
    }

    fn token(&mut self, dice: &Dice) -> Answer {
        if dice.chance(8) {
            return reply(503, &[], "");
        }
        self.issued += 1;
        let name = format!("T{}", self.issued);
        let uses = dice.faults.token_uses.unwrap_or(u32::MAX);
        self.left.insert(format!("Bearer {name}"), uses);
        reply(200, &[], &format!(r#"{{"access_token":"{name}"}}"#))
    }

    fn is_authorized(&mut self, dice: &Dice, request: &HttpRequest) -> bool {
        if dice.faults.token_uses.is_none() {
            return true;
        }
        let mut headers = request.headers.iter();
        let value = headers.find(|(name, _)| name == "authorization");
        let left = value.and_then(|(_, value)| self.left.get_mut(value));
        match left {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }

    fn limited(&mut self, dice: &Dice) -> Option<Answer> {
        let per_second = f64::from(dice.faults.per_second?);
        let now = dice.now();
        let passed = crate::numbers::float(now - self.filled_ms) / 1_000.0;
        self.tokens = (self.tokens + passed * per_second).min(per_second);
        self.filled_ms = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return None;
        }
        let today = dice.today().duration_since(SystemTime::UNIX_EPOCH);
        let next_second = today.map_or(0, |today| today.as_secs() + 1).to_string();
        Some(match dice.faults.limit_style {
            0 => reply(429, &[("retry-after", "1")], ""),
            1 => reply(429, &[], ""),
            2 => reply(503, &[("retry-after", "1")], ""),
            3 => reply(403, &[("retry-after", "1")], ""),
            4 => {
                let left = ("x-ratelimit-remaining", "0");
                reply(403, &[left, ("x-ratelimit-reset", &next_second)], "")
            }
            5 => reply(200, &[], r#"{"error":{"code":4,"message":"Quota"}}"#),
            _ => reply(420, &[], r#"{"wait":1000}"#),
        })
    }
}

/// The row and the page, counted from 0, that a URL is about.
fn place(url: &str) -> (u32, u32) {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let row = path.rsplit('/').next().and_then(|row| row.parse().ok());
    let page = query.strip_prefix("p=").and_then(|page| page.parse().ok());
    (row.unwrap_or(u32::MAX), page.unwrap_or(0))
}

fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers = headers
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    (
        0,
        Ok(HttpResponse {
            status,
            headers: headers.collect(),
            body: body.into(),
        }),
    )
}
