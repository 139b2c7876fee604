//! The Rust items of a document, before they are written as text.

use std::collections::BTreeMap;

use super::document::Usage;
use super::proto_items;

/// All items of one document.
#[derive(Debug)]
pub(crate) struct Model {
    /// The path of the document, for the first line of each file.
    pub(crate) source: String,
    /// The module of the types crate that contains the items.
    pub(crate) home: String,
    /// The published version that the document describes.
    pub(crate) describes: String,
    /// Whether the document uses types of another one.
    pub(crate) borrows: bool,
    /// Items by file.
    pub(crate) modules: BTreeMap<String, Vec<Item>>,
    pub(crate) operations: Vec<Operation>,
}

/// An operation of the protocol.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) constant: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) summary: String,
    /// Names of the query parameters.
    pub(crate) query: Vec<String>,
    /// Types of the request body, the response, and the streamed values.
    pub(crate) request: Option<String>,
    pub(crate) response: Option<String>,
    pub(crate) stream: Option<String>,
}

/// A named type.
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
    /// Names chosen by the user, with values of one type.
    Map(Type),
    Message(proto_items::Message),
    ProtoEnum(Vec<Arm>),
}

/// A value of an enum: its Rust name and its value in JSON.
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
    /// The tag values of the variant. If there are several, the tag is also a member of the payload.
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
    /// A fixed string instead of an object.
    Text(String),
    /// The object, and whether it is large enough to be boxed.
    Object {
        ty: String,
        boxed: bool,
        beside: Vec<Member>,
    },
}

#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) usage: Usage,
    /// Whether it is a request body.
    pub(crate) body: bool,
    /// Whether it is the request body of an update, whose setters can also clear.
    pub(crate) update: bool,
    pub(crate) constants: Vec<(String, String)>,
    /// Paths of the members that are written even without a value.
    pub(crate) always: Vec<String>,
    pub(crate) members: Vec<Member>,
}

#[derive(Debug)]
pub(crate) struct Member {
    /// The name in JSON.
    pub(crate) key: String,
    /// The name in Rust.
    pub(crate) field: String,
    pub(crate) doc: String,
    pub(crate) ty: Type,
    pub(crate) presence: Presence,
    /// Whether it is an argument of the constructor.
    pub(crate) in_new: bool,
    /// The type whose objects can be given instead of the identifier.
    pub(crate) id_of: Option<String>,
    /// Servers also send it in other forms: all numbers and metadata, and members with `x-also`.
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
    /// Whether every value of the type has alternative JSON forms.
    pub(super) fn is_loose(&self) -> bool {
        match self {
            Self::Integer | Self::Number | Self::Metadata => true,
            Self::List(item) => **item == Self::Integer,
            _ => false,
        }
    }
}
