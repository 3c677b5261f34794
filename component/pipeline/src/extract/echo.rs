//! A secret and foreign text → where the text repeats it: as it is, or percent-encoded, or
//! escaped as in JSON or HTML, in whole or in part, also twice.

use std::ops::Range;

/// Bytes that one character has at most, however it is written.
const LONGEST: usize = 16;

/// A secret that is looked for. Letters and digits are never escaped: its longest run of them
/// is looked for first, and the rest around it.
#[derive(Clone)]
pub struct Echo {
    characters: Vec<char>,
    /// How many of them are before the anchor, which has one byte for each.
    before: usize,
    anchor: String,
}

impl Echo {
    /// None where there is nothing to look for.
    #[must_use]
    pub fn of(secret: &str) -> Option<Self> {
        let is_plain = |character: char| character.is_ascii_alphanumeric();
        let runs = secret.split(|character| !is_plain(character));
        let anchor = runs.fold(
            "",
            |best, run| {
                if run.len() > best.len() { run } else { best }
            },
        );
        let at = secret.find(anchor)?;
        let before = secret.get(..at)?;
        (!secret.is_empty()).then(|| Self {
            characters: secret.chars().collect(),
            before: before.chars().count(),
            anchor: anchor.to_owned(),
        })
    }

    /// What is in each form of it; may be empty.
    #[must_use]
    pub fn anchor(&self) -> &str {
        &self.anchor
    }

    /// Where it is, whose anchor is there; none if it's something else, or not all there.
    #[must_use]
    pub fn around(&self, text: &[u8], anchor: usize) -> Option<Range<usize>> {
        let end = anchor.checked_add(self.anchor.len())?;
        let (before, rest) = self.characters.split_at_checked(self.before)?;
        let (ends, _) = follow(text, end, rest.get(self.anchor.len()..)?);
        let end = ends.into_iter().max()?;
        let earliest = anchor.saturating_sub(self.before * LONGEST);
        let mut start =
            (earliest..=anchor).find(|&start| follow(text, start, before).0.contains(&anchor))?;
        // Half an escape would be none.
        while start > 0 && text.get(start - 1) == Some(&b'\\') {
            start -= 1;
        }
        Some(start..end)
    }

    /// How many bytes at the end may be the beginning of it.
    #[must_use]
    pub fn begun(&self, text: &[u8]) -> usize {
        let others = self.characters.len().saturating_sub(self.anchor.len());
        let most = self.anchor.len() + others * LONGEST;
        let first = self.characters.first().map_or(0, |first| utf8(*first).0[0]);
        let may_begin = |start: &usize| {
            (text.get(*start)).is_some_and(|byte| *byte == first || b"%\\&+".contains(byte))
        };
        let mut starts = (text.len().saturating_sub(most)..text.len()).filter(may_begin);
        let start = starts.find(|&start| follow(text, start, &self.characters).1);
        start.map_or(0, |start| {
            let before = text.get(..start).unwrap_or_default();
            let escapes = before.iter().rev().take_while(|byte| **byte == b'\\');
            text.len() - start + escapes.count()
        })
    }

    /// The text, in which each is overwritten by as many of these bytes.
    pub fn overwrite(&self, text: &mut [u8], by: u8) {
        let mut from = 0;
        while let Some(found) = self.find(text, from) {
            from = found.end;
            if let Some(found) = text.get_mut(found) {
                found.fill(by);
            }
        }
    }

    /// The text without it.
    #[must_use]
    pub fn removed(&self, text: &str) -> String {
        let (mut shown, mut from) = (String::new(), 0);
        while let Some(found) = self.find(text.as_bytes(), from) {
            shown.push_str(text.get(from..found.start).unwrap_or_default());
            shown.push('…');
            from = found.end;
        }
        shown.push_str(text.get(from..).unwrap_or_default());
        shown
    }

    /// The first one whose anchor isn't before `from`.
    fn find(&self, text: &[u8], mut from: usize) -> Option<Range<usize>> {
        let anchor = self.anchor.as_bytes();
        loop {
            let rest = text.get(from..)?;
            let hit = match anchor.first() {
                Some(first) => rest.iter().position(|byte| byte == first)?,
                None => 0,
            };
            let at = from + hit;
            if text.get(at..)?.starts_with(anchor)
                && let Some(found) = self.around(text, at)
            {
                return Some(found);
            }
            if at >= text.len() {
                return None;
            }
            from = at + 1;
        }
    }
}

