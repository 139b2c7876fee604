//! What every message can do.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::descriptor::sealed;
use super::rules;

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
        rules::conflict(Self::descriptor(), &value, "")
    }

    /// The first member in the JSON of such a message that the definition does not know, at any depth, as a path such as
    /// `tools[0].functionTool.mood`; `None` if there is none.
    ///
    /// Reading keeps such members in `extra`. A server that is strict refuses them.
    #[must_use]
    fn unknown_member(json: &Value) -> Option<String> {
        rules::unknown_member(Self::descriptor(), json, "")
    }
}
