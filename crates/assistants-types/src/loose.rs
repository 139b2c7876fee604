//! Values that servers write in other forms than the protocol's.
//!
//! Servers written in dynamic languages send `100.0` for an integer, a number where a text is expected, one string for
//! a list of them. Such a value is read for what it stands for, and written back as it came while the field still has
//! that value.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A type with a usual form, and others that stand for the same.
pub(crate) trait Loose: Serialize + Sized {
    /// The value that JSON stands for, which is not null; together with that JSON if it is not the usual form.
    ///
    /// # Errors
    ///
    /// For JSON that stands for no value of the type.
    fn read(raw: Value) -> serde_json::Result<(Self, Option<Value>)>;
}

/// Reads a value in any of its forms; `None` for null.
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
    /// Also a float without a fraction.
    fn read(raw: Value) -> serde_json::Result<(Self, Option<Value>)> {
        // Every float below this one is an `i64`; it itself is none.
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
    /// Also with floats without a fraction in it.
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
    /// `1` and `1.0` are the same number, but each is written back as it came.
    fn read(raw: Value) -> serde_json::Result<(Self, Option<Value>)> {
        match raw.as_f64() {
            Some(number) => Ok((number, (!raw.is_f64()).then_some(raw))),
            None => Self::deserialize(raw).map(|number| (number, None)),
        }
    }
}

impl Loose for String {
    /// Also a number, as its digits.
    fn read(raw: Value) -> serde_json::Result<(Self, Option<Value>)> {
        match raw {
            Value::String(text) => Ok((text, None)),
            Value::Number(number) => Ok((number.to_string(), Some(Value::Number(number)))),
            raw => Self::deserialize(raw).map(|text| (text, None)),
        }
    }
}

impl Loose for Vec<String> {
    /// Also one string.
    fn read(raw: Value) -> serde_json::Result<(Self, Option<Value>)> {
        match raw {
            Value::String(text) => Ok((vec![text.clone()], Some(Value::String(text)))),
            raw => Self::deserialize(raw).map(|texts| (texts, None)),
        }
    }
}

impl Loose for BTreeMap<String, String> {
    /// Also values of other kinds than text, as their JSON.
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
