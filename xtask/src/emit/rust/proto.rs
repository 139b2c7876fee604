//! Messages, enums and oneofs of a protocol with the JSON mapping of protocol buffers.

use std::collections::{BTreeMap, BTreeSet};

use super::text::{doc, setter_doc};
use crate::model::proto_items::{Field, Group, Kind, Message, Nested, Type};
use crate::model::{Arm, Item, Usage};

/// The enums of oneofs that a message defines.
pub(super) fn companions(message: &Message) -> Vec<&str> {
    message
        .groups
        .iter()
        .filter(|group| group.defines)
        .map(|group| group.ty.as_str())
        .collect()
}

/// The other types of the protocol that a message refers to.
pub(super) fn named<'m>(message: &'m Message, names: &mut BTreeSet<&'m str>) {
    let members = message
        .groups
        .iter()
        .filter(|group| group.defines)
        .flat_map(|group| &group.members);
    for field in message
        .fields
        .iter()
        .chain(members)
        .chain(message.nested.iter().map(|nested| &nested.field))
    {
        type_names(&field.ty, names);
        if let Some(target) = field.id_of.as_deref().filter(|_| message.usage != Usage::Response) {
            names.insert(target);
        }
    }
    names.extend(
        message
            .groups
            .iter()
            .filter(|group| !group.defines)
            .map(|group| group.ty.as_str()),
    );
}

fn type_names<'m>(ty: &'m Type, names: &mut BTreeSet<&'m str>) {
    match ty {
        Type::Message(name) | Type::Enum(name) => {
            names.insert(name);
        }
        Type::Wrapper(inner) | Type::List(inner) => type_names(inner, names),
        Type::Any => {
            names.insert("Any");
        }
        Type::Bytes => {
            names.insert("Bytes");
        }
        Type::Labels => {
            names.insert("Labels");
        }
        Type::Mask => {
            names.insert("FieldMask");
        }
        Type::Text | Type::Integer64 | Type::Integer32 | Type::Number | Type::Flag | Type::Time | Type::Struct => {}
    }
}

pub(super) fn enum_(out: &mut String, item: &Item, arms: &[Arm]) {
    doc(out, "", &item.doc);
    out.push_str("#[derive(Clone, Debug, PartialEq, Eq, Hash)]\n#[non_exhaustive]\n");
    out.push_str(&format!("pub enum {} {{\n", item.name));
    for arm in arms {
        doc(out, "    ", &arm.doc);
        out.push_str(&format!("    {},\n", arm.name));
    }
    out.push_str(
        "    /// An unknown value, such as one newer than this crate, kept exactly as it was sent.\n    Unknown(UnknownValue),\n}\n\n",
    );
    out.push_str(&format!("proto_enum!({} {{\n", item.name));
    for arm in arms {
        out.push_str(&format!("    {} = {:?},\n", arm.name, arm.wire));
    }
    out.push_str("});\n\n");
}

pub(super) fn message(out: &mut String, item: &Item, message: &Message) {
    let name = &item.name;
    doc(out, "", &item.doc);
    let strict = message.body && message.fields.iter().any(|field| field.in_new);
    let default = if strict { "" } else { "Default, " };
    out.push_str(&format!(
        "#[derive(Clone, Debug, {default}PartialEq)]\npub struct {name} {{\n"
    ));
    for field in &message.fields {
        doc(out, "    ", &field.doc);
        out.push_str(&format!("    pub {}: {},\n", field.name, field_type(field)));
    }
    for group in &message.groups {
        doc(out, "    ", &group.doc);
        out.push_str(&format!("    pub {}: Option<{}>,\n", group.name, group.ty));
    }
    out.push_str("    /// Unknown members, kept as they were sent.\n    pub extra: Extra,\n}\n\n");

    out.push_str(&format!("message!({name} = {:?} {{\n", message.full_name));
    for field in &message.fields {
        let kind = match field.kind {
            Kind::Field => "field",
            Kind::Needed => "needed",
            Kind::Path => "path",
            Kind::Time => "time",
        };
        out.push_str(&format!(
            "    {}: {kind} {} = {},\n",
            field.name,
            field_type(field),
            names(field)
        ));
    }
    out.push('}');
    if !message.groups.is_empty() {
        out.push_str(" one_of {\n");
        for group in &message.groups {
            let open = if group.open { " open" } else { "" };
            out.push_str(&format!("    {}: {}{open},\n", group.name, group.ty));
        }
        out.push('}');
    }
    out.push_str(");\n");
    if !strict {
        out.push_str(&format!("message_field!({name});\n"));
    }
    out.push('\n');

    builder(out, name, message);
    for group in &message.groups {
        if group.defines {
            one_of(out, group);
        }
        conversions(out, name, message, group);
    }
}

/// The names of a field for the macros: a single one if both spellings are the same.
fn names(field: &Field) -> String {
    if field.json == field.proto {
        format!("{:?}", field.json)
    } else {
        format!("{:?} / {:?}", field.json, field.proto)
    }
}

