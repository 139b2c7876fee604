//! The Rust items of a document, before they are text.

use std::collections::BTreeMap;

use super::document::Usage;
use super::proto_items;

/// Everything one document gives.
#[derive(Debug)]
pub(crate) struct Model {
    /// The document's path, for the first line of each file.
    pub(crate) source: String,
    /// The module of the types crate that the items go to.
    pub(crate) home: String,
    /// Which published version the document describes.
    pub(crate) describes: String,
    /// Whether another document lends types to this one.
    pub(crate) borrows: bool,
    /// Items by the file they go to.
    pub(crate) modules: BTreeMap<String, Vec<Item>>,
    pub(crate) operations: Vec<Operation>,
}

/// One operation of the protocol.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) constant: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) summary: String,
    /// The names of its query parameters.
    pub(crate) query: Vec<String>,
    /// The types of its body, its response, and what it streams.
    pub(crate) request: Option<String>,
    pub(crate) response: Option<String>,
    pub(crate) stream: Option<String>,
}

/// One named type.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) shape: Shape,
}

#[derive(Debug)]
pub(crate) enum Shape {
    Object(Object),
    OpenEnum(Vec<Arm>),
    Tagged {
        tag: String,
        strings: Vec<Arm>,
        members: Vec<UnionMember>,
    },
    Choice {
        strings: Vec<Arm>,
        members: Vec<ChoiceMember>,
    },
    Events(Vec<Event>),
    /// Names that the user chooses, with values of one type.
    Map(Type),
    Message(proto_items::Message),
    ProtoEnum(Vec<Arm>),
}

/// A value of an enum: its Rust name, its value on the wire.
#[derive(Debug)]
pub(crate) struct Arm {
    pub(crate) name: String,
    pub(crate) wire: String,
    pub(crate) doc: String,
}

#[derive(Debug)]
pub(crate) struct UnionMember {
    pub(crate) name: String,
    pub(crate) payload: String,
    /// The values of the tag that stand for it. With several, the tag is also a member of the payload.
    pub(crate) wires: Vec<String>,
    pub(crate) doc: String,
}

#[derive(Debug)]
pub(crate) struct ChoiceMember {
    pub(crate) name: String,
    pub(crate) json: &'static str,
    pub(crate) ty: Type,
    pub(crate) doc: String,
}

#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) wire: String,
    pub(crate) doc: String,
    pub(crate) payload: EventPayload,
}

#[derive(Debug)]
pub(crate) enum EventPayload {
    /// A fixed text instead of an object.
    Text(String),
    /// The object, and whether it is large enough to live in a box.
    Object {
        ty: String,
        boxed: bool,
        beside: Vec<Member>,
    },
}

#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) usage: Usage,
    /// Body of a request.
    pub(crate) body: bool,
    /// Body of an update: a setter may also clear.
    pub(crate) update: bool,
    pub(crate) constants: Vec<(String, String)>,
    /// Paths of the members that are on the wire even without a value.
    pub(crate) always: Vec<String>,
    pub(crate) members: Vec<Member>,
}

#[derive(Debug)]
pub(crate) struct Member {
    /// The name on the wire.
    pub(crate) key: String,
    /// The name in Rust.
    pub(crate) field: String,
    pub(crate) doc: String,
    pub(crate) ty: Type,
    pub(crate) presence: Presence,
    /// Whether the constructor takes it.
    pub(crate) in_new: bool,
    /// The type whose object may stand for the id.
    pub(crate) id_of: Option<String>,
    /// Servers send it in other forms too: all numbers and metadata, and what `x-also` names the other form of.
    pub(crate) loose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Required,
    Plain,
    Optional,
    Nullable,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Integer,
    Number,
    Flag,
    Time,
    Json,
    Metadata,
    Attributes,
    Named(String),
    List(Box<Type>),
}

impl Type {
    /// Whether servers spell every value of the type in several ways.
    pub(super) fn is_loose(&self) -> bool {
        match self {
            Self::Integer | Self::Number | Self::Metadata => true,
            Self::List(item) => **item == Self::Integer,
            _ => false,
        }
    }
}
