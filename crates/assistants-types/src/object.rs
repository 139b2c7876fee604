//! How the protocol's structs are read and written, member by member.
//!
//! serde's derive with `flatten` would keep unknown members too, but buffers the whole object for it, cannot tell which
//! members were absent, and fails on a missing one. Here a member is read straight into its field.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::Extra;

/// A struct of the protocol. Implemented by the `object!` macro only.
pub(crate) trait Object: Sized {
    /// The struct's name, for error messages.
    const NAME: &'static str;
    /// The names of the known members on the wire.
    const KEYS: &'static [&'static str];

    /// The object before its first member was read.
    fn empty() -> Self;

    fn extra_mut(&mut self) -> &mut Extra;

    /// Reads the value of one member, and notes in `seen` that it was there.
    fn read_member<'de, A: MapAccess<'de>>(
        &mut self,
        key: Text<'de>,
        seen: &mut u64,
        map: &mut A,
    ) -> Result<(), A::Error>;

    /// Takes note of what was absent; fails when that is something the object cannot be without.
    fn finish<E: serde::de::Error>(&mut self, seen: u64) -> Result<(), E>;
}

/// The bit of `key` in an object's `seen` and `absent` sets.
pub(crate) const fn bit(keys: &[&str], key: &str) -> u64 {
    let mut index = 0;
    while index < keys.len() {
        if same(keys[index].as_bytes(), key.as_bytes()) {
            return 1 << index;
        }
        index += 1;
    }
    0
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// Reads an object from a map.
pub(crate) struct ObjectVisitor<T>(std::marker::PhantomData<T>);

impl<T> ObjectVisitor<T> {
    pub(crate) fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<'de, T: Object> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a JSON object for {}", T::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut object = T::empty();
        let mut seen = 0;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            object.read_member(key, &mut seen, &mut map)?;
        }
        object.finish(seen)?;
        Ok(object)
    }
}

/// A string of the input, borrowed where the input allows it.
pub(crate) struct Text<'de>(pub(crate) Cow<'de, str>);

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_string(self) -> String {
        self.0.into_owned()
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// A string of the input, or any other JSON value that stands where a string was expected.
pub(crate) enum TextOr<'de> {
    Text(Text<'de>),
    Other(Value),
}

impl TextOr<'_> {
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.into_string()),
            Self::Other(value) => value,
        }
    }
}

