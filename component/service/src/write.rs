//! Values → JSON text. Knows nothing of the calls.

use serde_json::value::RawValue;
use std::fmt::Write as _;

/// What can be written as JSON.
pub trait Json {
    /// Appends it.
    fn write(&self, out: &mut String);
}

/// Appends an object.
pub fn object(out: &mut String, members: &[(&str, &dyn Json)]) {
    out.push('{');
    for (index, (name, value)) in members.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        name.write(out);
        out.push(':');
        value.write(out);
    }
    out.push('}');
}

impl Json for str {
    fn write(&self, out: &mut String) {
        // Text can always be written.
        out.push_str(&serde_json::to_string(self).unwrap_or_default());
    }
}

impl Json for String {
    fn write(&self, out: &mut String) {
        self.as_str().write(out);
    }
}

impl<T: Json + ?Sized> Json for &T {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

impl Json for RawValue {
    fn write(&self, out: &mut String) {
        out.push_str(self.get());
    }
}

impl Json for bool {
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl Json for u16 {
    fn write(&self, out: &mut String) {
        u64::from(*self).write(out);
    }
}

impl Json for u32 {
    fn write(&self, out: &mut String) {
        u64::from(*self).write(out);
    }
}

impl Json for u64 {
    fn write(&self, out: &mut String) {
        let _ = write!(out, "{self}");
    }
}

impl Json for f64 {
    fn write(&self, out: &mut String) {
        // What is no number is null.
        out.push_str(&serde_json::to_string(self).unwrap_or_default());
    }
}

impl<T: Json> Json for Option<T> {
    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }
}

impl<T: Json> Json for Vec<T> {
    fn write(&self, out: &mut String) {
        out.push('[');
        for (index, value) in self.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            value.write(out);
        }
        out.push(']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &dyn Json, expected: &str) {
        let mut out = String::new();
        value.write(&mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn values_are_written() {
        check(&"a \"b\"\n\u{1} é 😀", r#""a \"b\"\n\u0001 é 😀""#);
        check(&true, "true");
        check(&u64::MAX, "18446744073709551615");
        check(&1.5, "1.5");
        check(&2.0, "2.0");
        check(&f64::NAN, "null");
        check(&None::<u32>, "null");
        check(&Some(7_u16), "7");
        check(&Vec::<u32>::new(), "[]");
        check(&vec![1_u32, 2], "[1,2]");
    }

    #[test]
    fn objects_are_written() {
        let mut out = String::new();
        object(&mut out, &[]);
        object(&mut out, &[("a", &1_u32), ("b\"", &vec!["c"])]);
        assert_eq!(out, r#"{}{"a":1,"b\"":["c"]}"#);
    }
}
