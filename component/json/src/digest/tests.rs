//! Documents and keys → whether their digests are the same.

use super::*;
use crate::Index;

const KEY: Digest = Digest {
    high: 0x0f0e_0d0c_0b0a_0908,
    low: 0x0706_0504_0302_0100,
};

fn content(text: &str) -> Option<Digest> {
    let mut index = Index::default();
    Digester::new(KEY).content(index.read(text).ok()?)
}

fn check(one: &str, other: &str, same: bool) {
    let (one_is, other_is) = (content(one), content(other));
    assert!(one_is.is_some() && other_is.is_some(), "{one} {other}");
    assert_eq!(one_is == other_is, same, "{one} {other}");
}

/// The vectors of its authors: the key 00 01 … 0f, messages 00 01 ….
#[test]
fn it_is_siphash_of_128_bits() {
    let mut digester = Digester::new(KEY);
    let (nothing, one) = (digester.digest(), [0_u8]);
    digester.form.extend_from_slice(&one);
    let hex = |digest: Digest| {
        let number = u128::from(digest.high) << 64 | u128::from(digest.low);
        format!("{:032x}", u128::from_be_bytes(number.to_le_bytes()))
    };
    assert_eq!(hex(nothing), "a3817f04ba25a8e66df67214c7550293");
    assert_eq!(hex(digester.digest()), "da87c1d86b99af44347659119b22fc45");
}

#[test]
fn order_space_escapes_and_notations_make_no_difference() {
    check(r#"{"a":1,"b":2}"#, r#" { "b" : 2.0, "a" : 1e0 } "#, true);
    check(
        r#"{"c":{"y":1,"x":[2]},"b":1,"a":{"q":1,"p":2}}"#,
        r#"{"a":{"p":2,"q":1},"b":1,"c":{"x":[2],"y":1}}"#,
        true,
    );
    check(
        r#"{"\u0061b":"\/\u00e9\ud83d\ude00"}"#,
        r#"{"ab":"/é😀"}"#,
        true,
    );
    check(r#"{"b":0,"\u0061":1}"#, r#"{"a":1,"b":0}"#, true);
    check(r#"{"a":-0.0}"#, r#"{"a":0e7}"#, true);
    check(r#"{"a":-120}"#, r#"{"a":-0.12E3}"#, true);
    check(r#"{"a":0.0012}"#, r#"{"a":12e-4}"#, true);
    check(r#"{"a":1000000000000}"#, r#"{"a":1e+12}"#, true);
    check(r#"{"a":10.50}"#, r#"{"a":1050e-2}"#, true);
}

#[test]
fn everything_else_makes_one() {
    let different = [
        "{}",
        r#"{"a":1}"#,
        r#"{"a":-1}"#,
        r#"{"a":10}"#,
        r#"{"a":0.1}"#,
        r#"{"a":"1"}"#,
        r#"{"a":"1e0"}"#,
        r#"{"a":true}"#,
        r#"{"a":false}"#,
        r#"{"a":null}"#,
        r#"{"a":""}"#,
        r#"{"a":[]}"#,
        r#"{"a":{}}"#,
        r#"{"a":[[]]}"#,
        r#"{"a":[],"b":[]}"#,
        r#"{"a":[1,2]}"#,
        r#"{"a":[2,1]}"#,
        r#"{"a":[1,[2]]}"#,
        r#"{"a":{"b":1},"c":2}"#,
        r#"{"a":{"b":1,"c":2}}"#,
        r#"{"A":1}"#,
        r#"{"as1":1}"#,
        r#"{"a":"s","b":"t"}"#,
        r#"{"a":"t","b":"s"}"#,
    ];
    for (place, one) in different.iter().enumerate() {
        for other in different.iter().skip(place + 1) {
            check(one, other, false);
        }
    }
}

#[test]
fn members_may_be_added_to_a_record() {
    let added = [
        ("m", Scalar::Text("é\"")),
        ("a", Scalar::Literal("1.0")),
        ("z", Scalar::Literal("true")),
    ];
    let mut index = Index::default();
    let record = index.read(r#"{"x":[1],"\u0062":{"d":1,"c":2}}"#);
    let seen = record.map(|record| Digester::new(KEY).with_members(&added, record));
    let whole = r#"{"m":"é\"","a":1,"z":true,"x":[1],"b":{"c":2,"d":1}}"#;
    assert_eq!(seen, Ok(content(whole)));
}

#[test]
fn what_is_no_item_has_none() {
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(70), "]".repeat(70));
    for text in ["[]", "1", r#"{"a":"\ud800"}"#, r#"{"\ud800":1}"#, &deep] {
        assert_eq!(content(text), None, "{text}");
    }
}

#[test]
fn keys_are_told_apart_by_value_and_part() {
    let key = |parts: &[Scalar<'_>]| Digester::new(KEY).key(parts);
    let (text, number) = (Scalar::Text, Scalar::Literal);
    assert_ne!(key(&[text("ab"), text("c")]), key(&[text("a"), text("bc")]));
    assert_ne!(key(&[text("a")]), key(&[text("a"), text("")]));
    assert_eq!(key(&[number("1.20e1")]), key(&[number("12")]));
    assert_ne!(key(&[number("12")]), key(&[number("1.2")]));
    let partition = |parts: &[Scalar<'_>]| key(parts).high >> 32;
    assert_eq!(partition(&[text("a"), text("b")]), partition(&[text("a")]));
    assert_ne!(partition(&[text("b"), text("b")]), partition(&[text("a")]));
    let mut other = Digester::new(Digest::default());
    assert_ne!(other.key(&[text("a")]), key(&[text("a")]));
    // Nothing of the one before is in the next.
    assert_eq!(other.key(&[text("b")]), {
        Digester::new(Digest::default()).key(&[text("b")])
    });
}
