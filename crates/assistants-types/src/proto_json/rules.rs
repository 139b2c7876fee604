//! Checks for contents that a message must not have.

use serde_json::Value;

use super::descriptor::{Descriptor, Shape};

/// The first place in a lowerCamelCase message where two members of a oneof are set.
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

/// The first member of a message, in either spelling, that is not a field.
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
