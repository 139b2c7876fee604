//! The client for Yandex AI Studio.

mod credentials;
mod json_stream;

pub use assistants_types::yandex::*;
pub use credentials::Credentials;
