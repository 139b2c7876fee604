//! Data models and stream events of the Assistants protocol.
