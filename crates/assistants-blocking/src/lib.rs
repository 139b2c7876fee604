//! Blocking client for the Assistants protocol.
