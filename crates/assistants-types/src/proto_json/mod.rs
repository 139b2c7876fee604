//! The JSON of protocol buffers, as Yandex AI Studio speaks it: every rule of that mapping in one place.
//!
//! | on the wire | rule | where |
//! | --- | --- | --- |
//! | names | lowerCamelCase or snake_case on input, lowerCamelCase on output; [`Dialect`] writes the other form | `message!` |
//! | unknown members | kept in [`Extra`] under the name they came with | `message!` |
//! | null, missing, default | the same; none of them is written | [`Wire`] |
//! | 64-bit integers | string or integral number on input, string on output | [`Wire`] |
//! | floating-point numbers | number, numeric string, `"NaN"`, `"Infinity"`, `"-Infinity"` | [`Wire`] |
//! | wrappers | `Option`: a set zero differs from nothing | [`Wire`] |
//! | enums | name or number on input, name on output; what is unknown is written as it came | `proto_enum!` |
//! | oneofs | the chosen member stands in its parent; in Rust an enum | `one_of!` |
//! | timestamps | RFC 3339 to the nanosecond; what no clock shows is kept as it was spelled | [`timestamp`] |
//! | bytes | base64, either alphabet, with or without padding | [`Bytes`] |
//! | field masks | one string of paths with commas | [`FieldMask`] |
//! | `Any` | members of the message beside `@type` | [`Any`] |
//! | `Struct`, map keys | the user's own; never respelled | [`Shape`] |

mod any;
mod bytes;
mod dialect;
mod field_mask;
mod one_of;
mod proto_enum;
mod timestamp;

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use time::OffsetDateTime;

use crate::Extra;

pub use any::{Any, UnpackError};
pub use bytes::Bytes;
pub use dialect::Dialect;
pub use field_mask::{FieldMask, MaskError};
pub use one_of::UnknownMember;
pub(crate) use one_of::{OneOf, one_of, read_one_of, take_unknown};
pub(crate) use proto_enum::{known_by_number, proto_enum, read_enum, write_enum};

/// A message of the protocol: a struct that knows its provider's name and its fields.
///
/// Implemented by the generated types only.
pub trait ProtoMessage: Serialize + DeserializeOwned + sealed::Sealed {
    /// The message's name in the provider's definition, such as `yandex.cloud.ai.assistants.v1.Assistant`.
    const FULL_NAME: &'static str;

    /// Where two members of the message exclude each other and both are set, in words; `None` if that is nowhere.
    ///
    /// Reading keeps the first in its field and the second in `extra`, so that an answer never fails for it. A server
    /// refuses such a request.
    fn conflict(&self) -> Option<String> {
        let value = serde_json::to_value(self).ok()?;
        dialect::conflict(Self::descriptor(), &value, "")
    }

    /// The first member in the JSON of such a message that the definition does not know, at any depth, as a path such as
    /// `tools[0].functionTool.mood`; `None` if there is none.
    ///
    /// Reading keeps such members in `extra`. A server that is strict refuses them.
    #[must_use]
    fn unknown_member(json: &Value) -> Option<String> {
        dialect::unknown_member(Self::descriptor(), json, "")
    }
}

pub(crate) mod sealed {
    /// The fields of a message. Only for this crate.
    pub trait Sealed {
        #[doc(hidden)]
        fn descriptor() -> &'static super::Descriptor;
    }
}

/// The fields of a message.
#[derive(Debug)]
#[doc(hidden)]
pub struct Descriptor {
    pub(crate) fields: &'static [FieldDescriptor],
    pub(crate) one_ofs: &'static [&'static [FieldDescriptor]],
}

/// One field.
#[derive(Debug)]
pub(crate) struct FieldDescriptor {
    /// Name in lowerCamelCase.
    pub(crate) json: &'static str,
    /// Name in `snake_case`.
    pub(crate) proto: &'static str,
    pub(crate) shape: Shape,
}

