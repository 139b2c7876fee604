//! The two ways to write a message.

use serde_json::{Map, Value};

use super::{Descriptor, ProtoMessage, Shape};

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

/// The first place in a camel-case message where two members of one oneof are set.
pub(crate) fn conflict(descriptor: &Descriptor, value: &Value, at: &str) -> Option<String> {
    let members = value.as_object()?;
    for group in descriptor.one_ofs {
        let mut set = group.iter().filter(|field| members.contains_key(field.json));
        if let (Some(first), Some(second)) = (set.next(), set.next()) {
            let place = if at.is_empty() {
                String::new()
            } else {
                format!("{at}: ")
            };
            return Some(format!(
                "{place}`{}` and `{}` exclude each other",
                first.json, second.json
            ));
        }
    }
    let groups = descriptor.one_ofs.iter().flat_map(|group| group.iter());
    descriptor.fields.iter().chain(groups).find_map(|field| {
        let value = members.get(field.json)?;
        let at = if at.is_empty() {
            field.json.to_owned()
        } else {
            format!("{at}.{}", field.json)
        };
        conflict_in(&field.shape, value, &at)
    })
}

fn conflict_in(shape: &Shape, value: &Value, at: &str) -> Option<String> {
    match shape {
        Shape::Message(descriptor) => conflict(descriptor(), value, at),
        Shape::Optional(shape) => conflict_in(shape, value, at),
        Shape::List(shape) => {
            let items = value.as_array()?.iter().enumerate();
            items
                .into_iter()
                .find_map(|(index, item)| conflict_in(shape, item, &format!("{at}[{index}]")))
        }
        _ => None,
    }
}

/// The first member of a message in either spelling that is no field.
pub(crate) fn unknown_member(descriptor: &Descriptor, value: &Value, at: &str) -> Option<String> {
    value.as_object()?.iter().find_map(|(name, value)| {
        let at = if at.is_empty() {
            name.clone()
        } else {
            format!("{at}.{name}")
        };
        match descriptor.field(name) {
            Some(field) => unknown_member_in(&field.shape, value, &at),
            None => Some(at),
        }
    })
}

fn unknown_member_in(shape: &Shape, value: &Value, at: &str) -> Option<String> {
    match shape {
        Shape::Message(descriptor) => unknown_member(descriptor(), value, at),
        Shape::Optional(shape) => unknown_member_in(shape, value, at),
        Shape::List(shape) => {
            let mut items = value.as_array()?.iter().enumerate();
            items.find_map(|(index, item)| unknown_member_in(shape, item, &format!("{at}[{index}]")))
        }
        _ => None,
    }
}