/// Where these characters may end that begin there, and whether the text may end in them.
fn follow(text: &[u8], start: usize, characters: &[char]) -> (Vec<usize>, bool) {
    let mut places = vec![start];
    let mut cut = false;
    for &character in characters {
        let mut ends = Vec::new();
        for place in places {
            let rest = text.get(place..).unwrap_or_default();
            cut |= written(rest, character, |length| ends.push(place + length));
        }
        ends.sort_unstable();
        ends.dedup();
        places = ends;
    }
    (places, cut)
}

/// How many bytes a character has at the beginning of a text, by each way of writing it that is
/// there; and whether the text may end in it.
fn written(text: &[u8], character: char, mut found: impl FnMut(usize)) -> bool {
    let (bytes, length) = utf8(character);
    let plain = bytes.get(..length).unwrap_or_default();
    if text.starts_with(plain) {
        found(length);
    }
    let mut cut = text.len() < length && plain.starts_with(text);
    match text.first() {
        Some(b'+') if character == ' ' => found(1),
        Some(b'%') => percent(text, plain, &mut found),
        Some(b'\\') => escaped(text, character, &mut found),
        Some(b'&') => entity(text, character).into_iter().for_each(&mut found),
        _ => return cut,
    }
    // Whatever it is, it isn't whole yet.
    cut |= text.len() < LONGEST;
    cut
}

fn utf8(character: char) -> ([u8; 4], usize) {
    let mut bytes = [0; 4];
    let length = character.encode_utf8(&mut bytes).len();
    (bytes, length)
}

/// `%2F`, `%252f`, `%25252F`: each byte.
fn percent(text: &[u8], bytes: &[u8], found: impl FnMut(usize)) {
    let times = |sign: &[u8]| -> Option<usize> {
        let mut rest = text;
        for byte in bytes {
            let (digits, after) = rest.strip_prefix(sign)?.split_at_checked(2)?;
            (hexadecimal(digits)? == u32::from(*byte)).then_some(())?;
            rest = after;
        }
        Some(text.len() - rest.len())
    };
    let signs: [&[u8]; 3] = [b"%", b"%25", b"%2525"];
    signs.into_iter().filter_map(times).for_each(found);
}

/// `\/`, `\u002F`, `\x2f`, with several backslashes where the text was escaped several times.
fn escaped(text: &[u8], character: char, found: &mut impl FnMut(usize)) {
    let slashes = text.iter().take_while(|byte| **byte == b'\\').count();
    if character == '\\' {
        (2..=slashes).for_each(&mut *found);
        return;
    }
    let rest = text.get(slashes..).unwrap_or_default();
    if character.is_ascii_punctuation() && u32::from(character) == first(rest) {
        found(slashes + 1);
    }
    let unit = |text: &[u8], unit: u16| -> bool {
        let digits = text.strip_prefix(b"u").and_then(|text| text.get(..4));
        digits.and_then(hexadecimal) == Some(u32::from(unit))
    };
    let mut units = [0; 2];
    match character.encode_utf16(&mut units) {
        [one] if unit(rest, *one) => found(slashes + 5),
        [one, two] if unit(rest, *one) => {
            let second = rest.get(5..).unwrap_or_default();
            if second.first() == Some(&b'\\') && unit(second.get(1..).unwrap_or_default(), *two) {
                found(slashes + 11);
            }
        }
        _ => {}
    }
    let short = rest.strip_prefix(b"x").and_then(|text| text.get(..2));
    if short.and_then(hexadecimal) == Some(u32::from(character)) {
        found(slashes + 3);
    }
}

/// `&amp;`, `&#x2F;`, `&#47;`, `&amp;amp;`.
fn entity(text: &[u8], character: char) -> Option<usize> {
    let mut rest = text.strip_prefix(b"&")?;
    let names = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
    ];
    loop {
        let end = rest.iter().take(LONGEST).position(|byte| *byte == b';')?;
        let (name, after) = rest.split_at_checked(end)?;
        let after = after.get(1..)?;
        let name = std::str::from_utf8(name).ok()?;
        let known = names.iter().find(|(known, _)| *known == name);
        let meant = match name.strip_prefix('#') {
            Some(number) => match number.strip_prefix(['x', 'X']) {
                Some(digits) => hexadecimal(digits.as_bytes()),
                None => number.parse().ok(),
            },
            None => known.map(|(_, character)| u32::from(*character)),
        };
        if meant == Some(u32::from(character)) && !(name == "amp" && is_entity(after)) {
            return Some(text.len() - after.len());
        }
        if name != "amp" {
            return None;
        }
        rest = after;
    }
}

