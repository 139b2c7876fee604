//! Fields with a time.

use serde::de::MapAccess;
use serde::ser::SerializeMap;
use serde_json::Value;
use time::OffsetDateTime;

use super::timestamp;
use crate::Extra;

/// Reads a time. A value out of range leaves the field empty and is kept unchanged.
pub(crate) fn read_time<'de, A: MapAccess<'de>>(
    slot: &mut Option<OffsetDateTime>,
    key: &str,
    extra: &mut Extra,
    map: &mut A,
) -> Result<(), A::Error> {
    let raw: Value = map.next_value()?;
    let text = raw.as_str();
    *slot = text.and_then(timestamp::parse);
    let exact = slot.is_some_and(|time| text.is_some_and(|text| timestamp::format(time) == text));
    if !exact && !raw.is_null() {
        extra.keep_spelling(key, raw);
    }
    Ok(())
}

/// Writes a time, in its original spelling as long as it has not changed.
pub(crate) fn write_time<M: SerializeMap>(
    time: Option<OffsetDateTime>,
    key: &'static str,
    extra: &Extra,
    map: &mut M,
) -> Result<(), M::Error> {
    match extra.spelling(key) {
        Some(raw) if raw.as_str().and_then(timestamp::parse) == time => map.serialize_entry(key, raw),
        _ => time.map_or(Ok(()), |time| map.serialize_entry(key, &timestamp::format(time))),
    }
}
