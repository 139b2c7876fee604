//! Serialization of the protocol's structs, member by member.
//!
//! serde's derive with `flatten` also keeps unknown members, but it buffers the whole object to do so, cannot report
//! which members were absent, and fails if one is missing. Here, members are read directly into their fields.

mod macros;
pub(crate) mod member;
mod text;
mod visitor;

pub(crate) use macros::object;
pub(crate) use member::Presence;
pub(crate) use text::{Text, TextOr};
pub(crate) use visitor::{Buffered, Object, ObjectVisitor, bit};
