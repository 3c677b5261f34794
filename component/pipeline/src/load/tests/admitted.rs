//! Documents and a host that decides as a script says → reports, and what the
//! host is asked and told.

use super::*;
use crate::bindings::rowcast::pipeline::admission::{
    Candidate, Decision, Digest, Interest, Outcome,
};
use crate::bindings::rowcast::pipeline::dynamodb::{Request as Call, Response, SendError};
use crate::platform::Platform;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

/// A table, and a host that answers each ask with the next decisions of its
/// script: `w`rite, `u`nchanged, `s`uperseded, `l`ater; the last for ever.
struct Host {
    fake: Fake,
    interest: Interest,
    script: RefCell<VecDeque<&'static str>>,
    /// What it was asked and told, in order.
    log: RefCell<Vec<String>>,
    /// Keys that it has given away, and whose they are.
    held: RefCell<BTreeMap<(u64, u64), u32>>,
    candidates: RefCell<Vec<Candidate>>,
}

impl Host {
    fn new(behaviours: &[Behaviour], script: &[&'static str]) -> Self {
        let key = Digest { high: 1, low: 2 };
        Self {
            fake: Fake::scripted(behaviours),
            interest: Interest {
                digest_key: key,
                content: true,
                item_key: true,
            },
            script: RefCell::new(script.iter().copied().collect()),
            log: RefCell::default(),
            held: RefCell::default(),
            candidates: RefCell::default(),
        }
    }
}

impl Dynamo for Host {
    fn send(&self, requests: Vec<Call>) -> Vec<Result<Response, SendError>> {
        self.fake.send(requests)
    }
    fn sleep_ms(&self, duration: u64) {
        self.fake.sleep_ms(duration);
    }
    fn wanted(&self) -> Option<Interest> {
        Some(self.interest)
    }
    fn admit(&self, candidates: Vec<Candidate>) -> Vec<Decision> {
        assert!(self.held.borrow().is_empty(), "asked while it holds keys");
        let mut script = self.script.borrow_mut();
        let decisions = if script.len() > 1 {
            script.pop_front()
        } else {
            script.front().copied()
        };
        let decisions = decisions.unwrap_or_default().chars();
        let rows: Vec<u32> = candidates.iter().map(|each| each.request.row).collect();
        let mut log = self.log.borrow_mut();
        log.push(format!("{} ms: {rows:?}?", self.fake.now_ms()));
        let mut held = self.held.borrow_mut();
        let decide = |(letter, candidate): (char, &Candidate)| match letter {
            'w' => {
                let key = (candidate.key.high, candidate.key.low);
                let twice = held.insert(key, candidate.request.row);
                assert_eq!(twice, None, "two candidates with one key");
                Decision::Write
            }
            'u' => Decision::Unchanged,
            's' => Decision::Superseded,
            _ => Decision::Later,
        };
        let decisions = decisions.zip(&candidates).map(decide).collect();
        *self.candidates.borrow_mut() = candidates;
        decisions
    }
    fn settle(&self, outcomes: Vec<Outcome>) {
        let mut held = self.held.borrow_mut();
        let mut told: Vec<String> = outcomes
            .iter()
            .map(|outcome| {
                let row = held.remove(&(outcome.key.high, outcome.key.low));
                let row = row.expect("only what is held is settled, and once");
                format!("{row}{}", if outcome.written { "+" } else { "-" })
            })
            .collect();
        told.sort();
        self.log.borrow_mut().push(told.join(" "));
    }
}

impl Platform for Host {
    fn now_ms(&self) -> u64 {
        self.fake.now_ms()
    }
    fn random(&self) -> u64 {
        self.fake.random()
    }
}

fn check(
    documents: &[String],
    behaviours: &[Behaviour],
    script: &[&'static str],
    budget_ms: Option<u64>,
    expected: (&str, &[&str]),
) {
    let host = Host::new(behaviours, script);
    let result = run(&host, &table(Some(real_keys())), documents, budget_ms);
    assert_eq!(told(&result), expected.0, "{script:?}");
    assert_eq!(*host.log.borrow(), expected.1, "{script:?}");
    assert!(host.held.borrow().is_empty(), "{script:?}");
}

/// Loads documents of these requests.
fn of_requests(host: &Host, table: &Table, documents: &[String], requests: &[Request]) {
    let texts = documents.iter().cloned().map(Document::Text);
    let work = Work {
        documents: texts.collect(),
        requests: Some(requests),
        keys: None,
        admission: Admission::new(host),
    };
    let ended = work.carry_out(host, table, None).unwrap();
    assert_eq!(ended.failure, None);
}

/// Three keys, the first of them twice.
fn four() -> [String; 4] {
    [document(1), document(1), document(2), document(3)]
}

#[test]
fn what_the_host_admits_is_written() {
    let all = "written 3, 0 superseded by 1, requests 1 retries 0";
    let log: &[&str] = &["0 ms: [1, 2, 3]?", "1+ 2+ 3+"];
    check(&four(), &[], &["www"], None, (all, log));
    let one = "written 1, unchanged 1, 0 superseded by 1, 2 superseded by another call, \
               requests 1 retries 0";
    let log: &[&str] = &["0 ms: [1, 2, 3]?", "3+"];
    check(&four(), &[], &["usw"], None, (one, log));
    let none = "written 0, unchanged 2, 0 superseded by another call, 1 superseded by another \
                call, requests 0 retries 0";
    check(&four(), &[], &["suu"], None, (none, &log[..1]));
    check(
        &[],
        &[],
        &[""],
        None,
        ("written 0, requests 0 retries 0", &[]),
    );
}

#[test]
fn what_another_call_writes_is_asked_for_again_after_the_own_writes() {
    let log: &[&str] = &[
        "0 ms: [1, 2, 3]?",
        "2+",
        "10 ms: [1, 3]?",
        "60 ms: [1, 3]?",
        "1+",
    ];
    check(
        &four(),
        &[],
        &["lwl", "ll", "wu"],
        None,
        (
            "written 2, unchanged 1, 0 superseded by 1, requests 2 retries 0",
            log,
        ),
    );
    // A host that forgets to answer is asked again.
    let log: &[&str] = &["0 ms: [1, 2, 3]?", "1+", "10 ms: [2, 3]?", "2+ 3+"];
    let all = "written 3, 0 superseded by 1, requests 2 retries 0";
    check(&four(), &[], &["w", "ww"], None, (all, log));
}

#[test]
fn waiting_for_another_call_ends_with_the_budget() {
    let asked: Vec<String> = (0..4)
        .map(|ask| format!("{} ms: [1, 2, 3]?", ask * 50))
        .collect();
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let pending = "written 0, pending [0, 1, 2, 3], stopped by budget, requests 0 retries 0";
    check(&four(), &[], &["lll"], Some(200), (pending, &asked));
    let log: &[&str] = &["0 ms: [1, 2, 3]?", "1+ 2+", "10 ms: [3]?"];
    let some = "written 2, 0 superseded by 1, pending [3], stopped by budget, requests 1 retries 0";
    check(&four(), &[], &["wwl", "l"], Some(60), (some, log));
}

#[test]
fn what_takes_a_refused_documents_place_is_decided_too() {
    let mut documents = four();
    documents[1] = r#"{"id":"a","at":1,"poison":1}"#.to_owned();
    let rejected = "1 rejected : DynamoDB answered ValidationException: words";
    let log: &[&str] = &["0 ms: [1, 2, 3]?", "1- 2+ 3+", "30 ms: [0]?", "0+"];
    let all = format!("written 3, {rejected}, requests 5 retries 2");
    check(&documents, &[], &["www", "w"], None, (&all, log));
    let all = format!("written 2, unchanged 1, {rejected}, requests 4 retries 2");
    check(&documents, &[], &["www", "u"], None, (&all, &log[..3]));
}

#[test]
fn what_is_held_is_settled_however_a_call_ends() {
    use Behaviour::{Applied, Code, Write};
    let denied = Code("UnrecognizedClientException");
    let ask = "0 ms: [1, 2, 3]?";
    let expected = "denied: UnrecognizedClientException: words";
    let log: &[&str] = &[ask, "1- 2- 3-"];
    check(&four(), &[denied], &["www"], None, (expected, log));
    let expected = "unavailable: the connection was reset";
    check(&four(), &[Applied; 4], &["www"], None, (expected, log));
    let throttled = &[Code("ThrottlingException")];
    let expected = "rate-limited: ThrottlingException: words";
    check(&four(), throttled, &["www"], Some(20), (expected, log));
    // Two batches at once, then what is left.
    let many = documents(60);
    let host = Host::new(&[Write, Write, denied], &["w".repeat(60).leak()]);
    let result = run(&host, &table(Some(real_keys())), &many, None);
    assert!(
        told(&result).starts_with("written 50, pending"),
        "{}",
        told(&result)
    );
    let log = host.log.borrow();
    let settled: Vec<usize> = log[1..]
        .iter()
        .flat_map(|told| [told.matches('+').count(), told.matches('-').count()])
        .collect();
    assert_eq!(settled, [50, 0, 0, 10], "{log:?}");
}

#[test]
fn the_host_is_told_what_it_wants_to_know_and_no_more() {
    let mut host = Host::new(&[], &["ww"]);
    let documents = [
        r#"{"id":"a","at":1,"x":[1.50,{"b":true,"a":null}]}"#.to_owned(),
        r#"{"at":10e-1,"id":"b","x":"\u0041"}"#.to_owned(),
    ];
    let requests = [(4, 0), (4, 1)].map(|(row, combination)| Request { row, combination });
    let load = |host: &Host, documents: &[String]| {
        let table = table(Some(real_keys()));
        of_requests(host, &table, documents, &requests);
        host.candidates.take()
    };
    let first = load(&host, &documents);
    let keys: Vec<_> = first.iter().map(|each| each.item_key.as_deref()).collect();
    let written = |id: &str| format!(r#"{{"id":{{"S":"{id}"}},"at":{{"N":"1e0"}}}}"#);
    assert_eq!(keys, [Some(&*written("a")), Some(&*written("b"))]);
    assert_eq!(
        first[0].bytes,
        (2 + 1) + (2 + 2) + 1 + 3 + (1 + 2) + (1 + 3 + 2 * 3)
    );
    assert_eq!(
        first.iter().map(|each| each.request).collect::<Vec<_>>(),
        requests
    );
    // The same contents in another notation are the same.
    let others = [
        r#"{"x":[15e-1,{"a":null,"b":true}],"at":1.0,"id":"a"}"#.to_owned(),
        r#"{"id":"b","at":1,"x":"B"}"#.to_owned(),
    ];
    let second = load(&host, &others);
    let contents = |at: usize| (first[at].content, second[at].content);
    assert!(first[0].content.is_some() && contents(0).0 == contents(0).1);
    assert_ne!(contents(1).0, contents(1).1);
    assert_eq!(first[1].key, second[1].key);
    assert_ne!(first[0].key, first[1].key);
    host.interest.content = false;
    host.interest.item_key = false;
    let less = load(&host, &documents);
    assert!(
        less.iter()
            .all(|each| each.content.is_none() && each.item_key.is_none())
    );
}

#[test]
fn places_are_counted_within_a_request() {
    let host = Host::new(&[], &["wwwww"]);
    let rows = [(0, 0), (0, 1), (0, 1), (0, 1), (3, 0)];
    let requests = rows.map(|(row, combination)| Request { row, combination });
    let documents = documents(5);
    of_requests(&host, &table(Some(real_keys())), &documents, &requests);
    let places: Vec<u32> = host.candidates.borrow().iter().map(|it| it.place).collect();
    assert_eq!(places, [0, 0, 1, 2, 0]);
}
