//! The keywords of JSON Schema that the generated schemas use.

use serde_json::Value;

/// Returns the schema of the member with this name.
pub(crate) fn member_schema<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let known = object.get("properties").and_then(|properties| properties.get(name));
    known.or_else(|| object.get("additionalProperties").filter(|others| others.is_object()))
}

/// Returns whether the schema of an object lists all its members.
pub(crate) fn lists_all(object: &Value) -> bool {
    object.get("properties").is_some() && object.get("additionalProperties").is_none_or(|others| others == false)
}

/// Returns the member by which the alternatives of a union are distinguished.
pub(crate) fn tag_of(union: &Value) -> &str {
    let tag = union.pointer("/discriminator/propertyName").and_then(Value::as_str);
    tag.unwrap_or("type")
}

/// Returns whether a text matches a pattern of the form `^[…]+$`, the only form in the spec: a class of characters and
/// ranges. Any other pattern matches everything.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let Some(class) = pattern.strip_prefix("^[").and_then(|rest| rest.strip_suffix("]+$")) else {
        return true;
    };
    let mut allowed = Vec::new();
    let mut rest = class.chars().peekable();
    while let Some(first) = rest.next() {
        let mut ahead = rest.clone();
        let last = ahead.next_if_eq(&'-').and_then(|_| ahead.next());
        if last.is_some() {
            rest = ahead;
        }
        allowed.push(first..=last.unwrap_or(first));
    }
    let is_allowed = |character: char| allowed.iter().any(|range| range.contains(&character));
    !text.is_empty() && text.chars().all(is_allowed)
}

pub(crate) fn list<'a>(schema: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    schema.get(key).and_then(Value::as_array).into_iter().flatten()
}

pub(crate) fn number(schema: &Value, key: &str) -> Option<u64> {
    schema.get(key).and_then(Value::as_u64)
}

/// Returns the only values that a schema allows, if it lists them.
pub(crate) fn constants(schema: &Value) -> impl Iterator<Item = &Value> {
    schema.get("const").into_iter().chain(list(schema, "enum"))
}

pub(crate) fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Returns whether a schema allows the type of a value. A schema without types allows all.
pub(crate) fn allows_type(schema: &Value, value: &Value) -> bool {
    let types = types(schema);
    types.is_empty()
        || types.into_iter().any(|name| match name {
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            "null" => value.is_null(),
            _ => true,
        })
}
