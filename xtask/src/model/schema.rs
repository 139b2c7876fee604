//! Properties of a schema, and how they are expressed in Rust.

use serde_json::Value;

pub(super) fn schema_name(reference: &str) -> Option<&str> {
    reference.strip_prefix("#/components/schemas/")
}

pub(super) fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// Converts `in_progress` to `InProgress`.
pub(super) fn pascal(wire: &str) -> String {
    let words = wire
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}

/// The schema without its null alternative, and whether there was one.
pub(super) fn without_null(schema: &Value) -> (&Value, bool) {
    if let Some(Value::Array(kinds)) = schema.get("type") {
        return (schema, kinds.iter().any(|kind| kind == "null"));
    }
    if let Some([one, null]) = schema.get("oneOf").and_then(Value::as_array).map(Vec::as_slice)
        && text(null, "type") == Some("null")
    {
        return (one, true);
    }
    (schema, false)
}

/// The limits of a value, as sentences.
pub(super) fn limits(schema: &Value) -> Vec<String> {
    let number = |key: &str| {
        schema
            .get(key)
            .filter(|value| value.is_number())
            .map(|value| thousands(&value.to_string()))
    };
    let mut all = Vec::new();
    if let Some(most) = number("maxLength") {
        all.push(format!("At most {most} characters."));
    }
    if let Some(most) = number("maxItems") {
        all.push(format!("At most {most} items."));
    }
    match (number("minimum"), number("maximum")) {
        (Some(least), Some(most)) => all.push(format!("From {least} to {most}.")),
        (Some(least), None) if least != "0" => all.push(format!("At least {least}.")),
        (None, Some(most)) => all.push(format!("At most {most}.")),
        _ => {}
    }
    if let Some(default) = schema.get("default").filter(|value| value.is_number()) {
        all.push(format!("Default: {default}."));
    }
    all
}

/// Converts `256000` to `256,000`.
fn thousands(digits: &str) -> String {
    if digits.len() <= 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits.to_owned();
    }
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
