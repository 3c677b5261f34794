//! Values → the same in the order of their keys. One sort does it for all types: a sort of
//! its own would be 4 KB of code for each.

/// In the order of the keys; those with the same one as they were.
pub fn in_order<T>(values: Vec<T>, key: impl FnMut(&T) -> (u32, u32)) -> Vec<T> {
    let mut places: Vec<((u32, u32), usize)> = values.iter().map(key).zip(0..).collect();
    if places.is_sorted() {
        return values;
    }
    places.sort_unstable();
    let mut values: Vec<Option<T>> = values.into_iter().map(Some).collect();
    let taken = places
        .into_iter()
        .map(|(_, place)| values.get_mut(place)?.take());
    taken.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_one_key_stay_as_they_were() {
        let check = |values: &[&'static str], expected: &[&str]| {
            let key = |value: &&str| {
                let mut bytes = value.bytes().map(u32::from);
                (bytes.next().unwrap_or(0), bytes.next().unwrap_or(0))
            };
            assert_eq!(in_order(values.to_vec(), key), expected);
        };
        check(&[], &[]);
        check(&["aa1", "ab2"], &["aa1", "ab2"]);
        check(
            &["b", "aa2", "b2", "aa1", "a"],
            &["a", "aa2", "aa1", "b", "b2"],
        );
    }
}
