//! Requests against the generated schemas: one line per violation.

use serde_json::{Map, Value};

use super::Schemas;
use super::keywords::{list, matches, tag_of, types};

const SCHEMAS: &str = r##"{"components": {"schemas": {
    "Create": {
        "type": "object",
        "required": ["model"],
        "properties": {
            "model": {"type": "string"},
            "name": {"type": ["string", "null"], "maxLength": 4},
            "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
            "most": {"type": "integer", "minimum": 256},
            "tools": {"type": "array", "maxItems": 2, "items": {"$ref": "#/components/schemas/Tool"}},
            "content": {"oneOf": [
                {"type": "string"},
                {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["text"]}}
            ]},
            "choice": {"oneOf": [
                {"type": "string", "enum": ["none", "auto"]},
                {"type": "object", "required": ["type"], "properties": {"type": {"type": "string", "enum": ["function"]}}}
            ]},
            "metadata": {"$ref": "#/components/schemas/Metadata"}
        }
    },
    "Tool": {"oneOf": [
        {"type": "object", "required": ["type"], "properties": {"type": {"const": "code_interpreter"}}},
        {"type": "object", "required": ["type", "function"], "properties": {
            "type": {"type": "string", "enum": ["function"]},
            "function": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
        }}
    ]},
    "Metadata": {
        "type": ["object", "null"],
        "maxProperties": 2,
        "propertyNames": {"maxLength": 3},
        "additionalProperties": {"type": "string", "maxLength": 5}
    }
}}}"##;

/// `want` consists of the parameter, the code and the message, separated by colons; it is empty if nothing is wrong.
#[track_caller]
fn check(body: &str, want: &str) {
    let schemas = Schemas::parse(SCHEMAS).unwrap();
    let got = match schemas.check("Create", &serde_json::from_str(body).unwrap()) {
        Ok(()) => String::new(),
        Err(violation) => {
            format!(
                "{}: {}: {}",
                violation.param.unwrap_or_default(),
                violation.code,
                violation.message
            )
        }
    };
    assert_eq!(got, want);
}

