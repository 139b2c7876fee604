//! Values that servers send in other forms than the protocol specifies.
//!
//! Servers written in dynamically typed languages send `100.0` for an integer, a number for a string, a single string for
//! a list, or a list of parts for their text. Such a value is converted when it is read, and written back unchanged as
//! long as the field keeps that value.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A type with alternative JSON forms.
pub(crate) trait Loose: Serialize + Sized {
    /// Converts a JSON value other than null. If it is not in the usual form, also returns the JSON.
    ///
    /// # Errors
    ///
    /// If the JSON does not represent a value of the type.
    fn read(raw: Value) -> serde_json::Result<(Self, Option<Value>)>;
}

/// A value in any of its forms; `None` for null.
pub(crate) struct Loosely<T>(pub(crate) Option<(T, Option<Value>)>);

impl<'de, T: Loose> Deserialize<'de> for Loosely<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Null => Ok(Self(None)),
            raw => T::read(raw)
                .map(|read| Self(Some(read)))
                .map_err(serde::de::Error::custom),
        }
    }
}

impl Loose for i64 {
    /// Also accepts a float without a fraction.
    fn read(raw: Value) -> serde_json::Result<(Self, Option<Value>)> {
        // All floats below this one fit into an `i64`; this one does not.
        const END: f64 = 9_223_372_036_854_775_808.0;
        if let Some(number) = raw.as_i64() {
            return Ok((number, None));
        }
        match raw.as_f64() {
            Some(number) if raw.is_f64() && number.fract() == 0.0 && (-END..END).contains(&number) => {
                Ok((number as i64, Some(raw)))
            }
            _ => Self::deserialize(raw).map(|number| (number, None)),
        }
    }
}

impl Loose for Vec<i64> {
    /// Also accepts floats without a fraction.
    fn read(raw: Value) -> serde_json::Result<(Self, Option<Value>)> {
        match &raw {
            Value::Array(items) if items.iter().any(Value::is_f64) => {
                let numbers = items.iter().map(|item| Ok(i64::read(item.clone())?.0));
                Ok((numbers.collect::<serde_json::Result<_>>()?, Some(raw)))
            }
            _ => Self::deserialize(raw).map(|numbers| (numbers, None)),
        }
    }
}

impl Loose for f64 {
    /// `1` and `1.0` are the same number, but each is written back unchanged.
    fn read(raw: Value) -> serde_json::Result<(Self, Option<Value>)> {
        match raw.as_f64() {
            Some(number) => Ok((number, (!raw.is_f64()).then_some(raw))),
            None => Self::deserialize(raw).map(|number| (number, None)),
        }
    }
}

impl Loose for String {
    /// Also accepts a number, as its decimal digits; a list of content parts, as the text of those that are text; and an
    /// object, as its JSON.
    fn read(raw: Value) -> serde_json::Result<(Self, Option<Value>)> {
        match raw {
            Value::String(text) => Ok((text, None)),
            Value::Number(number) => Ok((number.to_string(), Some(Value::Number(number)))),
            Value::Array(parts) => Ok((parts.iter().filter_map(part_text).collect(), Some(Value::Array(parts)))),
            Value::Object(members) => {
                let object = Value::Object(members);
                Ok((object.to_string(), Some(object)))
            }
            raw => Self::deserialize(raw).map(|text| (text, None)),
        }
    }
}

/// The text of a content part of the type `text`.
fn part_text(part: &Value) -> Option<&str> {
    let is_text = part.get("type").is_none_or(|kind| kind == "text");
    part.get("text").filter(|_| is_text)?.as_str()
}

impl Loose for Vec<String> {
    /// Also accepts a single string.
    fn read(raw: Value) -> serde_json::Result<(Self, Option<Value>)> {
        match raw {
            Value::String(text) => Ok((vec![text.clone()], Some(Value::String(text)))),
            raw => Self::deserialize(raw).map(|texts| (texts, None)),
        }
    }
}

impl Loose for BTreeMap<String, String> {
    /// Also accepts values other than strings, as their JSON.
    fn read(raw: Value) -> serde_json::Result<(Self, Option<Value>)> {
        match raw {
            Value::Object(members) if members.values().any(|value| !value.is_string()) => {
                let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let texts = members.iter().map(|(key, value)| (key.clone(), text(value))).collect();
                Ok((texts, Some(Value::Object(members))))
            }
            raw => Self::deserialize(raw).map(|texts| (texts, None)),
        }
    }
}
