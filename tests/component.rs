//! The built components' edges are exactly what the WIT says.

use expect_test::{Expect, expect};
use rowcast::engine::{COMPONENT, Runtime, STANDALONE};
use rowcast::limits::Limits;

/// Imports and exports, each in its own order.
fn check(component: &[u8], imports: &Expect, exports: &Expect) {
    let runtime = Runtime::with_cache(Limits::default(), None).unwrap();
    let mut shape = runtime.shape(component).unwrap();
    shape.imports.sort();
    imports.assert_eq(&shape.imports.join("\n"));
    exports.assert_eq(&shape.exports.join("\n"));
}

#[test]
fn imports_and_exports_are_those_of_the_wit() {
    check(
        COMPONENT,
        &expect![[r#"
            rowcast:pipeline/dynamodb@0.1.0
            rowcast:pipeline/types@0.1.0
            wasi:clocks/monotonic-clock@0.2.12
            wasi:clocks/wall-clock@0.2.12
            wasi:http/outgoing-handler@0.2.12
            wasi:http/types@0.2.12
            wasi:io/error@0.2.12
            wasi:io/poll@0.2.12
            wasi:io/streams@0.2.12
            wasi:random/random@0.2.12"#]],
        &expect![[r#"
            rowcast:pipeline/extract@0.1.0
            rowcast:pipeline/load@0.1.0
            rowcast:pipeline/query@0.1.0"#]],
    );
}

/// `types` has no function, so nothing need be given for it.
#[test]
fn the_standalone_component_and_the_service_need_only_wasi() {
    let imports = expect![[r#"
        rowcast:pipeline/types@0.1.0
        wasi:cli/environment@0.2.12
        wasi:clocks/monotonic-clock@0.2.12
        wasi:clocks/wall-clock@0.2.12
        wasi:http/outgoing-handler@0.2.12
        wasi:http/types@0.2.12
        wasi:io/error@0.2.12
        wasi:io/poll@0.2.12
        wasi:io/streams@0.2.12
        wasi:random/random@0.2.12"#]];
    check(
        STANDALONE,
        &imports,
        &expect![[r#"
            rowcast:pipeline/extract@0.1.0
            rowcast:pipeline/load@0.1.0
            rowcast:pipeline/query@0.1.0"#]],
    );
    check(
        include_bytes!(env!("ROWCAST_SERVICE")),
        &imports,
        &expect!["wasi:http/incoming-handler@0.2.12"],
    );
}
