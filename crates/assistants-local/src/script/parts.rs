//! Values that several members have in common.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// How the TOML library represents a date or a time for other formats.
const TOML_DATE: &str = "$__toml_private_datetime";

/// Reads a number of milliseconds.
pub(super) fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

/// Reads any value that JSON has.
pub(super) fn json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let value = Value::deserialize(deserializer)?;
    if has_date(&value) {
        return Err(D::Error::custom("dates and times must be strings in quotes"));
    }
    Ok(value)
}

fn has_date(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(has_date),
        Value::Object(members) => members.contains_key(TOML_DATE) || members.values().any(has_date),
        _ => false,
    }
}