/// What a field holds, as far as it matters for respelling it and for its default.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Text,
    Integer64,
    Integer32,
    Number,
    Flag,
    Enum(&'static str),
    Map,
    /// Free JSON, times and whatever else is null when it is not set.
    Opaque,
    /// Wrappers and messages: null when not set.
    Optional(&'static Shape),
    List(&'static Shape),
    Message(fn() -> &'static Descriptor),
}

impl Descriptor {
    /// The field of that name, in either spelling.
    pub(crate) fn field(&self, name: &str) -> Option<&'static FieldDescriptor> {
        let groups = self.one_ofs.iter().flat_map(|group| group.iter());
        self.fields
            .iter()
            .chain(groups)
            .find(|field| field.json == name || field.proto == name)
    }
}

/// A value of a field.
pub(crate) trait Wire: Default {
    const SHAPE: Shape;

    /// Reads a value that is not null.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Whether it is what a missing field means.
    fn is_default(&self) -> bool;
}

/// Reads a value; null gives the default.
pub(crate) struct Read<T>(pub(crate) T);

impl<'de, T: Wire> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OrNull<T>(std::marker::PhantomData<T>);

        impl<'de, T: Wire> Visitor<'de> for OrNull<T> {
            type Value = Read<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or null")
            }

            fn visit_none<E>(self) -> Result<Self::Value, E> {
                Ok(Read(T::default()))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Read(T::default()))
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
                T::read(deserializer).map(Read)
            }
        }

        deserializer.deserialize_option(OrNull(std::marker::PhantomData))
    }
}

/// Writes a value.
pub(crate) struct Write<'v, T>(pub(crate) &'v T);

impl<T: Wire> Serialize for Write<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

impl Wire for String {
    const SHAPE: Shape = Shape::Text;

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }

    fn is_default(&self) -> bool {
        self.is_empty()
    }
}

impl Wire for bool {
    const SHAPE: Shape = Shape::Flag;

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(*self)
    }

    fn is_default(&self) -> bool {
        !self
    }
}

/// Reads an integer from a number without fraction, or from a string that holds one.
struct IntegerVisitor;

impl Visitor<'_> for IntegerVisitor {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a 64-bit integer, as a string or as a number")
    }

    fn visit_i64<E>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<i64, E> {
        i64::try_from(number).map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<i64, E> {
        // Both bounds are exact as floats; the upper one is the first that no longer fits.
        const END: f64 = 9_223_372_036_854_775_808.0;
        if number.fract() == 0.0 && (-END..END).contains(&number) {
            Ok(number as i64)
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Float(number), &self))
        }
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<i64, E> {
        if let Ok(number) = text.parse() {
            return Ok(number);
        }
        let wrong = || E::invalid_value(serde::de::Unexpected::Str(text), &IntegerVisitor);
        // The mapping also allows exponents: "1e3".
        let number = number_from_text(text).ok_or_else(wrong)?;
        IntegerVisitor.visit_f64(number)
    }
}

/// A number in a string, without the forms that only Rust knows (`inf`, `+1`).
fn number_from_text(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
            text.parse().ok().filter(|number: &f64| number.is_finite())
        }
        _ => None,
    }
}

impl Wire for i64 {
    const SHAPE: Shape = Shape::Integer64;

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntegerVisitor)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }

    fn is_default(&self) -> bool {
        *self == 0
    }
}

impl Wire for i32 {
    const SHAPE: Shape = Shape::Integer32;

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = deserializer.deserialize_any(IntegerVisitor)?;
        Self::try_from(number).map_err(|_| serde::de::Error::custom(format_args!("{number} has more than 32 bits")))
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i32(*self)
    }

    fn is_default(&self) -> bool {
        *self == 0
    }
}