#[test]
fn accepts_valid_requests_and_unknown_parameters() {
    check(r#"{"model": "m"}"#, "");
    check(r#"{"model": "m", "newer": {"than": "this"}}"#, "");
    check(
        r#"{"model": "m", "name": null, "temperature": 2, "most": 256, "metadata": null}"#,
        "",
    );
    check(
        r#"{"model": "m", "name": "äöüß", "temperature": 0.5, "metadata": {"a": "12345", "bbb": ""}}"#,
        "",
    );
    check(r#"{"model": "m", "tools": [{"type": "code_interpreter"}]}"#, "");
    check(
        r#"{"model": "m", "tools": [{"type": "function", "function": {"name": "f", "x": 1}}]}"#,
        "",
    );
    check(r#"{"model": "m", "content": "text"}"#, "");
    check(r#"{"model": "m", "content": [{"text": 1}]}"#, "");
    check(r#"{"model": "m", "choice": "auto"}"#, "");
    check(r#"{"model": "m", "choice": {"type": "function"}}"#, "");
}

#[test]
fn a_strict_check_finds_what_it_does_not_know() {
    let schemas = Schemas::parse(SCHEMAS).unwrap().strict(true);
    let check = |body: &str| schemas.check("Create", &serde_json::from_str(body).unwrap()).err();
    assert_eq!(check(r#"{"model": "m", "metadata": {"a": "b"}}"#), None);
    let violation = check(r#"{"model": "m", "tools": [{"type": "code_interpreter", "x": 1}]}"#).unwrap();
    assert_eq!(
        (violation.message.as_str(), violation.code, violation.param.as_deref()),
        (
            "Unknown parameter: 'tools[0].x'.",
            "unknown_parameter",
            Some("tools[0].x")
        )
    );
}

#[test]
fn drops_nulls_that_are_not_in_the_schema() {
    let schemas = Schemas::parse(SCHEMAS).unwrap();
    let mut body = serde_json::json!({
        "model": null, "name": null, "most": null, "tools": null, "content": null, "choice": null, "metadata": null,
        "newer": null,
    });
    schemas.drop_nulls("Create", &mut body);
    // Members that are required, may be null, or are unknown keep their nulls.
    let want = serde_json::json!({"model": null, "name": null, "metadata": null, "newer": null});
    assert_eq!(body, want);
    let mut body = serde_json::json!({"model": "m", "tools": [
        {"type": "function", "function": {"name": null, "x": null}}, {"type": "function", "function": null}, null
    ]});
    let before = body.clone();
    schemas.drop_nulls("Create", &mut body);
    assert_eq!(body, before);
}

/// If a union had alternatives that cannot be distinguished, [`Schemas::drop_nulls`] and the check would have to guess.
#[test]
fn the_alternatives_of_every_union_are_told_apart() {
    let documents = [
        include_str!("../generated/request_schemas.json"),
        include_str!("../generated/chat_request_schemas.json"),
    ];
    let schemas = Schemas::parse(documents[0]).unwrap().and(documents[1]).unwrap();
    fn walk(schemas: &Schemas, schema: &Value, unions: &mut usize) {
        if list(schema, "oneOf").next().is_some() {
            let alternatives: Vec<&Value> = list(schema, "oneOf").collect();
            let alternatives = schemas.flatten(&alternatives);
            for kind in ["array", "object"] {
                let alike = alternatives.iter().filter(|one| types(one).contains(&kind));
                let alike: Vec<_> = alike.map(|one| schemas.tags(tag_of(schema), one)).collect();
                assert!(alike.len() < 2 || alike.iter().all(|tags| !tags.is_empty()), "{schema}");
            }
            *unions += 1;
        }
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
            assert!(pattern.starts_with("^[") && pattern.ends_with("]+$"), "{pattern}");
        }
        let members = schema.as_object().into_iter().flat_map(Map::values);
        let items = schema.as_array().into_iter().flatten();
        members.chain(items).for_each(|inner| walk(schemas, inner, unions));
    }
    let mut unions = 0;
    for schema in schemas.components.values() {
        walk(&schemas, schema, &mut unions);
    }
    assert!(unions > 20, "only {unions} unions");
}

#[test]
fn a_pattern_is_a_set_of_characters() {
    for (text, want) in [
        ("get_A-9", true),
        ("", false),
        ("a b", false),
        ("ä", false),
        ("a.b", false),
        ("a\n", false),
    ] {
        assert_eq!(matches("^[a-zA-Z0-9_-]+$", text), want, "{text:?}");
    }
    assert!(matches("(anything else)", "x"));
}

#[test]
fn finds_what_is_missing() {
    check(
        "{}",
        "model: missing_required_parameter: Missing required parameter: 'model'.",
    );
    check(
        r#"{"model": "m", "tools": [{"type": "function", "function": {}}]}"#,
        "tools[0].function.name: missing_required_parameter: \
         Missing required parameter: 'tools[0].function.name'.",
    );
    check(
        r#"{"model": "m", "tools": [{}]}"#,
        "tools[0].type: missing_required_parameter: Missing required parameter: 'tools[0].type'.",
    );
}

#[test]
fn finds_wrong_types() {
    check(
        "[]",
        ": invalid_type: Invalid type for the body: expected an object, but got an array instead.",
    );
    check(
        r#"{"model": 1}"#,
        "model: invalid_type: Invalid type for 'model': expected a string, but got an integer instead.",
    );
    check(
        r#"{"model": "m", "name": 1.5}"#,
        "name: invalid_type: Invalid type for 'name': expected a string, but got a decimal number instead.",
    );
    check(
        r#"{"model": "m", "most": 256.5}"#,
        "most: invalid_type: Invalid type for 'most': expected an integer, but got a decimal number instead.",
    );
    check(
        r#"{"model": "m", "content": 1}"#,
        "content: invalid_type: \
         Invalid type for 'content': expected one of a string or an array, but got an integer instead.",
    );
    check(
        r#"{"model": "m", "metadata": {"a": null}}"#,
        "metadata.a: invalid_type: Invalid type for 'metadata.a': expected a string, but got null instead.",
    );
}

#[test]
fn finds_what_is_too_long_or_too_large() {
    check(
        r#"{"model": "m", "name": "äöüßa"}"#,
        "name: string_above_max_length: \
         Invalid 'name': string too long. Expected a string with maximum length 4, but got a string with length 5 instead.",
    );
    check(
        r#"{"model": "m", "temperature": 2.5}"#,
        "temperature: decimal_above_max_value: \
         Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 2.5 instead.",
    );
    check(
        r#"{"model": "m", "most": 255}"#,
        "most: integer_below_min_value: \
         Invalid 'most': integer below minimum value. Expected a value >= 256, but got 255 instead.",
    );
    check(
        r#"{"model": "m", "tools": [{}, {}, {}]}"#,
        "tools: array_above_max_length: \
         Invalid 'tools': array too long. Expected an array with maximum length 2, but got an array with length 3 instead.",
    );
    check(
        r#"{"model": "m", "content": []}"#,
        "content: empty_array: \
         Invalid 'content': empty array. Expected an array with minimum length 1, but got an empty array instead.",
    );
    check(
        r#"{"model": "m", "metadata": {"a": "", "b": "", "c": ""}}"#,
        "metadata: object_above_max_properties: \
         Invalid 'metadata': too many properties. Expected an object with at most 2 properties, but got an object with 3 properties instead.",
    );
    check(
        r#"{"model": "m", "metadata": {"long": ""}}"#,
        "metadata.long: property_name_above_max_length: \
         Invalid property name in 'metadata': 'long' is too long. Expected a string with maximum length 3, but got a string with length 4 instead.",
    );
    check(
        r#"{"model": "m", "metadata": {"a": "123456"}}"#,
        "metadata.a: string_above_max_length: \
         Invalid 'metadata.a': string too long. Expected a string with maximum length 5, but got a string with length 6 instead.",
    );
}

#[test]
fn finds_values_that_do_not_exist() {
    check(
        r#"{"model": "m", "choice": "never"}"#,
        "choice: invalid_value: Invalid value: 'never'. Supported values are: 'none' and 'auto'.",
    );
    check(
        r#"{"model": "m", "tools": [{"type": "browser"}]}"#,
        "tools[0].type: invalid_value: Invalid value: 'browser'. \
         Supported values are: 'code_interpreter' and 'function'.",
    );
}
