//! Local server for the Assistants protocol.
