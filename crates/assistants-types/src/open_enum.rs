//! Enums whose list of values grows on the server's side.

use std::fmt;

/// A value of an open enum that is newer than this crate, kept exactly as it was sent.
///
/// Only the enum's `From<&str>` builds one, so it never stands for a value that has an arm of its own.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UnknownValue(String);

impl UnknownValue {
    pub(crate) fn new(raw: &str) -> Self {
        Self(raw.to_owned())
    }

    /// The value as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Implements the conversions of an open enum; all of them go through the one table, so they cannot disagree.
macro_rules! open_enum {
    ($name:ident { $($arm:ident = $wire:literal),+ $(,)? }) => {
        impl $name {
            /// Every value this crate knows, in the order of the specification.
            pub const KNOWN: &'static [Self] = &[$(Self::$arm),+];

            /// The value as it is sent.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$arm => $wire,)+
                    Self::Unknown(raw) => raw.as_str(),
                }
            }
        }

        impl From<&str> for $name {
            fn from(raw: &str) -> Self {
                match raw {
                    $($wire => Self::$arm,)+
                    _ => Self::Unknown($crate::UnknownValue::new(raw)),
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
            /// The empty value: what a response reads as when its server left the field out.
            fn default() -> Self {
                Self::from("")
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl $crate::loose::Loose for $name {
            /// Also a number, as its digits.
            fn read(raw: serde_json::Value) -> serde_json::Result<(Self, Option<serde_json::Value>)> {
                let (text, spelling) = <String as $crate::loose::Loose>::read(raw)?;
                Ok((Self::from(text), spelling))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self::from($crate::object::Text::deserialize(deserializer)?.as_str()))
            }
        }
    };
}
pub(crate) use open_enum;
