//! The Rust items of a document with the JSON mapping of protocol buffers.

use super::document::Usage;

/// A message.
#[derive(Debug)]
pub(crate) struct Message {
    /// The provider's name of the message.
    pub(crate) full_name: String,
    pub(crate) usage: Usage,
    /// Whether it is a request body.
    pub(crate) body: bool,
    /// Whether it is the request body of an update, whose setters record what they set.
    pub(crate) update: bool,
    pub(crate) fields: Vec<Field>,
    pub(crate) groups: Vec<Group>,
    /// Nested fields with setters of their own.
    pub(crate) nested: Vec<Nested>,
}

#[derive(Debug)]
pub(crate) struct Field {
    /// The lowerCamelCase name in JSON.
    pub(crate) json: String,
    /// The name in `snake_case`.
    pub(crate) proto: String,
    /// The name in Rust.
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) ty: Type,
    pub(crate) kind: Kind,
    /// Whether it is an argument of the constructor.
    pub(crate) in_new: bool,
    /// The type whose objects can be given instead of the identifier.
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
    /// The name of the field in Rust.
    pub(crate) name: String,
    /// The name of the enum.
    pub(crate) ty: String,
    pub(crate) doc: String,
    /// Whether an unknown object is read as a new member.
    pub(crate) open: bool,
    pub(crate) members: Vec<Field>,
    /// Whether this message defines the enum, rather than only using it.
    pub(crate) defines: bool,
}

/// A field within a message field.
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
