//! Unions told apart by the JSON type of the value: a string, an array, an object.

/// Implements reading and writing of such a union. `strings` are fixed strings with an arm each; `string`, `array` and
/// `object` name the arm and payload for any other value of that JSON type. What fits none is `Unknown`.
macro_rules! choice {
    ($name:ident $(strings($($unit:ident = $fixed:literal),+))? {
        $(string $text:ident($text_payload:ty),)?
        $(array $list:ident($list_payload:ty),)?
        $(object $map:ident($map_payload:ty),)?
    }) => {
        impl Default for $name {
            /// What a response reads as when its server left the member out.
            fn default() -> Self {
                Self::Unknown(serde_json::Value::Null)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $($(Self::$unit => serializer.serialize_str($fixed),)+)?
                    $(Self::$text(payload) => payload.serialize(serializer),)?
                    $(Self::$list(payload) => payload.serialize(serializer),)?
                    $(Self::$map(payload) => payload.serialize(serializer),)?
                    Self::Unknown(raw) => raw.serialize(serializer),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error as _;
                use serde_json::Value;
                match Value::deserialize(deserializer)? {
                    $($(Value::String(text) if text == $fixed => Ok(Self::$unit),)+)?
                    $(Value::String(text) => Ok(Self::$text(<$text_payload>::from(text))),)?
                    $(raw @ Value::Array(_) => {
                        <$list_payload>::deserialize(raw).map(Self::$list).map_err(D::Error::custom)
                    })?
                    $(raw @ Value::Object(_) => {
                        <$map_payload>::deserialize(raw).map(Self::$map).map_err(D::Error::custom)
                    })?
                    raw => Ok(Self::Unknown(raw)),
                }
            }
        }

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