impl<'de> Deserialize<'de> for TextOr<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrVisitor;

        impl<'de> Visitor<'de> for TextOrVisitor {
            type Value = TextOr<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(TextOr::Text(Text(Cow::Borrowed(text))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextOr::Text(Text(Cow::Owned(text.to_owned()))))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(TextOr::Other(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(TextOr::Other(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(TextOr::Other(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(TextOr::Other(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Ok(TextOr::Other(value.into()))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                Value::deserialize(serde::de::value::SeqAccessDeserializer::new(seq)).map(TextOr::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Value::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(TextOr::Other)
            }
        }

        deserializer.deserialize_any(TextOrVisitor)
    }
}

/// One value that was read before it was known which object it belongs to.
pub(crate) struct Buffered<E> {
    value: Option<Value>,
    error: std::marker::PhantomData<E>,
}

impl<E> Buffered<E> {
    pub(crate) fn new(value: Value) -> Self {
        Self {
            value: Some(value),
            error: std::marker::PhantomData,
        }
    }
}

impl<'de, E: serde::de::Error> MapAccess<'de> for Buffered<E> {
    type Error = E;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, _: K) -> Result<Option<K::Value>, E> {
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, E> {
        let value = self.value.take().unwrap_or(Value::Null);
        seed.deserialize(value.into_deserializer()).map_err(E::custom)
    }
}

/// What was found in the place of a known member.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// A value, which its field holds now.
    Value,
    Null,
    /// A value that its field cannot hold; it is kept with the unknown members.
    Elsewhere,
}

impl Presence {
    /// Takes note of it in the object's sets.
    pub(crate) fn note(self, bit: u64, seen: &mut u64, extra: &mut Extra) {
        match self {
            Self::Value => *seen |= bit,
            Self::Null => extra.set_null(bit),
            Self::Elsewhere => {}
        }
    }
}

/// Reads and writes one kind of member. The kinds are those of the `object!` macro.
pub(crate) mod member {
    use serde::de::MapAccess;
    use serde::ser::SerializeMap;
    use serde::{Deserialize, Serialize};
    use serde_json::Value;
    use time::OffsetDateTime;

    use super::{Presence, TextOr};
    use crate::loose::{Loose, Loosely};
    use crate::{Extra, Field, unix_time};

    /// A member that always has the same value, such as `object`. It has no Rust field; a value that differs is kept
    /// with the unknown members.
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

    /// A member that responses normally have.
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

    /// A member that may be missing or null, which mean the same.
    pub(crate) fn read_optional<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
        slot: &mut Option<T>,
        map: &mut A,
    ) -> Result<Presence, A::Error> {
        *slot = map.next_value()?;
        Ok(presence(slot.as_ref()))
    }

    /// A member of a request where null and missing differ.
    pub(crate) fn read_field<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
        slot: &mut Field<T>,
        map: &mut A,
    ) -> Result<Presence, A::Error> {
        *slot = map.next_value::<Option<T>>()?.map_or(Field::Clear, Field::Set);
        Ok(Presence::Value)
    }

    /// A time. One that `time` cannot hold leaves the field empty and is kept as it was spelled.
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

    /// As [`read_plain`], for a type that servers spell in several ways.
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

    /// As [`read_optional`], for a type that servers spell in several ways.
    pub(crate) fn read_loose_optional<'de, T: Loose, A: MapAccess<'de>>(
        slot: &mut Option<T>,
        key: &str,
        extra: &mut Extra,
        map: &mut A,
    ) -> Result<Presence, A::Error> {
        *slot = loose(key, extra, map)?;
        Ok(presence(slot.as_ref()))
    }

    /// As [`read_field`], for a type that servers spell in several ways.
    pub(crate) fn read_loose_field<'de, T: Loose, A: MapAccess<'de>>(
        slot: &mut Field<T>,
        key: &str,
        extra: &mut Extra,
        map: &mut A,
    ) -> Result<Presence, A::Error> {
        *slot = loose(key, extra, map)?.map_or(Field::Clear, Field::Set);
        Ok(Presence::Value)
    }

    fn loose<'de, T: Loose, A: MapAccess<'de>>(
        key: &str,
        extra: &mut Extra,
        map: &mut A,
    ) -> Result<Option<T>, A::Error> {
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

    /// A value that still is the one that was read is written as it came.
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

    /// A member without a value: null if that is what the peer sent, else nothing.
    fn write_null<M: SerializeMap>(key: &'static str, bit: u64, extra: &Extra, map: &mut M) -> Result<(), M::Error> {
        if extra.is_null(bit) {
            map.serialize_entry(key, &Value::Null)
        } else {
            Ok(())
        }
    }
}

/// Implements reading and writing of a struct. Each line is a field, how it is treated, and its name on the wire:
///
/// - `const`: always the same value, no Rust field (`const("object" = "thread.run")`, before the braces);
/// - `required`: parsing fails without it;
/// - `plain`: normally there; an absent one reads as default and is not written back;
/// - `optional`: `Option`; null and absent mean the same;
/// - `nullable`: [`Field`](crate::Field); null and absent differ;
/// - `time`: as the `member` functions of that name say;
/// - `loose`, `loose_optional`, `loose_nullable`: as those above, for a type that servers spell in several ways
///   ([`Loose`](crate::loose::Loose)).
///
/// What is null and may be absent is written back as null, unless the field has a value by then.
macro_rules! object {
    ($name:ident $(const($($const_key:literal = $const_value:literal),+))? {
        $($field:ident: $kind:ident $key:literal,)*
    }) => {
        impl $crate::object::Object for $name {
            const NAME: &'static str = stringify!($name);
            const KEYS: &'static [&'static str] = &[$($($const_key,)+)? $($key,)*];

            fn empty() -> Self {
                Self { $($field: Default::default(),)* extra: $crate::Extra::default() }
            }

            fn extra_mut(&mut self) -> &mut $crate::Extra {
                &mut self.extra
            }

            fn read_member<'de, A: serde::de::MapAccess<'de>>(
                &mut self, key: $crate::object::Text<'de>, seen: &mut u64, map: &mut A,
            ) -> Result<(), A::Error> {
                let (bit, presence) = match key.as_str() {
                    $($($const_key => (
                        const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $const_key) },
                        $crate::object::member::read_constant($const_value, $const_key, &mut self.extra, map)?,
                    ),)+)?
                    $($key => (
                        const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) },
                        $crate::object::object!(@read $kind self.$field, $key, self.extra, map),
                    ),)*
                    _ => {
                        let value = map.next_value()?;
                        self.extra.insert(key.into_string(), value);
                        (0, $crate::object::Presence::Elsewhere)
                    }
                };
                presence.note(bit, seen, &mut self.extra);
                Ok(())
            }

            fn finish<E: serde::de::Error>(&mut self, seen: u64) -> Result<(), E> {
                $($crate::object::object!(@finish $kind $name, $key, seen);)*
                self.extra.set_absent(!seen);
                Ok(())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = serializer.serialize_map(None)?;
                $($($crate::object::member::write_constant(
                    $const_value,
                    $const_key,
                    const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $const_key) },
                    &self.extra,
                    &mut map,
                )?;)+)?
                $($crate::object::object!(@write $kind $name, self.$field, $key, self.extra, map);)*
                for (key, value) in self.extra.members() {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map($crate::object::ObjectVisitor::<Self>::new())
            }
        }
    };

    (@read required $slot:expr, $key:literal, $extra:expr, $map:ident) => {{
        $slot = $map.next_value()?;
        $crate::object::Presence::Value
    }};
    (@read plain $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::read_plain(&mut $slot, $map)?
    };
    (@read optional $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::read_optional(&mut $slot, $map)?
    };
    (@read nullable $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::read_field(&mut $slot, $map)?
    };
    (@read time $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::read_time(&mut $slot, $key, &mut $extra, $map)?
    };
    (@read loose $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::read_loose(&mut $slot, $key, &mut $extra, $map)?
    };
    (@read loose_optional $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::read_loose_optional(&mut $slot, $key, &mut $extra, $map)?
    };
    (@read loose_nullable $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::read_loose_field(&mut $slot, $key, &mut $extra, $map)?
    };

    (@finish required $name:ident, $key:literal, $seen:ident) => {
        if $seen & const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) } == 0 {
            return Err(E::missing_field($key));
        }
    };
    (@finish $kind:ident $name:ident, $key:literal, $seen:ident) => {};

    (@write required $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $map.serialize_entry($key, &$slot)?
    };
    (@write plain $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_plain(
            &$slot,
            $key,
            const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) },
            &$extra,
            &mut $map,
        )?
    };
    (@write optional $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_optional(
            $slot.as_ref(),
            $key,
            const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) },
            &$extra,
            &mut $map,
        )?
    };
    (@write nullable $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_field(
            &$slot,
            $key,
            &mut $map,
        )?
    };
    (@write time $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_time(
            $slot,
            $key,
            const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) },
            &$extra,
            &mut $map,
        )?
    };
    (@write loose $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_loose(
            &$slot,
            $key,
            const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) },
            &$extra,
            &mut $map,
        )?
    };
    (@write loose_optional $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_loose_optional(
            $slot.as_ref(),
            $key,
            const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) },
            &$extra,
            &mut $map,
        )?
    };
    (@write loose_nullable $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_loose_field(
            &$slot,
            $key,
            &$extra,
            &mut $map,
        )?
    };
}
pub(crate) use object;
