//! Reads and writes one kind of member each. The kinds are those of the `object!` macro.

use serde::de::MapAccess;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::text::TextOr;
use crate::loose::{Loose, Loosely};
use crate::{Extra, Field, unix_time};

/// What was read for a known member.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// A value, stored in the field.
    Value,
    Null,
    /// A value that the field cannot hold, kept with the unknown members.
    Elsewhere,
}

impl Presence {
    /// Records the result in the sets of the object.
    pub(crate) fn note(self, bit: u64, seen: &mut u64, extra: &mut Extra) {
        match self {
            Self::Value => *seen |= bit,
            Self::Null => extra.set_null(bit),
            Self::Elsewhere => {}
        }
    }
}

/// A member with a fixed value, such as `object`. It has no Rust field; a different value is kept with the unknown
/// members.
pub(crate) fn read_constant<'de, A: MapAccess<'de>>(
    want: &str,
    key: &str,
    extra: &mut Extra,
    map: &mut A,
) -> Result<Presence, A::Error> {
    match map.next_value::<TextOr<'de>>()? {
        TextOr::Text(text) if text.as_str() == want => Ok(Presence::Value),
        TextOr::Other(Value::Null) => Ok(Presence::Null),
        other => {
            extra.insert(key.to_owned(), other.into_value());
            Ok(Presence::Elsewhere)
        }
    }
}

/// A member that is normally present in responses.
pub(crate) fn read_plain<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut T,
    map: &mut A,
) -> Result<Presence, A::Error> {
    Ok(match map.next_value::<Option<T>>()? {
        Some(value) => {
            *slot = value;
            Presence::Value
        }
        None => Presence::Null,
    })
}

/// A member that may be missing or null, which are equivalent.
pub(crate) fn read_optional<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut Option<T>,
    map: &mut A,
) -> Result<Presence, A::Error> {
    *slot = map.next_value()?;
    Ok(presence(slot.as_ref()))
}

/// A member of a request for which null and missing differ.
pub(crate) fn read_field<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut Field<T>,
    map: &mut A,
) -> Result<Presence, A::Error> {
    *slot = map.next_value::<Option<T>>()?.map_or(Field::Clear, Field::Set);
    Ok(Presence::Value)
}

/// A time. A value out of the range of `time` leaves the field empty and is kept unchanged.
pub(crate) fn read_time<'de, A: MapAccess<'de>>(
    slot: &mut Option<OffsetDateTime>,
    key: &str,
    extra: &mut Extra,
    map: &mut A,
) -> Result<Presence, A::Error> {
    let raw: Value = map.next_value()?;
    *slot = unix_time::from_json(&raw);
    if raw.is_null() {
        return Ok(Presence::Null);
    }
    if slot.is_none_or(|time| unix_time::to_json(time) != raw) {
        extra.keep_spelling(key, raw);
    }
    Ok(Presence::Value)
}

/// Like [`read_plain`], for a type with alternative JSON forms.
pub(crate) fn read_loose<'de, T: Loose, A: MapAccess<'de>>(
    slot: &mut T,
    key: &str,
    extra: &mut Extra,
    map: &mut A,
) -> Result<Presence, A::Error> {
    let value = loose(key, extra, map)?;
    let found = presence(value.as_ref());
    if let Some(value) = value {
        *slot = value;
    }
    Ok(found)
}

/// Like [`read_optional`], for a type with alternative JSON forms.
pub(crate) fn read_loose_optional<'de, T: Loose, A: MapAccess<'de>>(
    slot: &mut Option<T>,
    key: &str,
    extra: &mut Extra,
    map: &mut A,
) -> Result<Presence, A::Error> {
    *slot = loose(key, extra, map)?;
    Ok(presence(slot.as_ref()))
}

/// Like [`read_field`], for a type with alternative JSON forms.
pub(crate) fn read_loose_field<'de, T: Loose, A: MapAccess<'de>>(
    slot: &mut Field<T>,
    key: &str,
    extra: &mut Extra,
    map: &mut A,
) -> Result<Presence, A::Error> {
    *slot = loose(key, extra, map)?.map_or(Field::Clear, Field::Set);
    Ok(Presence::Value)
}

fn loose<'de, T: Loose, A: MapAccess<'de>>(key: &str, extra: &mut Extra, map: &mut A) -> Result<Option<T>, A::Error> {
    Ok(map.next_value::<Loosely<T>>()?.0.map(|(value, spelling)| {
        if let Some(raw) = spelling {
            extra.keep_spelling(key, raw);
        }
        value
    }))
}

