//! What a document has and the settings leave out, or choose, is said.

use super::*;

/// The URL, and what is said beside of what every document lacks.
fn said(document: &Value) -> String {
    let found = propose(document, "GET /items").unwrap();
    let source: Value = serde_json::from_str(&json(&found.source)).unwrap();
    let usual = [
        "Pages: none",
        "Nothing of a row",
        "The document doesn't say what",
    ];
    let is_usual = |remark: &&String| usual.iter().any(|it| remark.starts_with(it));
    let url = source["url"].as_str().unwrap().to_owned();
    let remarks = found.remarks.iter().filter(|it| !is_usual(it)).cloned();
    [url]
        .into_iter()
        .chain(remarks)
        .collect::<Vec<_>>()
        .join("\n")
}

fn check(document: &Value, expected: Expect) {
    expected.assert_eq(&said(document));
}

#[test]
fn parameters_that_are_not_written() {
    let check = |parameter: Value, expected: Expect| {
        check(
            &document(json!({"parameters": [parameter]}), json!({})),
            expected,
        );
    };
    check(
        json!({"name": "sid", "in": "cookie", "required": true}),
        expect![[r#"
            https://a.example/items
            Requests must have the cookie `sid`: set the header `cookie` to "sid=…"."#]],
    );
    check(
        json!({"name": "sid", "in": "cookie"}),
        expect!["https://a.example/items"],
    );
    check(
        json!({"name": "f", "in": "query", "required": true, "style": "deepObject"}),
        expect![[r"
            https://a.example/items
            Requests must have the parameter `f`, an object in the style deepObject, which isn't written: add its members to the URL."]],
    );
    check(
        json!({"name": "f", "in": "query", "style": "deepObject"}),
        expect![[r"
            https://a.example/items
            The URL may also have the parameters f (style deepObject)."]],
    );
    check(
        json!({"name": "f", "in": "query", "required": true, "schema": {"type": "object"}}),
        expect![[r"
            https://a.example/items
            Requests must have the parameter `f`, an object in the style form, which isn't written: add its members to the URL."]],
    );
    check(
        json!({"name": "f", "in": "query", "required": true, "content": {"application/json": {}}}),
        expect![[r"
            https://a.example/items?f={f}
            The parameter `f` takes JSON: the column has its text."]],
    );
    check(
        json!({"name": "f", "in": "query", "required": true, "style": "pipeDelimited"}),
        expect![[r#"
            https://a.example/items?f={f}
            The parameter `f` may have several values: the column then has "|" between them."#]],
    );
    check(
        json!({"name": "f", "in": "query", "required": true, "collectionFormat": "ssv"}),
        expect![[r#"
            https://a.example/items?f={f}
            The parameter `f` may have several values: the column then has " " between them."#]],
    );
    check(
        json!({"name": "Authorization", "in": "header", "required": true}),
        expect![[r"
            https://a.example/items
            Requests must have the header `authorization`: set it."]],
    );
}

#[test]
fn styles_of_paths_are_written() {
    for (style, expected) in [
        ("matrix", "https://a.example/a;id={id}/b"),
        ("label", "https://a.example/a.{id}/b"),
        ("simple", "https://a.example/a{id}/b"),
    ] {
        let parameter = json!({"name": "id", "in": "path", "required": true, "style": style});
        let document = json!({
            "openapi": "3.0.0", "servers": [{"url": "https://a.example"}],
            "paths": {"/a{id}/b": {"get": {"parameters": [parameter]}}},
        });
        let found = propose(&document, "GET /a{id}/b").unwrap();
        assert_eq!(
            found.source.get("url").map(json),
            Some(format!("\"{expected}\""))
        );
    }
}

#[test]
fn references_that_lead_nowhere() {
    let answer = |reference: &str| {
        let schema = json!({"$ref": reference});
        let responses = json!({"200": {"content": {"application/json": {"schema": schema}}}});
        let schemas = json!({
            "Own": {"$ref": "#/components/schemas/Own"},
            "A": {"allOf": [{"$ref": "#/components/schemas/B"}]},
            "B": {"allOf": [{"$ref": "#/components/schemas/A"}]},
            "Two": {"allOf": [{"$ref": "#/components/schemas/C D"}, {"$ref": "#/components/schemas/C%20D"}]},
            "C D": {"type": "object", "properties": {"a": {"type": "string"}}},
        });
        document(
            json!({"responses": responses}),
            json!({"components": {"schemas": schemas}}),
        )
    };
    check(
        &answer("other.yaml#/X"),
        expect![[r"
        https://a.example/items
        The reference `other.yaml#/X` leads out of the document, and isn't followed: bundle the document into one file.
        Records: where they are isn't known without that reference: set `records` to their JSON Pointer."]],
    );
    check(
        &answer("#/components/schemas/None"),
        expect![[r"
        https://a.example/items
        The reference `#/components/schemas/None` leads nowhere: what it stands for is left out.
        Records: where they are isn't known without that reference: set `records` to their JSON Pointer."]],
    );
    check(
        &answer("#/components/schemas/Own"),
        expect![[r"
        https://a.example/items
        The reference `#/components/schemas/Own` leads back to itself.
        Records: where they are isn't known without that reference: set `records` to their JSON Pointer."]],
    );
    check(
        &answer("#/components/schemas/A"),
        expect![[r"
        https://a.example/items
        The reference `#/components/schemas/A` leads back to itself.
        Records: where they are isn't known without that reference: set `records` to their JSON Pointer."]],
    );
    check(
        &answer("#/components/schemas/Two"),
        expect![[r"
        https://a.example/items
        Records: no list of objects was found, so that the whole body is one record."]],
    );
    let operation = json!({
        "parameters": [{"$ref": "#/components/parameters/None"}],
        "responses": {"200": {"$ref": "responses.yaml#/a"}},
    });
    check(
        &document(operation, json!({})),
        expect![[r"
        https://a.example/items
        The reference `#/components/parameters/None` leads nowhere: what it stands for is left out.
        The reference `responses.yaml#/a` leads out of the document, and isn't followed: bundle the document into one file."]],
    );
    let elsewhere = json!({"openapi": "3.0.0", "paths": {"/items": {"$ref": "items.yaml"}}});
    let error = propose(&elsewhere, "GET /items").unwrap_err();
    assert_eq!(
        error.hint(),
        Some(
            "it has no GET operation of its own. The reference `items.yaml` leads out of the \
             document, and isn't followed: bundle the document into one file."
        )
    );
}

#[test]
fn servers_are_named() {
    let check = |servers: Value, expected: Expect| {
        check(&document(json!({}), json!({"servers": servers})), expected);
    };
    check(
        json!([{"url": "https://sandbox.example/v1"}, {"url": "https://a.example/v1"}]),
        expect![[r"
            https://sandbox.example/v1/items
            The document has several servers: the first, `https://sandbox.example/v1`, was chosen; others are `https://a.example/v1`."]],
    );
    check(
        json!([{"url": "https://{at}.example/{version}", "variables": {
            "at": {"default": "eu", "enum": ["eu", "us"]}, "version": {"default": "v1"},
        }}]),
        expect![[r"
            https://eu.example/v1/items
            The server's variable `at` has its default, `eu`; it may be `us`.
            The server's variable `version` has its default, `v1`."]],
    );
    check(
        json!([{"url": "https://{at}.example"}]),
        expect![[r"
        https://at.example/items
        The server's variable `at` has no default: write its value in place of `at`."]],
    );
    check(
        json!([{"url": "https://a.example/v1/?x=1#top"}]),
        expect![[r"
            https://a.example/v1/items?x=1
            The server's URL ends in `#top`: requests have no such part, it is left out.
            The server's URL has a query: `x=1` is sent with every request."]],
    );
    check(
        json!([{"url": "//a.example/v1"}]),
        expect!["https://a.example/v1/items"],
    );
    check(
        json!([{"url": "wss://a.example"}]),
        expect![[r"
        https://api.example.com/items
        The server's URL, `wss://a.example`, isn't one of HTTP that can be used: write it here."]],
    );
    check(
        json!([{"url": "https://{at}", "variables": {"at": {"default": "{x}"}}}]),
        expect![[r"
            https://api.example.com/items
            The server's variable `at` has its default, `{x}`.
            The server's URL, `https://%7Bx%7D`, isn't one of HTTP that can be used: write it here."]],
    );
}

#[test]
fn authentication_that_is_not_set() {
    let check = |scheme: Value, url: &str, expected: Expect| {
        let more = json!({
            "security": [{"it": []}], "components": {"securitySchemes": scheme},
            "servers": [{"url": "https://a.example/v1/"}],
        });
        let document = document(json!({}), more);
        check(&document, expected);
        let found = propose(&document, "GET /items").unwrap();
        let token_url = found.source.get("auth").and_then(|it| it.get("token_url"));
        assert_eq!(token_url.map(json).unwrap_or_default(), url);
    };
    let code =
        |flow: Value| json!({"it": {"type": "oauth2", "flows": {"authorizationCode": flow}}});
    check(
        json!({}),
        "",
        expect![[r"
        https://a.example/v1/items
        The document asks for authentication by `it`, which it doesn't describe: see what the API wants."]],
    );
    check(
        json!({"it": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/t"}}}}),
        r#""https://a.example/t""#,
        expect![[r"
            https://a.example/v1/items
            The document's `tokenUrl`, `/t`, is taken to be `https://a.example/t`."]],
    );
    check(
        code(json!({"tokenUrl": "https://a.example/t", "refreshUrl": "r"})),
        r#""https://a.example/v1/r""#,
        expect![[r"
            https://a.example/v1/items
            The document's `refreshUrl`, `r`, is taken to be `https://a.example/v1/r`."]],
    );
    check(
        code(json!({"tokenUrl": "https://a.example/t", "refreshUrl": "https://a.example/r"})),
        r#""https://a.example/r""#,
        expect!["https://a.example/v1/items"],
    );
    check(
        code(json!({"tokenUrl": "mailto:a@a.example"})),
        "",
        expect![[r"
            https://a.example/v1/items
            The document's `tokenUrl`, `mailto:a@a.example`, isn't a URL that can be used.
            The document has people log in to get a token; how to get one is not set here."]],
    );
}
