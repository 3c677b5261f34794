//! Templates and rows → URLs and texts, or why there is none.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use crate::settings::{Axis, Mistakes};

const ROW: &str = r#"{"id":"a/b c","n":1.50,"big":12345678901234567890123,"yes":true,"none":null,
    "list":[1],"map":{},"name":"Björk {x}","odd name":"-._~","sur":"\ud800"}"#;

fn check(template: &str, url: &str, plain: &str) {
    let row = Row::parse(ROW).unwrap();
    let country = ["US", "CA"].map(str::to_owned).to_vec();
    let axes = [Axis {
        name: "country".to_owned(),
        values: country,
    }];
    let matrix = Matrix::new(&axes, &mut Mistakes::default());
    let scope = Scope {
        row: &row,
        matrix: &matrix,
        combination: 1,
    };
    let shown = |filled: Result<String, FillError>| match filled {
        Ok(filled) => filled,
        Err(error) => error.to_string(),
    };
    match Template::parse(template, Place::Url) {
        Ok(parsed) => {
            assert_eq!(
                shown(parsed.fill_url(std::slice::from_ref(&scope), ",")),
                url,
                "{template}"
            );
            assert_eq!(shown(parsed.fill_plain(&scope)), plain, "{template}");
        }
        Err(error) => assert_eq!(error.to_string(), url, "{template}"),
    }
}

fn same(template: &str, expected: &str) {
    check(template, expected, expected);
}

#[test]
fn values_are_encoded_in_urls_and_plain_elsewhere() {
    check("/{id}/x", "/a%2Fb%20c/x", "/a/b c/x");
    check("{name}", "Bj%C3%B6rk%20%7Bx%7D", "Björk {x}");
    same("{odd name}", "-._~");
    same("{n} {big} {yes}", "1.50 12345678901234567890123 true");
    same("{country}{country}", "CACA");
    same("{{id}} }}{{ {{{n}}}", "{id} }{ {1.50}");
    same("", "");
}

#[test]
fn what_cannot_be_filled_is_named() {
    same(
        "{none}",
        "`none` is null; a template takes strings, numbers and booleans",
    );
    same(
        "{list}",
        "`list` is an array; a template takes strings, numbers and booleans",
    );
    same(
        "{map}",
        "`map` is an object; a template takes strings, numbers and booleans",
    );
    same("{sur}", "`sur` is not Unicode");
    same(
        "{ID}",
        "the row has no `ID`; known are `big`, `country`, `id`, `list`, `map`, `n`, `name`, \
         `none`, `odd name`, `sur`, `yes`",
    );
}

#[test]
fn malformed_templates_are_refused() {
    same(
        "a{id",
        "the `{` at byte 1 is never closed; a literal brace is written `{{`",
    );
    same(
        "{a{id}",
        "the `{` at byte 0 is never closed; a literal brace is written `{{`",
    );
    same(
        "{id}}",
        "the `}` at byte 4 closes nothing; a literal brace is written `}}`",
    );
    same("x{}", "the braces at byte 1 name nothing");
    same(
        "{id?}",
        "`{…?}` is for attributes; a URL or a header can't be left out",
    );
    let marks = |text: &str| {
        let template = Template::parse(text, Place::Attribute).unwrap();
        let marks = template.marks(0);
        (template.names().count(), marks.optional, marks.text)
    };
    assert_eq!(marks("{id}"), (1, false, false));
    assert_eq!(marks("{id?}"), (0, true, false));
    assert_eq!(marks("{text:id}"), (1, false, true));
    assert_eq!(marks("{text:record:/a?}"), (0, true, true));
    same(
        "{record:/a}",
        "`{record:…}` is for attributes; there is no record before the request is made",
    );
    let pointer = Template::parse("{record:a}", Place::Attribute).err();
    assert_eq!(pointer, Some(TemplateError::Pointer(PointerError::NoSlash)));
}
