//! The Rust items that a specification stands for, before they are text.
//!
//! Reading a document decides everything that needs thought (which fields are optional, what a type is called, where
//! it goes); writing it out afterwards is only layout. [`items`] and [`proto_items`] are what it comes to, [`document`]
//! and [`schema`] what it is read from, and the other files read a kind of schema each.

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
