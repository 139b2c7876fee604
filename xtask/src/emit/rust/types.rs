//! The Rust types of object members.

use crate::model::{Member, Presence, Type};

pub(super) fn field_type(member: &Member) -> String {
    let inner = rust_type(&member.ty);
    match (&member.ty, member.presence) {
        (Type::Time, _) | (_, Presence::Optional) => format!("Option<{inner}>"),
        (_, Presence::Nullable) => format!("Field<{inner}>"),
        (_, Presence::Required | Presence::Plain) => inner,
    }
}

pub(super) fn rust_type(ty: &Type) -> String {
    match ty {
        Type::Text => "String".to_owned(),
        Type::Integer => "i64".to_owned(),
        Type::Number => "f64".to_owned(),
        Type::Flag => "bool".to_owned(),
        Type::Time => "OffsetDateTime".to_owned(),
        Type::Json => "Value".to_owned(),
        Type::Metadata => "Metadata".to_owned(),
        Type::Attributes => "Attributes".to_owned(),
        Type::Named(name) => name.clone(),
        Type::List(item) => format!("Vec<{}>", rust_type(item)),
    }
}

/// The type of a parameter, and the expression that converts it to the type of the field.
pub(super) fn argument(name: &str, ty: &Type, id_of: Option<&str>) -> (String, String) {
    match ty {
        _ if id_of.is_some() => (
            format!("impl IdOf<{}>", id_of.unwrap_or_default()),
            format!("{name}.into_id()"),
        ),
        Type::Text | Type::Named(_) => (format!("impl Into<{}>", rust_type(ty)), format!("{name}.into()")),
        Type::Metadata => (
            "impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>".to_owned(),
            format!("{name}.into_iter().map(|(key, value)| (key.into(), value.into())).collect()"),
        ),
        Type::Attributes => (
            "impl IntoIterator<Item = (impl Into<String>, impl Into<AttributeValue>)>".to_owned(),
            format!("{name}.into_iter().map(|(key, value)| (key.into(), value.into())).collect()"),
        ),
        Type::List(item) if matches!(**item, Type::Text | Type::Named(_)) => (
            format!("impl IntoIterator<Item = impl Into<{}>>", rust_type(item)),
            format!("{name}.into_iter().map(Into::into).collect()"),
        ),
        _ => (rust_type(ty), name.to_owned()),
    }
}
