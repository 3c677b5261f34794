//! A template, a row and an axis's value → text that decodes to what was filled
//! in.

use super::lines;
use crate::extract::matrix::Matrix;
use crate::extract::row::Row;
use crate::extract::template::{Part, Place, Scope, Template};
use crate::settings::{Axis, Mistakes};
use percent_encoding::percent_decode_str;

/// Lines: a template, an axis's value, a row.
///
/// # Panics
///
/// Where what must hold doesn't.
pub fn template(data: &[u8]) {
    let Some([text, value, row]) = lines(data) else {
        return;
    };
    for place in [Place::Url, Place::Header, Place::Attribute] {
        if let Ok(template) = Template::parse(text, place) {
            assert_eq!(written(&template), text, "for {place:?}");
        }
    }
    let (Ok(template), Ok(row)) = (Template::parse(text, Place::Url), Row::parse(row)) else {
        return;
    };
    let axes = [Axis {
        name: "axis".to_owned(),
        values: vec![value.to_owned()],
    }];
    let matrix = Matrix::new(&axes, &mut Mistakes::default());
    filled(
        &template,
        &Scope {
            row: &row,
            matrix: &matrix,
            combination: 0,
        },
    );
}

/// The template as it's written.
pub(crate) fn written(template: &Template) -> String {
    let part = |(place, part): (usize, &Part)| {
        let marks = template.marks(place);
        let before = if marks.text { "text:" } else { "" };
        let after = match marks {
            marks if marks.joined => "*",
            marks if marks.optional => "?",
            _ => "",
        };
        match part {
            Part::Text(text) => text.replace('{', "{{").replace('}', "}}"),
            Part::Name(name) => format!("{{{before}{name}{after}}}"),
            Part::Record(pointer) => format!("{{{before}record:{}{after}}}", pointer.as_str()),
        }
    };
    template.parts().iter().enumerate().map(part).collect()
}

/// What is filled in is encoded wholly, and decodes to what it was.
pub(crate) fn filled(template: &Template, scope: &Scope<'_>) {
    let mut expected = Some(String::new());
    for part in template.parts() {
        let piece = match part {
            Part::Text(text) => Some(text.clone()),
            Part::Name(name) => encoded(name, scope),
            Part::Record(_) => None,
        };
        expected = expected.zip(piece).map(|(before, piece)| before + &piece);
    }
    assert_eq!(
        template.fill_url(std::slice::from_ref(scope), ",").ok(),
        expected
    );
    assert_eq!(template.fill_plain(scope).is_ok(), expected.is_some());
}

fn encoded(name: &str, scope: &Scope<'_>) -> Option<String> {
    let value = scope.get(name).ok()?;
    let alone = Template::parse(&format!("{{{name}}}"), Place::Url).ok()?;
    let encoded = alone.fill_url(std::slice::from_ref(scope), ",").ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
    assert!(encoded.bytes().all(plain), "{encoded}");
    let decoded = percent_decode_str(&encoded).decode_utf8();
    assert_eq!(decoded.as_deref(), Ok(value.as_str()), "{encoded}");
    Some(encoded)
}