fn one_of(out: &mut String, group: &Group) {
    doc(out, "", &group.doc);
    out.push_str(&format!(
        "#[derive(Clone, Debug, PartialEq)]\n#[non_exhaustive]\npub enum {} {{\n",
        group.ty
    ));
    for member in &group.members {
        doc(out, "    ", &member.doc);
        out.push_str(&format!("    {}({}),\n", arm(member), rust_type(&member.ty)));
    }
    out.push_str("    /// An unknown member, such as one newer than this crate, as raw JSON.\n    Unknown(UnknownMember),\n}\n\n");
    out.push_str(&format!("one_of!({} {{\n", group.ty));
    for member in &group.members {
        out.push_str(&format!(
            "    {}({}) = {},\n",
            arm(member),
            rust_type(&member.ty),
            names(member)
        ));
    }
    out.push_str("});\n\n");
}

/// Conversions from a member to the enum and, if the message has no other fields, to the message.
fn conversions(out: &mut String, name: &str, message: &Message, group: &Group) {
    let mut uses = BTreeMap::new();
    for member in &group.members {
        *uses.entry(rust_type(&member.ty)).or_insert(0) += 1;
    }
    let alone = message.fields.is_empty() && message.groups.len() == 1;
    for member in group
        .members
        .iter()
        .filter(|member| matches!(member.ty, Type::Message(_)))
    {
        let payload = rust_type(&member.ty);
        if uses[&payload] > 1 {
            continue;
        }
        if group.defines {
            out.push_str(&format!(
                "impl From<{payload}> for {} {{ fn from(payload: {payload}) -> Self {{ Self::{}(payload) }} }}\n\n",
                group.ty,
                arm(member)
            ));
        }
        if alone {
            out.push_str(&format!(
                "impl From<{payload}> for {name} {{ fn from(payload: {payload}) -> Self {{ Self {{ {}: \
                 Some(payload.into()), extra: Extra::default() }} }} }}\n\n",
                group.name
            ));
        }
    }
    // Accessors for the payload of each member, without a `match`.
    out.push_str(&format!("impl {name} {{\n"));
    for member in &group.members {
        doc(out, "    ", &format!("`{}`, if it is set. {}", member.json, member.doc));
        let (returns, value) = match &member.ty {
            Type::Text => ("&str".to_owned(), "value.as_str()"),
            Type::Flag => ("bool".to_owned(), "*value"),
            ty => (format!("&{}", rust_type(ty)), "value"),
        };
        out.push_str(&format!(
            "    #[must_use]\n    pub fn as_{}(&self) -> Option<{returns}> {{ match &self.{} {{ \
             Some({}::{}(value)) => Some({value}), _ => None }} }}\n\n",
            member.proto,
            group.name,
            group.ty,
            arm(member)
        ));
    }
    out.push_str("}\n\n");
}

fn arm(member: &Field) -> String {
    member.json[..1].to_ascii_uppercase() + &member.json[1..]
}

fn field_type(field: &Field) -> String {
    let inner = rust_type(&field.ty);
    match field.ty {
        Type::Message(_) if field.kind == Kind::Needed => inner,
        Type::Message(_) | Type::Struct | Type::Any | Type::Time => format!("Option<{inner}>"),
        _ => inner,
    }
}

fn rust_type(ty: &Type) -> String {
    match ty {
        Type::Text => "String".to_owned(),
        Type::Integer64 => "i64".to_owned(),
        Type::Integer32 => "i32".to_owned(),
        Type::Number => "f64".to_owned(),
        Type::Flag => "bool".to_owned(),
        Type::Time => "OffsetDateTime".to_owned(),
        Type::Bytes => "Bytes".to_owned(),
        Type::Mask => "FieldMask".to_owned(),
        Type::Struct => "Value".to_owned(),
        Type::Any => "Any".to_owned(),
        Type::Labels => "Labels".to_owned(),
        Type::Message(name) | Type::Enum(name) => name.clone(),
        Type::Wrapper(inner) => format!("Option<{}>", rust_type(inner)),
        Type::List(item) => format!("Vec<{}>", rust_type(item)),
    }
}

/// The type of a parameter, and the expression that converts it to the value of the field.
fn argument(name: &str, field: &Field, ty: &Type) -> (String, String) {
    match ty {
        Type::Text if field.id_of.is_some() => (
            format!("impl IdOf<{}>", field.id_of.as_deref().unwrap_or_default()),
            format!("{name}.into_id()"),
        ),
        Type::Text | Type::Message(_) | Type::Enum(_) | Type::Bytes => {
            (format!("impl Into<{}>", rust_type(ty)), format!("{name}.into()"))
        }
        Type::Labels => (
            "impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>".to_owned(),
            format!("{name}.into_iter().map(|(key, value)| (key.into(), value.into())).collect()"),
        ),
        Type::List(item) => match (&**item, field.id_of.as_deref()) {
            (Type::Text, Some(target)) => (
                format!("impl IntoIterator<Item = impl IdOf<{target}>>"),
                format!("{name}.into_iter().map(IdOf::into_id).collect()"),
            ),
            (Type::Text | Type::Message(_), _) => (
                format!("impl IntoIterator<Item = impl Into<{}>>", rust_type(item)),
                format!("{name}.into_iter().map(Into::into).collect()"),
            ),
            _ => (rust_type(ty), name.to_owned()),
        },
        Type::Wrapper(inner) => (rust_type(inner), name.to_owned()),
        _ => (rust_type(ty), name.to_owned()),
    }
}

