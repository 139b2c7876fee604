//! The Rust items that a specification describes, before they are written as text.
//!
//! Reading a document makes all decisions (which fields are optional, the names of types, the file of each item), so
//! that writing is only formatting. [`items`] and [`proto_items`] define the result, [`document`] and [`schema`] access
//! the input, and the other files each read one kind of schema.

mod document;
mod items;
mod members;
mod operations;
mod proto;
pub(crate) mod proto_items;
mod read;
mod schema;
mod unions;

pub(crate) use document::Usage;
pub(crate) use items::{
    Arm, ChoiceMember, Event, EventPayload, Item, Member, Model, Object, Presence, Shape, Type, UnionMember,
};
pub(crate) use proto::snake;
