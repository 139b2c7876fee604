//! How requests authenticate, and how keys and tokens stay out of what is shown.

pub(crate) mod authorization;
pub(crate) mod secret;
pub(crate) mod token;