/// Wraps the argument as the field stores it.
fn stored(field: &Field, value: String) -> String {
    match &field.ty {
        Type::Message(_) if field.kind == Kind::Needed => value,
        Type::Message(_) | Type::Struct | Type::Any | Type::Time | Type::Wrapper(_) => format!("Some({value})"),
        _ => value,
    }
}

fn builder(out: &mut String, name: &str, message: &Message) {
    if message.usage == Usage::Response {
        return;
    }
    let required: Vec<&Field> = message.fields.iter().filter(|field| field.in_new).collect();
    let settable: Vec<&Field> = message
        .fields
        .iter()
        .filter(|field| !(field.in_new || message.update && field.ty == Type::Mask))
        .collect();
    if required.is_empty() && settable.is_empty() && message.groups.is_empty() {
        return;
    }
    out.push_str(&format!("impl {name} {{\n"));
    if !required.is_empty() {
        let mut parameters = Vec::new();
        let mut fields = String::new();
        for field in &message.fields {
            if field.in_new {
                let (ty, value) = argument(&field.name, field, &field.ty);
                parameters.push(format!("{}: {ty}", field.name));
                fields.push_str(&format!("{}: {}, ", field.name, stored(field, value)));
            } else {
                fields.push_str(&format!("{}: Default::default(), ", field.name));
            }
        }
        for group in &message.groups {
            fields.push_str(&format!("{}: None, ", group.name));
        }
        doc(
            out,
            "    ",
            "Creates the object from its required members; all others are unset.",
        );
        out.push_str(&format!(
            "    #[must_use]\n    pub fn new({}) -> Self {{ Self {{ {fields} extra: Extra::default() }} }}\n\n",
            parameters.join(", ")
        ));
    }
    for field in settable {
        setters(out, message, field);
    }
    for group in &message.groups {
        doc(
            out,
            "    ",
            &format!("Sets one of several mutually exclusive members. {}", group.doc),
        );
        let field = &group.name;
        out.push_str(&format!(
            "    #[must_use]\n    pub fn {field}(mut self, {field}: impl Into<{}>) -> Self {{ self.{field} = \
             Some({field}.into()); self }}\n\n",
            group.ty
        ));
    }
    for nested in &message.nested {
        nested_setters(out, nested);
    }
    out.push_str("}\n\n");
}

fn setters(out: &mut String, message: &Message, field: &Field) {
    let name = &field.name;
    let mask = if message.update {
        format!("self.update_mask.add({:?});", field.json)
    } else {
        String::new()
    };
    let (ty, value) = argument(name, field, &field.ty);
    let value = stored(field, value);
    doc(out, "    ", &setter_doc(&field.json, &field.doc));
    out.push_str(&format!(
        "    #[must_use]\n    pub fn {name}(mut self, {name}: {ty}) -> Self {{ self.{name} = {value}; {mask} self }}\n\n"
    ));
    if let (Type::List(item), Some(one)) = (&field.ty, name.strip_suffix('s')) {
        let (ty, value) = argument(one, field, item);
        doc(out, "    ", &format!("Adds one item to `{}`.", field.json));
        out.push_str(&format!(
            "    #[must_use]\n    pub fn {one}(mut self, {one}: {ty}) -> Self {{ self.{name}.push({value}); {mask} self }}\n\n"
        ));
    }
    if message.update {
        doc(out, "    ", &format!("Clears `{}` on the server.", field.json));
        out.push_str(&format!(
            "    #[must_use]\n    pub fn clear_{name}(mut self) -> Self {{ self.{name} = Default::default(); {mask} self }}\n\n"
        ));
    }
}

fn nested_setters(out: &mut String, nested: &Nested) {
    let Nested { outer, path, field } = nested;
    let name = &field.name;
    let (ty, value) = argument(name, field, &field.ty);
    let value = stored(field, value);
    doc(out, "    ", &format!("Sets only `{path}`. {}", field.doc));
    out.push_str(&format!(
        "    #[must_use]\n    pub fn {name}(mut self, {name}: {ty}) -> Self {{ \
         self.{outer}.get_or_insert_default().{name} = {value}; self.update_mask.add({path:?}); self }}\n\n"
    ));
    doc(out, "    ", &format!("Clears `{path}` on the server."));
    out.push_str(&format!(
        "    #[must_use]\n    pub fn clear_{name}(mut self) -> Self {{ \
         if let Some({outer}) = &mut self.{outer} {{ {outer}.{name} = Default::default(); }} \
         self.update_mask.add({path:?}); self }}\n\n"
    ));
}
