//! How the protocol's structs are read and written, member by member.
//!
//! serde's derive with `flatten` would keep unknown members too, but buffers the whole object for it, cannot tell which
//! members were absent, and fails on a missing one. Here a member is read straight into its field.

mod macros;
pub(crate) mod member;
mod text;
mod visitor;

pub(crate) use macros::object;
pub(crate) use member::Presence;
pub(crate) use text::{Text, TextOr};
pub(crate) use visitor::{Buffered, Object, ObjectVisitor, bit};
