//! The two JSON dialects of messages.

use serde_json::{Map, Value};

use super::descriptor::{Descriptor, Shape};
use super::proto_message::ProtoMessage;

/// How messages are serialized. Deserialization accepts both dialects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Names in lowerCamelCase, without default values, as specified by the protocol buffers mapping and in the
    /// documentation of the service.
    #[default]
    CamelCase,
    /// Names in `snake_case`, with default values, and null for messages and wrappers that are not set, as the live
    /// service responds. Members of a oneof that are not set are omitted in this dialect as well.
    SnakeCase,
}

impl Dialect {
    /// Serializes a message. Free-form JSON, keys of maps, unknown members and `Any` are not converted.
    ///
    /// # Errors
    ///
    /// If a value cannot be represented in JSON.
    pub fn to_value<T: ProtoMessage>(self, message: &T) -> Result<Value, serde_json::Error> {
        let value = serde_json::to_value(message)?;
        Ok(match self {
            Self::CamelCase => value,
            Self::SnakeCase => snake_message(T::descriptor(), value),
        })
    }
}

fn snake_message(descriptor: &Descriptor, value: Value) -> Value {
    let Value::Object(mut given) = value else {
        return value;
    };
    let mut members = Map::new();
    for field in descriptor.fields {
        let value = match given.remove(field.json) {
            Some(value) => snake(&field.shape, value),
            None => default(&field.shape),
        };
        members.insert(field.proto.to_owned(), value);
    }
    for field in descriptor.one_ofs.iter().flat_map(|group| group.iter()) {
        if let Some(value) = given.remove(field.json) {
            members.insert(field.proto.to_owned(), snake(&field.shape, value));
        }
    }
    members.extend(given);
    Value::Object(members)
}

fn snake(shape: &Shape, value: Value) -> Value {
    match (shape, value) {
        (Shape::Message(descriptor), value) => snake_message(descriptor(), value),
        (Shape::Optional(shape), value) => snake(shape, value),
        (Shape::List(shape), Value::Array(items)) => items.into_iter().map(|item| snake(shape, item)).collect(),
        (_, value) => value,
    }
}

fn default(shape: &Shape) -> Value {
    match shape {
        Shape::Text => "".into(),
        Shape::Integer64 => "0".into(),
        Shape::Integer32 => 0.into(),
        Shape::Number => 0.0.into(),
        Shape::Flag => false.into(),
        Shape::Enum(first) => (*first).into(),
        Shape::Map => Value::Object(Map::new()),
        Shape::List(_) => Value::Array(Vec::new()),
        Shape::Opaque | Shape::Optional(_) | Shape::Message(_) => Value::Null,
    }
}
