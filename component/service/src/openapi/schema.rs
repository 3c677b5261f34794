//! A value against as much of JSON Schema as `openapi.json` uses. A keyword
//! that isn't known here is an error, so that none is passed over.

use serde_json::Value;

/// Whether the value conforms, or what doesn't.
pub fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    for (keyword, said) in schema.as_object().ok_or("a schema is not an object")? {
        let holds = match keyword.as_str() {
            "description" | "default" => true,
            "$ref" => {
                let pointer = said.as_str().unwrap().trim_start_matches('#');
                let target = document.pointer(pointer).ok_or(pointer)?;
                check(document, target, value)?;
                true
            }
            "type" => types(said).any(|name| is_of_type(value, name)),
            "const" => said == value,
            "enum" => said.as_array().unwrap().contains(value),
            "minimum" => value.as_f64() >= said.as_f64() || !value.is_number(),
            "maximum" => value.as_f64() <= said.as_f64() || !value.is_number(),
            "minItems" => length(value) >= said.as_u64() || !value.is_array(),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(document, said, item).map_err(|error| format!("[{index}]{error}"))?;
                }
                true
            }
            "properties" => {
                for (name, property) in said.as_object().unwrap() {
                    if let Some(member) = value.get(name) {
                        check(document, property, member)
                            .map_err(|error| format!(".{name}{error}"))?;
                    }
                }
                true
            }
            "required" => {
                let mut names = said.as_array().unwrap().iter();
                let there = |name: &Value| value.get(name.as_str().unwrap()).is_some();
                names.all(there) || !value.is_object()
            }
            "additionalProperties" => {
                assert_eq!(said, &Value::Bool(false));
                let known = schema["properties"].as_object().unwrap();
                let mut members = value.as_object().into_iter().flatten();
                members.all(|(name, _)| known.contains_key(name))
            }
            "oneOf" => {
                let choices = said.as_array().unwrap().iter();
                let matching = choices.filter(|choice| check(document, choice, value).is_ok());
                matching.count() == 1
            }
            other => return Err(format!(": `{other}` is not known")),
        };
        if !holds {
            return Err(format!(": {value} doesn't meet {keyword} {said}"));
        }
    }
    Ok(())
}

fn types(said: &Value) -> impl Iterator<Item = &str> {
    let several = said.as_array().into_iter().flatten();
    said.as_str()
        .into_iter()
        .chain(several.filter_map(Value::as_str))
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("there is no type {other}"),
    }
}

fn length(value: &Value) -> Option<u64> {
    value
        .as_array()
        .and_then(|items| u64::try_from(items.len()).ok())
}
