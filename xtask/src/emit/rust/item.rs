//! One type: the kind of source it becomes, and the other types that it refers to.

use std::collections::BTreeSet;

use super::events::has_companion;
use super::text::doc;
use super::types::rust_type;
use super::{events, object, proto, unions};
use crate::model::{EventPayload, Item, Shape, Type, Usage};

/// Appends the source of one item.
pub(crate) fn write(out: &mut String, item: &Item) {
    match &item.shape {
        Shape::Object(object) => object::struct_(out, &item.name, &item.doc, object),
        Shape::OpenEnum(arms) => unions::open_enum(out, item, arms),
        Shape::Tagged { tag, strings, members } => unions::tagged(out, item, tag, strings, members),
        Shape::Choice { strings, members } => unions::choice(out, item, strings, members),
        Shape::Events(events) => events::stream_events(out, item, events),
        Shape::Map(values) => map(out, item, values),
        Shape::Message(message) => proto::message(out, item, message),
        Shape::ProtoEnum(arms) => proto::enum_(out, item, arms),
    }
}

/// The additional types that an item defines: the payload of an event with more than `data`, the enum of a `oneof`.
pub(crate) fn companions(items: &[Item]) -> impl Iterator<Item = &str> {
    items.iter().flat_map(|item| match &item.shape {
        Shape::Events(events) => events
            .iter()
            .filter(|event| has_companion(event))
            .map(|one| one.name.as_str())
            .collect(),
        Shape::Message(message) => proto::companions(message),
        _ => Vec::new(),
    })
}

/// The other types of the protocol that an item refers to.
pub(crate) fn named(item: &Item) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    match &item.shape {
        Shape::Object(object) => {
            for member in &object.members {
                type_names(&member.ty, &mut names);
                if member.ty == Type::Attributes && object.usage != Usage::Response {
                    names.insert("AttributeValue"); // in the setter
                }
                if let Some(target) = member.id_of.as_deref().filter(|_| object.usage != Usage::Response) {
                    names.insert(target);
                }
            }
        }
        Shape::OpenEnum(_) | Shape::ProtoEnum(_) => {}
        Shape::Message(message) => proto::named(message, &mut names),
        Shape::Tagged { members, .. } => names.extend(members.iter().map(|member| member.payload.as_str())),
        Shape::Choice { members, .. } => members.iter().for_each(|member| type_names(&member.ty, &mut names)),
        Shape::Map(values) => type_names(values, &mut names),
        Shape::Events(events) => {
            for event in events {
                if let EventPayload::Object { ty, beside, .. } = &event.payload {
                    names.insert(ty);
                    beside.iter().for_each(|member| type_names(&member.ty, &mut names));
                }
            }
        }
    }
    names
}

fn type_names<'m>(ty: &'m Type, names: &mut BTreeSet<&'m str>) {
    match ty {
        Type::Named(name) => {
            names.insert(name);
        }
        Type::Metadata => {
            names.insert("Metadata");
        }
        Type::Attributes => {
            names.insert("Attributes");
        }
        Type::List(item) => type_names(item, names),
        Type::Text | Type::Integer | Type::Number | Type::Flag | Type::Time | Type::Json => {}
    }
}

fn map(out: &mut String, item: &Item, values: &Type) {
    doc(out, "", &item.doc);
    out.push_str(&format!(
        "pub type {} = BTreeMap<String, {}>;\n\n",
        item.name,
        rust_type(values)
    ));
}