impl Wire for f64 {
    const SHAPE: Shape = Shape::Number;

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = f64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, also as a string")
            }

            fn visit_i64<E>(self, number: i64) -> Result<f64, E> {
                Ok(number as f64)
            }

            fn visit_u64<E>(self, number: u64) -> Result<f64, E> {
                Ok(number as f64)
            }

            fn visit_f64<E>(self, number: f64) -> Result<f64, E> {
                Ok(number)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<f64, E> {
                number_from_text(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_finite() {
            serializer.serialize_f64(*self)
        } else if self.is_nan() {
            serializer.serialize_str("NaN")
        } else {
            serializer.serialize_str(if *self > 0.0 { "Infinity" } else { "-Infinity" })
        }
    }

    fn is_default(&self) -> bool {
        // Minus zero is not the default.
        self.to_bits() == 0
    }
}

impl<T: Wire> Wire for Option<T> {
    const SHAPE: Shape = Shape::Optional(&T::SHAPE);

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Some)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => value.write(serializer),
            None => serializer.serialize_none(),
        }
    }

    fn is_default(&self) -> bool {
        self.is_none()
    }
}

impl<T: Wire> Wire for Vec<T> {
    const SHAPE: Shape = Shape::List(&T::SHAPE);

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<Read<T>>::deserialize(deserializer)?;
        Ok(items.into_iter().map(|item| item.0).collect())
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Write))
    }

    fn is_default(&self) -> bool {
        self.is_empty()
    }
}

impl Wire for BTreeMap<String, String> {
    const SHAPE: Shape = Shape::Map;

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = BTreeMap::<String, Read<String>>::deserialize(deserializer)?;
        Ok(members.into_iter().map(|(key, value)| (key, value.0)).collect())
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }

    fn is_default(&self) -> bool {
        self.is_empty()
    }
}

/// A `Struct`: an object of free JSON.
impl Wire for Value {
    const SHAPE: Shape = Shape::Opaque;

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_json::Map::deserialize(deserializer).map(Value::Object)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }

    fn is_default(&self) -> bool {
        self.is_null()
    }
}

/// Reads a time. One that no clock shows leaves the field empty and is kept as it was spelled.
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

/// Writes a time, in the spelling it came with as long as it is the same time.
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

