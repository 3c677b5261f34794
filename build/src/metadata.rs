//! A component and what is known of its package → the component with that in
//! custom sections, as registries and `wasm-tools metadata show` read them.

use std::collections::BTreeMap;

/// Sections of the tool conventions for WebAssembly, named like the annotations
/// of OCI images, each with one text.
pub type Annotations = BTreeMap<&'static str, String>;

/// Appends a name and annotations; empty texts are left out.
pub fn annotate(mut component: Vec<u8>, name: &str, annotations: &Annotations) -> Vec<u8> {
    // Of the name section's parts, the first (0) is the component's own name.
    let mut own_name = vec![0];
    prefixed(&mut own_name, &prefixed_text(name));
    section(&mut component, "component-name", &own_name);
    for (title, text) in annotations.iter().filter(|(_, text)| !text.is_empty()) {
        section(&mut component, title, text.as_bytes());
    }
    component
}

/// A custom section (id 0): its length, its name, its content.
fn section(component: &mut Vec<u8>, name: &str, content: &[u8]) {
    let mut body = prefixed_text(name);
    body.extend_from_slice(content);
    component.push(0);
    prefixed(component, &body);
}

fn prefixed_text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    prefixed(&mut bytes, text.as_bytes());
    bytes
}

/// A length as unsigned LEB128, then that many bytes.
fn prefixed(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes.len();
    loop {
        let low = u8::try_from(rest & 0x7f).unwrap_or_default();
        rest >>= 7;
        if rest == 0 {
            out.push(low);
            break;
        }
        out.push(low | 0x80);
    }
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections() {
        let check = |description: &str, expected: &[u8]| {
            let annotations = Annotations::from([("d", description.to_owned())]);
            assert_eq!(annotate(b"wasm".to_vec(), "n", &annotations), expected);
        };
        let name = b"wasm\0\x13\x0ecomponent-name\0\x02\x01n";
        check("", name);
        check("text", &[&name[..], b"\0\x06\x01dtext"].concat());
        let long = "x".repeat(300);
        // 302 bytes: 0b10_0101110.
        check(
            &long,
            &[&name[..], b"\0\xae\x02\x01d", long.as_bytes()].concat(),
        );
    }
}
