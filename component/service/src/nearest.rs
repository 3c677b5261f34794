//! A name that is not known, and those that are → the one that was meant.

/// The name that differs from what was written by a slip or two.
pub fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A long name is nobody's slip, and would take long to compare.
    if written.len() > 64 {
        return None;
    }
    names
        .into_iter()
        .map(|name| (strsim::levenshtein(written, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
        let names = ["concurrency", "records", "require", "retry", "url"];
        let check = |written: &str, expected| assert_eq!(nearest(written, names), expected);
        check("concurency", Some("concurrency"));
        check("record", Some("records"));
        check("uri", Some("url"));
        check("reqiure", Some("require"));
        check("retries", None);
        check("budget", None);
        check(&"url".repeat(100), None);
    }
}
