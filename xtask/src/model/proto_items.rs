//! The Rust items of a document whose JSON is that of protocol buffers.

use super::document::Usage;

/// A message.
#[derive(Debug)]
pub(crate) struct Message {
    /// The provider's name.
    pub(crate) full_name: String,
    pub(crate) usage: Usage,
    /// Body of a request.
    pub(crate) body: bool,
    /// Body of an update: setters record what they set.
    pub(crate) update: bool,
    pub(crate) fields: Vec<Field>,
    pub(crate) groups: Vec<Group>,
    /// Fields inside of fields that have a setter of their own.
    pub(crate) nested: Vec<Nested>,
}

#[derive(Debug)]
pub(crate) struct Field {
    /// The name on the wire, in lowerCamelCase.
    pub(crate) json: String,
    /// The same in `snake_case`.
    pub(crate) proto: String,
    /// The name in Rust.
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) ty: Type,
    pub(crate) kind: Kind,
    /// Whether the constructor takes it.
    pub(crate) in_new: bool,
    /// The type whose object may stand for the identifier.
    pub(crate) id_of: Option<String>,
}

/// How the `message!` macro treats a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Field,
    Needed,
    Path,
    Time,
}

/// A oneof.
#[derive(Debug)]
pub(crate) struct Group {
    /// The field's name in Rust.
    pub(crate) name: String,
    /// The enum's name.
    pub(crate) ty: String,
    pub(crate) doc: String,
    /// Whether an unknown object counts as a new member.
    pub(crate) open: bool,
    pub(crate) members: Vec<Field>,
    /// Whether this message is where the enum is defined, and not only used.
    pub(crate) defines: bool,
}

/// A field inside of a message field.
#[derive(Debug)]
pub(crate) struct Nested {
    pub(crate) outer: String,
    pub(crate) path: String,
    pub(crate) field: Field,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Integer64,
    Integer32,
    Number,
    Flag,
    Time,
    Bytes,
    Mask,
    Struct,
    Any,
    Labels,
    Message(String),
    Enum(String),
    Wrapper(Box<Type>),
    List(Box<Type>),
}
