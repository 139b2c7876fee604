//! Yandex AI Studio: objects, requests and stream events of its AI Assistant API over REST.
//!
//! Requests are created from the required members, with a setter for each optional one. An update records which fields
//! are set or cleared, and sends them as its field mask:
//!
//! ```
//! use assistants_types::yandex::{CreateAssistant, CreateMessage, FunctionTool, UpdateAssistant};
//!
//! let assistant = CreateAssistant::new("fld_1", "gpt://fld_1/yandexgpt/latest").name("Clerk").tool(FunctionTool::new("add"));
//! let message = CreateMessage::new("th_1", "How much is 3 and 4?");
//! let update = UpdateAssistant::new("as_1").temperature(0.0).clear_description();
//! assert_eq!(
//!     serde_json::to_string(&update)?,
//!     r#"{"updateMask":"completionOptions.temperature,description","completionOptions":{"temperature":0.0}}"#,
//! );
//! # assert_eq!(assistant.name, "Clerk");
//! # assert_eq!(message.content.to_text(), "How much is 3 and 4?");
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! Responses can be in either spelling of the service, `folderId` or `folder_id`. A field with the default value of its
//! type (an empty string, 0) is equivalent to a missing one. Mutually exclusive members are an enum in one field:
//!
//! ```
//! use assistants_types::yandex::{Run, RunStateData, RunStatus};
//!
//! let text = r#"{"id":"run_1","state":{"status":"FAILED","error":{"message":"too long"}}}"#;
//! let run: Run = serde_json::from_str(text)?;
//! let state = run.state.as_ref().ok_or("no state")?;
//! assert_eq!(state.status, RunStatus::Failed);
//! assert!(matches!(&state.data, Some(RunStateData::Error(error)) if error.message == "too long"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod generated;
mod id;
mod list;
mod message;
mod operation;
mod run;
mod shortcuts;
mod stream_event;
mod tool;
mod update;

pub use generated::*;
pub use list::List;
pub use operation::OperationError;

pub use crate::id::IdOf;
pub use crate::proto_json::{
    Any, Bytes, Descriptor, Dialect, FieldMask, MaskError, ProtoMessage, UnknownMember, UnpackError,
};

/// Caller-defined key-value pairs.
pub type Labels = std::collections::BTreeMap<String, String>;
