//! How the protocol's structs are read and written, member by member.
//!
//! serde's derive with `flatten` would keep unknown members too, but buffers the whole object for it, cannot tell which
//! members were absent, and fails on a missing one. Here a member is read straight into its field.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A struct of the protocol. Implemented by the `object!` macro only.
pub(crate) trait Object: Sized {
    /// The struct's name, for error messages.
    const NAME: &'static str;
    /// The names of the known members on the wire.
    const KEYS: &'static [&'static str];

    /// The object before its first member was read.
    fn empty() -> Self;

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

/// Reads and writes one kind of member. The kinds are those of the `object!` macro.
pub(crate) mod member {
    use serde::de::MapAccess;
    use serde::ser::SerializeMap;
    use serde::{Deserialize, Serialize};
    use serde_json::Value;
    use time::OffsetDateTime;

    use super::TextOr;
    use crate::{Extra, Field, unix_time};

    /// A member that always has the same value, such as `object`. It has no Rust field; a value that differs is kept
    /// with the unknown members.
    pub(crate) fn read_constant<'de, A: MapAccess<'de>>(
        want: &str,
        key: &str,
        extra: &mut Extra,
        map: &mut A,
    ) -> Result<bool, A::Error> {
        match map.next_value::<TextOr<'de>>()? {
            TextOr::Text(text) if text.as_str() == want => Ok(true),
            TextOr::Other(Value::Null) => Ok(false),
            other => {
                extra.insert(key.to_owned(), other.into_value());
                Ok(false)
            }
        }
    }

    /// A member that responses normally have. `false` when it was null.
    pub(crate) fn read_plain<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
        slot: &mut T,
        map: &mut A,
    ) -> Result<bool, A::Error> {
        match map.next_value::<Option<T>>()? {
            Some(value) => {
                *slot = value;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// A member that may be missing or null, which mean the same.
    pub(crate) fn read_optional<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
        slot: &mut Option<T>,
        map: &mut A,
    ) -> Result<bool, A::Error> {
        *slot = map.next_value()?;
        Ok(true)
    }

    /// A member of a request where null and missing differ.
    pub(crate) fn read_field<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
        slot: &mut Field<T>,
        map: &mut A,
    ) -> Result<bool, A::Error> {
        *slot = map.next_value::<Option<T>>()?.map_or(Field::Clear, Field::Set);
        Ok(true)
    }

    /// A time. One that `time` cannot hold leaves the field empty and is kept as it was spelled.
    pub(crate) fn read_time<'de, A: MapAccess<'de>>(
        slot: &mut Option<OffsetDateTime>,
        key: &str,
        extra: &mut Extra,
        map: &mut A,
    ) -> Result<bool, A::Error> {
        let raw: Value = map.next_value()?;
        *slot = unix_time::from_json(&raw);
        if slot.is_none_or(|time| unix_time::to_json(time) != raw) && !raw.is_null() {
            extra.keep_spelling(key, raw);
        }
        Ok(true)
    }

    /// A number with a fraction; `1` and `1.0` are the same number, but each is written back as it came.
    pub(crate) fn read_number<'de, A: MapAccess<'de>>(
        slot: &mut impl NumberSlot,
        key: &str,
        extra: &mut Extra,
        map: &mut A,
    ) -> Result<bool, A::Error> {
        let raw: Value = map.next_value()?;
        let Some(number) = raw.as_f64() else {
            if raw.is_null() {
                return Ok(slot.clear());
            }
            return Err(serde::de::Error::custom(format_args!(
                "invalid type for `{key}`: {raw}, expected a number"
            )));
        };
        slot.set(number);
        if !raw.is_f64() {
            extra.keep_spelling(key, raw);
        }
        Ok(true)
    }

    /// The Rust forms of a number member.
    pub(crate) trait NumberSlot {
        fn set(&mut self, number: f64);
        /// Takes a null; whether the member counts as present.
        fn clear(&mut self) -> bool;
        fn number(&self) -> Option<f64>;
        /// Whether the member is to be written as null.
        fn is_null(&self) -> bool {
            false
        }
        /// Whether the field has no way to say that it is absent.
        fn is_plain(&self) -> bool {
            false
        }
    }

    impl NumberSlot for f64 {
        fn set(&mut self, number: f64) {
            *self = number;
        }

        fn clear(&mut self) -> bool {
            false
        }

        fn number(&self) -> Option<f64> {
            Some(*self)
        }

        fn is_plain(&self) -> bool {
            true
        }
    }

    impl NumberSlot for Option<f64> {
        fn set(&mut self, number: f64) {
            *self = Some(number);
        }

        fn clear(&mut self) -> bool {
            true
        }

        fn number(&self) -> Option<f64> {
            *self
        }
    }

    impl NumberSlot for Field<f64> {
        fn set(&mut self, number: f64) {
            *self = Self::Set(number);
        }

        fn clear(&mut self) -> bool {
            *self = Self::Clear;
            true
        }

        fn number(&self) -> Option<f64> {
            self.as_ref().copied()
        }

        fn is_null(&self) -> bool {
            matches!(self, Self::Clear)
        }
    }

    pub(crate) fn write_plain<T: Serialize + PartialEq + Default, M: SerializeMap>(
        value: &T,
        key: &'static str,
        bit: u64,
        extra: &Extra,
        map: &mut M,
    ) -> Result<(), M::Error> {
        if extra.is_absent(bit) && *value == T::default() {
            return Ok(());
        }
        map.serialize_entry(key, value)
    }

    pub(crate) fn write_optional<T: Serialize, M: SerializeMap>(
        value: Option<&T>,
        key: &'static str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        value.map_or(Ok(()), |value| map.serialize_entry(key, value))
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
        extra: &Extra,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match extra.spelling(key) {
            Some(raw) if unix_time::from_json(raw) == value => map.serialize_entry(key, raw),
            _ => value.map_or(Ok(()), |time| map.serialize_entry(key, &unix_time::to_json(time))),
        }
    }

    pub(crate) fn write_number<M: SerializeMap>(
        slot: &impl NumberSlot,
        key: &'static str,
        bit: u64,
        extra: &Extra,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match slot.number() {
            None if slot.is_null() => map.serialize_entry(key, &Value::Null),
            None => Ok(()),
            Some(number) if slot.is_plain() && extra.is_absent(bit) && number == 0.0 => Ok(()),
            Some(number) => match extra.spelling(key) {
                Some(raw) if raw.as_f64() == Some(number) => map.serialize_entry(key, raw),
                _ => map.serialize_entry(key, &number),
            },
        }
    }
}

