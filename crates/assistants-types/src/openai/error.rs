//! Errors returned by servers.

use serde::Deserialize;
use serde_json::Value;

use super::ErrorObject;
use crate::loose::Loose;

impl Loose for ErrorObject {
    /// Also accepts a plain string, as the message.
    fn read(raw: Value) -> serde_json::Result<(Self, Option<Value>)> {
        match raw {
            Value::String(message) => {
                let error = Self {
                    message: message.clone(),
                    ..Self::default()
                };
                Ok((error, Some(Value::String(message))))
            }
            raw => Self::deserialize(raw).map(|error| (error, None)),
        }
    }
}
