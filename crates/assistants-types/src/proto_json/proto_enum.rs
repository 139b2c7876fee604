//! Enums: a name or a number on input, the name on output. Unknown values are written back unchanged.

use std::fmt;

use serde::de::Visitor;
use serde::{Deserializer, Serializer};

/// Reads a value from its name or its number.
pub(crate) fn read_enum<'de, D: Deserializer<'de>, T: for<'a> From<&'a str>>(deserializer: D) -> Result<T, D::Error> {
    struct EnumVisitor<T>(std::marker::PhantomData<T>);

    impl<T: for<'a> From<&'a str>> Visitor<'_> for EnumVisitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the name or the number of an enum value")
        }

        fn visit_str<E>(self, name: &str) -> Result<T, E> {
            Ok(T::from(name))
        }

        fn visit_i64<E>(self, number: i64) -> Result<T, E> {
            Ok(T::from(&number.to_string()))
        }

        fn visit_u64<E>(self, number: u64) -> Result<T, E> {
            Ok(T::from(&number.to_string()))
        }

        fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<T, E> {
            let unexpected = serde::de::Unexpected::Float(number);
            if number.fract() == 0.0 && number.abs() <= f64::from(i32::MAX) {
                self.visit_i64(number as i64)
            } else {
                Err(E::invalid_value(unexpected, &self))
            }
        }
    }

    deserializer.deserialize_any(EnumVisitor(std::marker::PhantomData))
}

/// The value whose number has the digits `raw`, from `known`, a list in the order of the numbers.
///
/// A number in a string is treated as a number, like in protobuf's own parsers, and written as a number.
pub(crate) fn known_by_number<T: Clone>(known: &[T], raw: &str) -> Option<T> {
    let number = raw.parse::<usize>().ok().filter(|number| number.to_string() == raw)?;
    known.get(number).cloned()
}

/// Writes a name, or an unknown number as a number.
pub(crate) fn write_enum<S: Serializer>(name: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match name.parse::<i64>() {
        Ok(number) if number.to_string() == name => serializer.serialize_i64(number),
        _ => serializer.serialize_str(name),
    }
}

/// Implements the conversions of an enum. The values are in the order of their numbers, from 0.
macro_rules! proto_enum {
    ($name:ident { $first:ident = $first_wire:literal $(, $arm:ident = $wire:literal)* $(,)? }) => {
        impl $name {
            /// All known values, in the order of their numbers.
            pub const KNOWN: &'static [Self] = &[Self::$first $(, Self::$arm)*];

            /// The value, as sent: its name, or the digits of a number without a known name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    Self::$first => $first_wire,
                    $(Self::$arm => $wire,)*
                    Self::Unknown(raw) => raw.as_str(),
                }
            }
        }

        impl From<&str> for $name {
            fn from(raw: &str) -> Self {
                match raw {
                    $first_wire => Self::$first,
                    $($wire => Self::$arm,)*
                    _ => $crate::proto_json::known_by_number(Self::KNOWN, raw)
                        .unwrap_or_else(|| Self::Unknown($crate::UnknownValue::new(raw))),
                }
            }
        }

        impl From<&String> for $name {
            fn from(raw: &String) -> Self {
                Self::from(raw.as_str())
            }
        }

        impl From<String> for $name {
            fn from(raw: String) -> Self {
                Self::from(raw.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(raw: &str) -> Result<Self, Self::Err> {
                Ok(Self::from(raw))
            }
        }

        impl Default for $name {
            /// The value of a missing field.
            fn default() -> Self {
                Self::$first
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::proto_json::write_enum(self.as_str(), serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::proto_json::read_enum(deserializer)
            }
        }

        impl $crate::proto_json::Wire for $name {
            const SHAPE: $crate::proto_json::Shape = $crate::proto_json::Shape::Enum($first_wire);

            fn read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(deserializer)
            }

            fn write<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(self, serializer)
            }

            fn is_default(&self) -> bool {
                *self == Self::$first
            }
        }
    };
}
pub(crate) use proto_enum;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::yandex::RunStatus;

    #[track_caller]
    fn check(read: Value, value: &RunStatus, written: &Value) {
        let status: RunStatus = serde_json::from_value(read).unwrap();
        assert_eq!(&status, value);
        assert_eq!(&serde_json::to_value(&status).unwrap(), written);
    }

    #[test]
    fn a_value_is_known_by_its_name_and_by_its_number_in_either_form() {
        let pending = &RunStatus::Pending;
        for read in [json!("PENDING"), json!(1), json!(1.0), json!("1")] {
            check(read, pending, &json!("PENDING"));
        }
        for raw in ["777", "-1"] {
            let unknown = &RunStatus::from(raw);
            assert!(matches!(unknown, RunStatus::Unknown(_)));
            let number: i64 = raw.parse().unwrap();
            check(json!(number), unknown, &json!(number));
            check(json!(raw), unknown, &json!(number));
        }
        check(json!("01"), &RunStatus::from("01"), &json!("01"));
        check(json!("PAUSED"), &RunStatus::from("PAUSED"), &json!("PAUSED"));
    }
}
