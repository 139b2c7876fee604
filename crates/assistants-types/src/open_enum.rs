//! Enums to which servers may add values.

use std::fmt;

/// An unknown value of an open enum, kept exactly as it was sent.
///
/// Only the enum's `From<&str>` creates one, so it is never a value that has its own variant.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UnknownValue(String);

impl UnknownValue {
    pub(crate) fn new(raw: &str) -> Self {
        Self(raw.to_owned())
    }

    /// The value, as sent.
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

/// Implements the conversions of an open enum. All of them use one table, so they cannot disagree.
macro_rules! open_enum {
    ($name:ident { $($arm:ident = $wire:literal),+ $(,)? }) => {
        impl $name {
            /// All known values, in the order of the specification.
            pub const KNOWN: &'static [Self] = &[$(Self::$arm),+];

            /// The value, as sent.
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
            /// The empty value, used for a response member that the server omitted.
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
            /// Also accepts a number, as its decimal digits.
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
