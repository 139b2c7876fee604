//! What is the same for every request, whatever its protocol.

pub(crate) mod date;
pub(crate) mod log;
