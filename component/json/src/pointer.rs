//! A member's name ↔ its part of a JSON Pointer, RFC 6901.

/// A name as a part of a pointer.
#[must_use]
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A pointer's part as the name that it stands for.
#[must_use]
pub fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// The pointer to a member of the root.
#[must_use]
pub fn to_member(name: &str) -> String {
    format!("/{}", escaped(name))
}