fn presence<T>(value: Option<&T>) -> Presence {
    value.map_or(Presence::Null, |_| Presence::Value)
}

pub(crate) fn write_constant<M: SerializeMap>(
    value: &str,
    key: &'static str,
    bit: u64,
    extra: &Extra,
    map: &mut M,
) -> Result<(), M::Error> {
    if !extra.is_absent(bit) {
        return map.serialize_entry(key, value);
    }
    write_null(key, bit, extra, map)
}

pub(crate) fn write_plain<T: Serialize + PartialEq + Default, M: SerializeMap>(
    value: &T,
    key: &'static str,
    bit: u64,
    extra: &Extra,
    map: &mut M,
) -> Result<(), M::Error> {
    if extra.is_absent(bit) && *value == T::default() {
        return write_null(key, bit, extra, map);
    }
    map.serialize_entry(key, value)
}

pub(crate) fn write_optional<T: Serialize, M: SerializeMap>(
    value: Option<&T>,
    key: &'static str,
    bit: u64,
    extra: &Extra,
    map: &mut M,
) -> Result<(), M::Error> {
    match value {
        Some(value) => map.serialize_entry(key, value),
        None => write_null(key, bit, extra, map),
    }
}

pub(crate) fn write_field<T: Serialize, M: SerializeMap>(
    value: &Field<T>,
    key: &'static str,
    map: &mut M,
) -> Result<(), M::Error> {
    match value {
        Field::Keep => Ok(()),
        Field::Clear => map.serialize_entry(key, &Value::Null),
        Field::Set(value) => map.serialize_entry(key, value),
    }
}

pub(crate) fn write_time<M: SerializeMap>(
    value: Option<OffsetDateTime>,
    key: &'static str,
    bit: u64,
    extra: &Extra,
    map: &mut M,
) -> Result<(), M::Error> {
    match (extra.spelling(key), value) {
        (Some(raw), _) if unix_time::from_json(raw) == value => map.serialize_entry(key, raw),
        (_, Some(time)) => map.serialize_entry(key, &unix_time::to_json(time)),
        (_, None) => write_null(key, bit, extra, map),
    }
}

pub(crate) fn write_loose<T: Loose + PartialEq + Default, M: SerializeMap>(
    value: &T,
    key: &'static str,
    bit: u64,
    extra: &Extra,
    map: &mut M,
) -> Result<(), M::Error> {
    if extra.is_absent(bit) && *value == T::default() {
        return write_null(key, bit, extra, map);
    }
    write_as_spelled(value, key, extra, map)
}

pub(crate) fn write_loose_optional<T: Loose + PartialEq, M: SerializeMap>(
    value: Option<&T>,
    key: &'static str,
    bit: u64,
    extra: &Extra,
    map: &mut M,
) -> Result<(), M::Error> {
    match value {
        Some(value) => write_as_spelled(value, key, extra, map),
        None => write_null(key, bit, extra, map),
    }
}

pub(crate) fn write_loose_field<T: Loose + PartialEq, M: SerializeMap>(
    value: &Field<T>,
    key: &'static str,
    extra: &Extra,
    map: &mut M,
) -> Result<(), M::Error> {
    match value {
        Field::Keep => Ok(()),
        Field::Clear => map.serialize_entry(key, &Value::Null),
        Field::Set(value) => write_as_spelled(value, key, extra, map),
    }
}

/// Writes the JSON that was read, if the value has not changed since.
fn write_as_spelled<T: Loose + PartialEq, M: SerializeMap>(
    value: &T,
    key: &'static str,
    extra: &Extra,
    map: &mut M,
) -> Result<(), M::Error> {
    match extra.spelling(key) {
        Some(raw) if T::read(raw.clone()).is_ok_and(|(read, _)| read == *value) => map.serialize_entry(key, raw),
        _ => map.serialize_entry(key, value),
    }
}

/// Writes null for a member without a value if the sender sent null, otherwise nothing.
fn write_null<M: SerializeMap>(key: &'static str, bit: u64, extra: &Extra, map: &mut M) -> Result<(), M::Error> {
    if extra.is_null(bit) {
        map.serialize_entry(key, &Value::Null)
    } else {
        Ok(())
    }
}