/// Implements a message. Each line is a field, how it is treated, its type, and its names in both spellings:
///
/// - `field`: missing, null and default are the same;
/// - `needed`: parsing fails without it, and it is always written;
/// - `path`: stands in the path of the request, so it is read but never written;
/// - `time`: as [`read_time`] says.
///
/// Then the oneofs; an `open` one takes an unknown object as a new member.
macro_rules! message {
    ($name:ident = $full_name:literal {
        $($field:ident: $kind:ident $ty:ty = $json:literal $(/ $proto:literal)?,)*
    } $(one_of { $($group:ident: $one:ident $($open:ident)?,)+ })?) => {
        impl $crate::object::Object for $name {
            const NAME: &'static str = stringify!($name);
            const KEYS: &'static [&'static str] = &[$($json,)*];

            fn empty() -> Self {
                Self {
                    $($field: Default::default(),)*
                    $($($group: None,)+)?
                    extra: $crate::Extra::default(),
                }
            }

            fn extra_mut(&mut self) -> &mut $crate::Extra {
                &mut self.extra
            }

            fn read_member<'de, A: serde::de::MapAccess<'de>>(
                &mut self, key: $crate::object::Text<'de>, _seen: &mut u64, map: &mut A,
            ) -> Result<(), A::Error> {
                match key.as_str() {
                    $($json $(| $proto)? => {
                        $crate::proto_json::message!(@read $kind $name, self.$field, $json, self.extra, _seen, map);
                        return Ok(());
                    })*
                    _ => {}
                }
                $($(if let Some(name) = <$one as $crate::proto_json::OneOf>::name_of(key.as_str()) {
                    return $crate::proto_json::read_one_of(&mut self.$group, name, &mut self.extra, map);
                })+)?
                let value = map.next_value()?;
                self.extra.insert(key.into_string(), value);
                Ok(())
            }

            fn finish<E: serde::de::Error>(&mut self, _seen: u64) -> Result<(), E> {
                $($crate::proto_json::message!(@finish $kind $name, $json, _seen);)*
                $($($crate::proto_json::message!(@unknown self.$group, self.extra $(, $open)?);)+)?
                Ok(())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                #[allow(unused_mut, reason = "an empty message with nothing to write")]
                let mut map = serializer.serialize_map(None)?;
                $($crate::proto_json::message!(@write $kind self.$field, $json, self.extra, map);)*
                $($(if let Some(one) = &self.$group {
                    $crate::proto_json::OneOf::write(one, &mut map)?;
                })+)?
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

        impl $crate::proto_json::sealed::Sealed for $name {
            fn descriptor() -> &'static $crate::proto_json::Descriptor {
                const {
                    &$crate::proto_json::Descriptor {
                        fields: &[$($crate::proto_json::FieldDescriptor {
                            json: $json,
                            proto: $crate::proto_json::message!(@proto $json $(, $proto)?),
                            shape: $crate::proto_json::message!(@shape $kind $ty),
                        },)*],
                        one_ofs: &[$($(<$one as $crate::proto_json::OneOf>::MEMBERS,)+)?],
                    }
                }
            }
        }

        impl $crate::proto_json::ProtoMessage for $name {
            const FULL_NAME: &'static str = $full_name;
        }
    };

    (@proto $json:literal) => { $json };
    (@proto $json:literal, $proto:literal) => { $proto };

    (@shape time $ty:ty) => { $crate::proto_json::Shape::Opaque };
    (@shape $kind:ident $ty:ty) => { <$ty as $crate::proto_json::Wire>::SHAPE };

    (@read time $name:ident, $slot:expr, $key:literal, $extra:expr, $seen:ident, $map:ident) => {
        $crate::proto_json::read_time(&mut $slot, $key, &mut $extra, $map)?
    };
    (@read needed $name:ident, $slot:expr, $key:literal, $extra:expr, $seen:ident, $map:ident) => {
        $slot = $map.next_value::<$crate::proto_json::Read<_>>()?.0;
        // An empty text is a missing one.
        if !$crate::proto_json::Wire::is_default(&$slot) {
            *$seen |= const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) };
        }
    };
    (@read $kind:ident $name:ident, $slot:expr, $key:literal, $extra:expr, $seen:ident, $map:ident) => {
        $slot = $map.next_value::<$crate::proto_json::Read<_>>()?.0
    };

    (@finish needed $name:ident, $key:literal, $seen:ident) => {
        if $seen & const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) } == 0 {
            return Err(E::missing_field($key));
        }
    };
    (@finish $kind:ident $name:ident, $key:literal, $seen:ident) => {};

    (@unknown $group:expr, $extra:expr, open) => {
        $crate::proto_json::take_unknown(&mut $group, &mut $extra)
    };
    (@unknown $group:expr, $extra:expr) => {};

    (@write time $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::proto_json::write_time($slot, $key, &$extra, &mut $map)?
    };
    (@write path $slot:expr, $key:literal, $extra:expr, $map:ident) => {};
    (@write needed $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $map.serialize_entry($key, &$crate::proto_json::Write(&$slot))?
    };
    (@write field $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        if !$crate::proto_json::Wire::is_default(&$slot) {
            $map.serialize_entry($key, &$crate::proto_json::Write(&$slot))?;
        }
    };
}
pub(crate) use message;

/// Lets a message stand in a field. Not for requests that cannot be empty.
macro_rules! message_field {
    ($name:ident) => {
        impl $crate::proto_json::Wire for $name {
            const SHAPE: $crate::proto_json::Shape =
                $crate::proto_json::Shape::Message(<Self as $crate::proto_json::sealed::Sealed>::descriptor);

            fn read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(deserializer)
            }

            fn write<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(self, serializer)
            }

            fn is_default(&self) -> bool {
                // A message that is set differs from none, also when it is empty.
                false
            }
        }
    };
}
pub(crate) use message_field;