/// Implements reading and writing of a struct. Each line is a field, how it is treated, and its name on the wire:
///
/// - `const`: always the same value, no Rust field (`const("object" = "thread.run")`, before the braces);
/// - `required`: parsing fails without it;
/// - `plain`: normally there; an absent one reads as default and is not written back;
/// - `optional`: `Option`; null and absent are the same;
/// - `nullable`: [`Field`](crate::Field); null and absent differ;
/// - `time`, `number`: as the `member` functions of that name say.
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

            fn read_member<'de, A: serde::de::MapAccess<'de>>(
                &mut self, key: $crate::object::Text<'de>, seen: &mut u64, map: &mut A,
            ) -> Result<(), A::Error> {
                let (bit, present) = match key.as_str() {
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
                        (0, false)
                    }
                };
                if present {
                    *seen |= bit;
                }
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
                $($(if !self.extra.is_absent(const {
                    $crate::object::bit(<$name as $crate::object::Object>::KEYS, $const_key)
                }) {
                    map.serialize_entry($const_key, $const_value)?;
                })+)?
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
        true
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
    (@read number $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::read_number(&mut $slot, $key, &mut $extra, $map)?
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
        $crate::object::member::write_optional($slot.as_ref(), $key, &mut $map)?
    };
    (@write nullable $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_field(&$slot, $key, &mut $map)?
    };
    (@write time $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_time($slot, $key, &$extra, &mut $map)?
    };
    (@write number $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_number(&$slot, $key, $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key), &$extra, &mut $map)?
    };
}
pub(crate) use object;
