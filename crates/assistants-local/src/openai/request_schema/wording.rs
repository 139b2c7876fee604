//! The messages and codes of violations, in the words of the provider, which programs match.

use serde_json::Value;

use super::Violation;
use super::keywords::{constants, types};
use super::violation::Path;

impl Path<'_> {
    /// Creates a violation at this path. `message` receives the quoted parameter.
    fn violation(&self, code: &'static str, message: impl FnOnce(&str) -> String) -> Violation {
        match self {
            Self::Body => Violation {
                message: message("the body"),
                param: None,
                code,
            },
            path => {
                let param = path.to_string();
                Violation {
                    message: message(&format!("'{param}'")),
                    param: Some(param),
                    code,
                }
            }
        }
    }
}

pub(crate) fn missing(path: &Path<'_>) -> Violation {
    path.violation("missing_required_parameter", |param| {
        format!("Missing required parameter: {param}.")
    })
}

pub(crate) fn unknown_parameter(path: &Path<'_>) -> Violation {
    path.violation("unknown_parameter", |param| format!("Unknown parameter: {param}."))
}

pub(crate) fn invalid_type(schemas: &[&Value], value: &Value, path: &Path<'_>) -> Violation {
    let mut wanted: Vec<String> = Vec::new();
    for schema in schemas {
        let known: Vec<String> = constants(schema).filter(|one| !one.is_null()).map(quote).collect();
        let names = types(schema).into_iter().filter(|name| *name != "null");
        let own = match known.is_empty() {
            true => names.map(with_article).collect(),
            false => vec![one_of(&known, "or")],
        };
        wanted.extend(own.into_iter().filter(|own| !wanted.contains(own)).collect::<Vec<_>>());
    }
    path.violation("invalid_type", |param| {
        let one = if wanted.len() > 1 { "one of " } else { "" };
        format!(
            "Invalid type for {param}: expected {one}{}, but got {} instead.",
            one_of(&wanted, "or"),
            describe(value)
        )
    })
}

pub(crate) fn invalid_value<'a>(
    value: &Value,
    known: impl IntoIterator<Item = &'a Value>,
    path: &Path<'_>,
) -> Violation {
    let known: Vec<String> = known.into_iter().map(quote).collect();
    path.violation("invalid_value", |_| {
        format!(
            "Invalid value: {}. Supported values are: {}.",
            quote(value),
            one_of(&known, "and")
        )
    })
}

pub(crate) fn string_too_long(most: u64, count: u64, path: &Path<'_>) -> Violation {
    path.violation("string_above_max_length", |param| {
        format!(
            "Invalid {param}: string too long. Expected a string with maximum length {most}, \
             but got a string with length {count} instead."
        )
    })
}

pub(crate) fn string_too_short(least: u64, count: u64, path: &Path<'_>) -> Violation {
    if count == 0 {
        return path.violation("empty_string", |param| {
            format!(
                "Invalid {param}: empty string. Expected a string with minimum length {least}, \
                 but got an empty string instead."
            )
        });
    }
    path.violation("string_below_min_length", |param| {
        format!(
            "Invalid {param}: string too short. Expected a string with minimum length {least}, \
             but got a string with length {count} instead."
        )
    })
}

pub(crate) fn pattern_mismatch(pattern: &str, path: &Path<'_>) -> Violation {
    path.violation("invalid_value", |param| {
        format!(
            "Invalid {param}: string does not match pattern. Expected a string that matches the pattern '{pattern}'."
        )
    })
}

pub(crate) fn array_too_long(most: u64, count: u64, path: &Path<'_>) -> Violation {
    path.violation("array_above_max_length", |param| {
        format!(
            "Invalid {param}: array too long. Expected an array with maximum length {most}, \
             but got an array with length {count} instead."
        )
    })
}

pub(crate) fn array_too_short(least: u64, count: u64, path: &Path<'_>) -> Violation {
    if count == 0 {
        return path.violation("empty_array", |param| {
            format!(
                "Invalid {param}: empty array. Expected an array with minimum length {least}, \
                 but got an empty array instead."
            )
        });
    }
    path.violation("array_below_min_length", |param| {
        format!(
            "Invalid {param}: array too short. Expected an array with minimum length {least}, \
             but got an array with length {count} instead."
        )
    })
}

pub(crate) fn too_many_properties(most: u64, count: u64, path: &Path<'_>) -> Violation {
    path.violation("object_above_max_properties", |param| {
        format!(
            "Invalid {param}: too many properties. Expected an object with at most {most} properties, \
             but got an object with {count} properties instead."
        )
    })
}

/// Reports a property name of `count` characters in the object at `path`. Long names are abbreviated in the middle.
pub(crate) fn name_too_long(most: u64, count: u64, name: &str, path: &Path<'_>) -> Violation {
    let object = path.to_string();
    let ends: Vec<char> = name.chars().collect();
    let shown = match ends.as_slice() {
        [start @ .., _, _, _] if start.len() > 6 => {
            let (start, end): (String, String) = (ends[..3].iter().collect(), ends[ends.len() - 3..].iter().collect());
            format!("{start}...{end}")
        }
        _ => name.to_owned(),
    };
    Path::Member(path, name).violation("property_name_above_max_length", |_| {
        format!(
            "Invalid property name in '{object}': '{shown}' is too long. Expected a string with maximum length {most}, \
             but got a string with length {count} instead."
        )
    })
}

pub(crate) fn above_maximum(most: &Value, value: &Value, is_integer: bool, path: &Path<'_>) -> Violation {
    let code = if is_integer {
        "integer_above_max_value"
    } else {
        "decimal_above_max_value"
    };
    path.violation(code, |param| {
        format!(
            "Invalid {param}: {} above maximum value. Expected a value <= {most}, but got {} instead.",
            kind(is_integer),
            number(value, is_integer)
        )
    })
}

pub(crate) fn below_minimum(least: &Value, value: &Value, is_integer: bool, path: &Path<'_>) -> Violation {
    let code = if is_integer {
        "integer_below_min_value"
    } else {
        "decimal_below_min_value"
    };
    path.violation(code, |param| {
        format!(
            "Invalid {param}: {} below minimum value. Expected a value >= {least}, but got {} instead.",
            kind(is_integer),
            number(value, is_integer)
        )
    })
}

fn kind(is_integer: bool) -> &'static str {
    if is_integer { "integer" } else { "decimal" }
}

/// Formats a number as the provider does: with a fraction unless the parameter is an integer.
pub(crate) fn number(value: &Value, is_integer: bool) -> String {
    match value.as_f64() {
        Some(number) if !is_integer => format!("{number:?}"),
        _ => value.to_string(),
    }
}

fn with_article(name: &str) -> String {
    match name {
        "array" | "integer" | "object" => format!("an {name}"),
        "number" => "a decimal".to_owned(),
        other => format!("a {other}"),
    }
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn quote(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{text}'"),
        other => other.to_string(),
    }
}

/// Joins names: `a`, `a or b`, `a, b, or c`.
fn one_of(names: &[String], last_word: &str) -> String {
    match names {
        [] => "another value".to_owned(),
        [only] => only.clone(),
        [first, second] => format!("{first} {last_word} {second}"),
        [first @ .., last] => format!("{}, {last_word} {last}", first.join(", ")),
    }
}
