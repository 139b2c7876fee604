//! The two ways to write a message.

use serde_json::{Map, Value};

use super::descriptor::{Descriptor, Shape};
use super::proto_message::ProtoMessage;

/// How messages are written. Readers take both without being told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Names in lowerCamelCase, defaults left out: what the mapping of protocol buffers says, and what the documentation
    /// of the service shows.
    #[default]
    CamelCase,
    /// Names in `snake_case`, defaults written out, null for messages and wrappers that are not set: what the live
    /// service answered. Members of a oneof that are not chosen are left out here too.
    SnakeCase,
}

impl Dialect {
    /// The message's JSON form. Free JSON, keys of maps, unknown members and `Any` stay as they are.
    ///
    /// # Errors
    ///
    /// If a value has no JSON form.
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
