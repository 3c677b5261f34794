//! `JSONTestSuite` → what is accepted, beside `serde_json`'s word for it. Its
//! cases whose answer is open (`i_`) are decided here.

use super::scan::{is_json, tree};
use crate::fuzzing::one_pass::one_pass;
use rowcast_json::Index;
use std::fs;
use std::path::Path;

/// Open cases that are no JSON here: not UTF-8, which bodies must be.
const NOT_TEXT: [&str; 12] = [
    "i_string_UTF-16LE_with_BOM.json",
    "i_string_UTF-8_invalid_sequence.json",
    "i_string_UTF8_surrogate_U+D800.json",
    "i_string_invalid_utf-8.json",
    "i_string_iso_latin_1.json",
    "i_string_lone_utf8_continuation_byte.json",
    "i_string_not_in_unicode_range.json",
    "i_string_overlong_sequence_2_bytes.json",
    "i_string_overlong_sequence_6_bytes.json",
    "i_string_overlong_sequence_6_bytes_null.json",
    "i_string_truncated-utf-8.json",
    "i_string_utf16LE_no_BOM.json",
];

#[test]
fn the_suite_is_accepted_and_refused_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("tests/data/json-test-suite/test_parsing"))
        .find(|folder| folder.exists())
        .unwrap();
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let body = fs::read(&path).unwrap();
        let accepted = std::str::from_utf8(&body).is_ok_and(|text| {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            let mut index = Index::default();
            let accepted = index.read(text).is_ok();
            assert_eq!(accepted, is_json(text), "{name}");
            if accepted {
                tree(index.root(text), text);
                one_pass(index.root(text));
                let around = format!(r#"{{"x":{text},"at":1}}"#);
                one_pass(Index::default().read(&around).unwrap());
            }
            accepted
        });
        let expected = match name.split('_').next() {
            Some("y") => true,
            Some("n") => false,
            // UTF-16 of the other order has zeros between its letters.
            _ => !NOT_TEXT.contains(&name) && name != "i_string_utf16BE_no_BOM.json",
        };
        assert_eq!(accepted, expected, "{name}");
        count += 1;
    }
    assert_eq!(count, 318);
}
