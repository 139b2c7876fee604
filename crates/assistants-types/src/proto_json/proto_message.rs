//! Methods of all messages.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::descriptor::sealed;
use super::rules;

/// A message of the protocol: a struct with its full name and a table of its fields.
///
/// Implemented only by the generated types.
pub trait ProtoMessage: Serialize + DeserializeOwned + sealed::Sealed {
    /// The name of the message in the provider's definition, such as `yandex.cloud.ai.assistants.v1.Assistant`.
    const FULL_NAME: &'static str;

    /// Describes where two mutually exclusive members of the message are both set; `None` if there is no such place.
    ///
    /// Deserialization keeps the first in its field and the second in `extra`, so that a response never fails because
    /// of it. A server rejects such a request.
    fn conflict(&self) -> Option<String> {
        let value = serde_json::to_value(self).ok()?;
        rules::conflict(Self::descriptor(), &value, "")
    }

    /// The first member in the JSON of such a message that is not part of the definition, at any depth, as a path such
    /// as `tools[0].functionTool.mood`; `None` if there is none.
    ///
    /// Deserialization keeps such members in `extra`. A strict server rejects them.
    #[must_use]
    fn unknown_member(json: &Value) -> Option<String> {
        rules::unknown_member(Self::descriptor(), json, "")
    }
}
