//! Untagged unions, distinguished by the JSON type of the value: string, number, array or object.

/// Implements serialization of an untagged union. `strings` lists fixed strings, each with its own variant; the other
/// lines name the variant and payload for any other value of that JSON type. Values that match nothing become
/// `Unknown`.
macro_rules! choice {
    ($name:ident $(strings($($unit:ident = $fixed:literal),+))? {
        $(string $text:ident($text_payload:ty),)?
        $(number $number:ident($number_payload:ty),)?
        $(boolean $flag:ident($flag_payload:ty),)?
        $(array $list:ident($list_payload:ty),)?
        $(object $map:ident($map_payload:ty),)?
    }) => {
        impl Default for $name {
            /// The value of a response member that the server omitted.
            fn default() -> Self {
                Self::Unknown(serde_json::Value::Null)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $($(Self::$unit => serializer.serialize_str($fixed),)+)?
                    $(Self::$text(payload) => payload.serialize(serializer),)?
                    $(Self::$number(payload) => payload.serialize(serializer),)?
                    $(Self::$flag(payload) => payload.serialize(serializer),)?
                    $(Self::$list(payload) => payload.serialize(serializer),)?
                    $(Self::$map(payload) => payload.serialize(serializer),)?
                    Self::Unknown(raw) => raw.serialize(serializer),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde_json::Value;
                match Value::deserialize(deserializer)? {
                    $($(Value::String(text) if text == $fixed => Ok(Self::$unit),)+)?
                    $(Value::String(text) => Ok(Self::$text(<$text_payload>::from(text))),)?
                    $(Value::Number(number) => Ok(Self::$number(<$number_payload>::from(number))),)?
                    $(Value::Bool(flag) => Ok(Self::$flag(<$flag_payload>::from(flag))),)?
                    $(raw @ Value::Array(_) => {
                        <$list_payload>::deserialize(raw).map(Self::$list).map_err(serde::de::Error::custom)
                    })?
                    $(raw @ Value::Object(_) => {
                        <$map_payload>::deserialize(raw).map(Self::$map).map_err(serde::de::Error::custom)
                    })?
                    raw => Ok(Self::Unknown(raw)),
                }
            }
        }

        $(impl From<$number_payload> for $name {
            fn from(payload: $number_payload) -> Self {
                Self::$number(payload)
            }
        }

        impl From<i32> for $name {
            fn from(number: i32) -> Self {
                Self::$number(number.into())
            }
        }

        impl From<i64> for $name {
            fn from(number: i64) -> Self {
                Self::$number(number.into())
            }
        }

        impl From<f64> for $name {
            /// Infinity and NaN become null, because JSON cannot represent them.
            fn from(number: f64) -> Self {
                serde_json::Number::from_f64(number).map_or_else(Self::default, Self::$number)
            }
        })?

        $(impl From<$flag_payload> for $name {
            fn from(payload: $flag_payload) -> Self {
                Self::$flag(payload)
            }
        })?

        $(impl From<$list_payload> for $name {
            fn from(payload: $list_payload) -> Self {
                Self::$list(payload)
            }
        })?

        $(impl From<$map_payload> for $name {
            fn from(payload: $map_payload) -> Self {
                Self::$map(payload)
            }
        })?

        $(impl From<$text_payload> for $name {
            fn from(payload: $text_payload) -> Self {
                Self::$text(payload)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::$text(text.into())
            }
        }

        impl From<&String> for $name {
            fn from(text: &String) -> Self {
                Self::$text(text.clone())
            }
        })?
    };
}
pub(crate) use choice;