/// Whether what follows an `&` is the rest of an entity.
fn is_entity(text: &[u8]) -> bool {
    let name = text
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'#');
    text.get(name.count()) == Some(&b';')
}

fn first(text: &[u8]) -> u32 {
    text.first().map_or(u32::MAX, |byte| u32::from(*byte))
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let is_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| is_digits)?;
    u32::from_str_radix(text, 16).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    const SECRET: &str = "aB3/dE6+gH9=jK2<m &\"\\ü😀z%";

    fn masked(secret: &str, text: &str) -> String {
        let mut text = text.as_bytes().to_vec();
        Echo::of(secret).unwrap().overwrite(&mut text, b'x');
        String::from_utf8(text).unwrap()
    }

    /// As PHP, .NET, Go, Python, JavaScript and HTML's libraries write it, and twice.
    #[test]
    fn however_it_is_written() {
        for written in [
            SECRET,
            r#"aB3\/dE6+gH9=jK2<m &\"\\\u00fc\ud83d\ude00z%"#,
            r"aB3/dE6\u002BgH9=jK2\u003Cm \u0026\u0022\\ü😀z%",
            r#"aB3/dE6+gH9\u003djK2\u003cm \u0026\"\\ü😀z%"#,
            "aB3%2fdE6%2bgH9%3djK2%3cm%20%26%22%5c%c3%bc%f0%9f%98%80z%25",
            "aB3/dE6%2BgH9%3DjK2%3Cm+%26%22%5C%C3%BC%F0%9F%98%80z%25",
            "aB3%252FdE6%252BgH9%253DjK2%253Cm%2520%2526%2522%255C%25C3%25BC%25F0%259F%2598%2580z%2525",
            "aB3/dE6+gH9=jK2&lt;m &amp;&quot;\\ü😀z%",
            "aB3&#x2F;dE6&#43;gH9=jK2&amp;lt;m &amp;amp;&#34;\\&#252;&#x1F600;z%",
            r#"aB3\\\/dE6\\u002BgH9=jK2<m &\\\"\\\\ü😀z%"#,
        ] {
            let text = format!("a {written} b, {written}{written}");
            let x = "x".repeat(written.len());
            assert_eq!(
                masked(SECRET, &text),
                format!("a {x} b, {x}{x}"),
                "{written}"
            );
        }
    }

    #[test]
    fn what_is_something_else_stays() {
        for text in [
            "",
            "aB3/dE6+gH9",
            "aB3/dE7+gH9=jK2<m",
            r"aB3\/dE6\u002CgH9",
            "aB3%2",
            "hunter2",
        ] {
            assert_eq!(masked(SECRET, text), text);
        }
        assert_eq!(
            masked("hunter2-a", "hunter2-hunter2-a"),
            "hunter2-xxxxxxxxx"
        );
        assert_eq!(masked("//////", "a //////"), "a xxxxxx");
        assert_eq!(masked("//////", r"\/\/\/\/\/\/ //"), "xxxxxxxxxxxx //");
        assert!(Echo::of("").is_none());
    }

    /// What an escape leaves is none, and what remains is JSON.
    #[test]
    fn escapes_are_overwritten_whole() {
        for text in [r#""\\/a/secret1""#, r#""\nsecret1""#, r#""\/secret1\\""#] {
            for secret in ["/a/secret1", "/secret1", "nsecret1", "secret1\\", "secret1"] {
                let masked = masked(secret, text);
                assert!(serde_json::from_str::<String>(&masked).is_ok(), "{masked}");
            }
        }
    }

    #[test]
    fn a_beginning_is_kept_until_it_is_whole() {
        let echo = Echo::of("aB/c+d").unwrap();
        let check = |text: &str, expected: usize| {
            assert_eq!(echo.begun(text.as_bytes()), expected, "{text}");
        };
        for (text, expected) in [
            ("", 0),
            ("b", 0),
            ("xa", 1),
            ("xaB", 2),
            ("xaB\\", 3),
            ("xaB\\/", 4),
            ("xaB%2", 4),
            ("xaB%2fc\\u00", 10),
            ("xaB&#x2F", 7),
            ("x\\\\a", 3),
            ("x\\", 1),
            ("aB/c-", 0),
            ("aB/d", 0),
        ] {
            check(text, expected);
        }
    }
}
