//! The built component's edge is exactly what the WIT says.

use rowcast::engine::{COMPONENT, Runtime};
use rowcast::limits::Limits;

#[test]
fn imports_and_exports_are_those_of_the_wit() {
    let shape = Runtime::with_cache(Limits::default(), None)
        .unwrap()
        .shape(COMPONENT)
        .unwrap();
    let mut imports = shape.imports;
    imports.sort();
    expect_test::expect![[r#"
        rowcast:pipeline/dynamodb@0.1.0
        rowcast:pipeline/types@0.1.0
        wasi:clocks/monotonic-clock@0.2.12
        wasi:clocks/wall-clock@0.2.12
        wasi:http/outgoing-handler@0.2.12
        wasi:http/types@0.2.12
        wasi:io/error@0.2.12
        wasi:io/poll@0.2.12
        wasi:io/streams@0.2.12
        wasi:random/random@0.2.12"#]]
    .assert_eq(&imports.join("\n"));
    expect_test::expect![[r#"
        rowcast:pipeline/extract@0.1.0
        rowcast:pipeline/load@0.1.0
        rowcast:pipeline/query@0.1.0"#]]
    .assert_eq(&shape.exports.join("\n"));
}
