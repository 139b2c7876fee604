//! `google.protobuf.Any`: a message with the name of its type.

use std::fmt;

use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{ProtoMessage, Shape, Wire};

const PREFIX: &str = "type.googleapis.com/";

/// A message of any type: the members of its JSON form and the name of its type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Any {
    /// `type.googleapis.com/` followed by the full name of the message; empty if the sender omitted it.
    pub type_url: String,
    /// The members of the message, as sent.
    pub fields: Map<String, Value>,
}

/// Why a message could not be extracted from an [`Any`].
#[derive(Debug)]
#[non_exhaustive]
pub enum UnpackError {
    /// It contains a message of another type.
    Type {
        /// The requested type.
        wanted: &'static str,
        /// The actual type.
        found: String,
    },
    /// It is not a valid message of its type.
    Json(serde_json::Error),
}

impl Any {
    /// Wraps a message.
    ///
    /// # Errors
    ///
    /// If the message cannot be represented in JSON.
    pub fn pack<T: ProtoMessage>(message: &T) -> Result<Self, serde_json::Error> {
        match serde_json::to_value(message)? {
            Value::Object(fields) => Ok(Self {
                type_url: format!("{PREFIX}{}", T::FULL_NAME),
                fields,
            }),
            _ => Err(serde_json::Error::custom("a message is an object")),
        }
    }

    /// The full name of the message type.
    #[must_use]
    pub fn type_name(&self) -> &str {
        self.type_url.rsplit('/').next().unwrap_or_default()
    }

    /// Extracts a message of type `T`. If the sender omitted the type, it is assumed to match.
    ///
    /// # Errors
    ///
    /// If the message is of another type, or not a valid message of that type.
    pub fn unpack<T: ProtoMessage>(&self) -> Result<T, UnpackError> {
        if !self.type_url.is_empty() && self.type_name() != T::FULL_NAME {
            return Err(UnpackError::Type {
                wanted: T::FULL_NAME,
                found: self.type_url.clone(),
            });
        }
        serde_json::from_value(Value::Object(self.fields.clone())).map_err(UnpackError::Json)
    }
}

impl Serialize for Any {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.type_url.is_empty() {
            map.serialize_entry("@type", &self.type_url)?;
        }
        for (key, value) in &self.fields {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let type_url = match fields.remove("@type") {
            Some(Value::String(url)) => url,
            Some(Value::Null) | None => String::new(),
            Some(_) => return Err(D::Error::custom("`@type` is no string")),
        };
        Ok(Self { type_url, fields })
    }
}

impl Wire for Any {
    const SHAPE: Shape = Shape::Opaque;

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }

    fn is_default(&self) -> bool {
        false
    }
}

impl fmt::Display for UnpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type { wanted, found } => write!(f, "contains `{found}`, not `{wanted}`"),
            Self::Json(_) => f.write_str("no valid message of its type"),
        }
    }
}

impl std::error::Error for UnpackError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Type { .. } => None,
            Self::Json(error) => Some(error),
        }
    }
}
