//! How requests authenticate, and how keys and tokens stay out of what is shown.

pub(crate) mod api_key;
pub(crate) mod authorization;
pub(crate) mod secrets;
pub(crate) mod token;
