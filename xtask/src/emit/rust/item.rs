//! One type: its definition, its wire format, its constructor and setters.

use std::collections::BTreeSet;

use super::proto;
use super::text::doc;
use crate::model::{
    Arm, ChoiceMember, Event, EventPayload, Item, Member, Object, Presence, Shape, Type, UnionMember, Usage,
};

/// Appends the source of one item.
pub(crate) fn write(out: &mut String, item: &Item) {
    match &item.shape {
        Shape::Object(object) => struct_(out, &item.name, &item.doc, object),
        Shape::OpenEnum(arms) => open_enum(out, item, arms),
        Shape::Tagged { tag, strings, members } => tagged(out, item, tag, strings, members),
        Shape::Choice { strings, members } => choice(out, item, strings, members),
        Shape::Events(events) => stream_events(out, item, events),
        Shape::Map(values) => map(out, item, values),
        Shape::Message(message) => proto::message(out, item, message),
        Shape::ProtoEnum(arms) => proto::enum_(out, item, arms),
    }
}

/// The types that an item brings along: the payload of an event that has more than `data`, the enum of a oneof.
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

/// The other types of the protocol that an item's source names.
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

fn has_companion(event: &Event) -> bool {
    matches!(&event.payload, EventPayload::Object { beside, .. } if !beside.is_empty())
}

fn struct_(out: &mut String, name: &str, text: &str, object: &Object) {
    doc(out, "", text);
    // A request body that requires something has no default; `new` takes what it requires.
    let strict = object.body
        && object
            .members
            .iter()
            .any(|member| member.presence == Presence::Required);
    let default = if strict { "" } else { "Default, " };
    out.push_str(&format!(
        "#[derive(Clone, Debug, {default}PartialEq)]\npub struct {name} {{\n"
    ));
    for member in &object.members {
        doc(out, "    ", &member.doc);
        out.push_str(&format!("    pub {}: {},\n", member.field, field_type(member)));
    }
    out.push_str("    /// Members that this crate does not know.\n    pub extra: Extra,\n}\n\n");

    let constants: Vec<String> = object
        .constants
        .iter()
        .map(|(key, value)| format!("{key:?} = {value:?}"))
        .collect();
    let constants = if constants.is_empty() {
        String::new()
    } else {
        format!("const({}) ", constants.join(", "))
    };
    out.push_str(&format!("object!({name} {constants}{{\n"));
    for member in &object.members {
        out.push_str(&format!("    {}: {} {:?},\n", member.field, kind(member), member.key));
    }
    out.push_str("});\n\n");
    if object.usage != Usage::Response {
        builder(out, name, object);
    }
}

/// How the `object!` macro treats the member.
fn kind(member: &Member) -> &'static str {
    match (&member.ty, member.presence) {
        (Type::Time, _) => "time",
        (_, Presence::Required) => "required",
        (_, Presence::Plain) if member.loose => "loose",
        (_, Presence::Optional) if member.loose => "loose_optional",
        (_, Presence::Nullable) if member.loose => "loose_nullable",
        (_, Presence::Plain) => "plain",
        (_, Presence::Optional) => "optional",
        (_, Presence::Nullable) => "nullable",
    }
}

fn field_type(member: &Member) -> String {
    let inner = rust_type(&member.ty);
    match (&member.ty, member.presence) {
        (Type::Time, _) | (_, Presence::Optional) => format!("Option<{inner}>"),
        (_, Presence::Nullable) => format!("Field<{inner}>"),
        (_, Presence::Required | Presence::Plain) => inner,
    }
}

fn rust_type(ty: &Type) -> String {
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

/// A parameter's type and the expression that turns it into the field's.
fn argument(name: &str, ty: &Type, id_of: Option<&str>) -> (String, String) {
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

fn builder(out: &mut String, name: &str, object: &Object) {
    let (required, optional): (Vec<&Member>, Vec<&Member>) = object.members.iter().partition(|member| member.in_new);
    out.push_str(&format!("impl {name} {{\n"));
    if !required.is_empty() {
        let mut parameters = Vec::new();
        let mut fields = String::new();
        for member in &object.members {
            if member.in_new {
                let (ty, value) = argument(&member.field, &member.ty, member.id_of.as_deref());
                parameters.push(format!("{}: {ty}", member.field));
                fields.push_str(&if value == member.field {
                    value
                } else {
                    format!("{}: {value}", member.field)
                });
            } else {
                fields.push_str(&format!("{}: {}::default()", member.field, outer(member)));
            }
            fields.push_str(", ");
        }
        doc(
            out,
            "    ",
            "Takes what the protocol requires; everything else starts out unset.",
        );
        out.push_str(&format!(
            "    #[must_use]\n    pub fn new({}) -> Self {{ Self {{ {fields} extra: Extra::default() }} }}\n\n",
            parameters.join(", ")
        ));
    }
    for member in optional {
        setters(out, object, member);
    }
    out.push_str("}\n\n");
}

fn outer(member: &Member) -> &'static str {
    match (&member.ty, member.presence) {
        (Type::Time, _) | (_, Presence::Optional) => "Option",
        (_, Presence::Nullable) => "Field",
        _ => "Default",
    }
}

fn setters(out: &mut String, object: &Object, member: &Member) {
    let field = &member.field;
    let (ty, value) = argument(field, &member.ty, member.id_of.as_deref());
    let wrapped = match member.presence {
        Presence::Optional => format!("Some({value})"),
        Presence::Nullable => format!("Field::Set({value})"),
        Presence::Required | Presence::Plain => value,
    };
    doc(out, "    ", &format!("Sets `{}`. {}", member.key, member.doc));
    out.push_str(&format!(
        "    #[must_use]\n    pub fn {field}(mut self, {field}: {ty}) -> Self {{ self.{field} = {wrapped}; self }}\n\n"
    ));
    if let (Type::List(item), Some(one)) = (&member.ty, singular(field)) {
        let (ty, value) = argument(&one, item, None);
        let list = match member.presence {
            Presence::Optional => format!("self.{field}.get_or_insert_default()"),
            Presence::Nullable => format!("self.{field}.get_or_set_default()"),
            Presence::Required | Presence::Plain => format!("self.{field}"),
        };
        doc(out, "    ", &format!("Adds one item to `{}`.", member.key));
        out.push_str(&format!(
            "    #[must_use]\n    pub fn {one}(mut self, {one}: {ty}) -> Self {{ {list}.push({value}); self }}\n\n"
        ));
    }
    if object.update && member.presence == Presence::Nullable {
        doc(out, "    ", &format!("Empties `{}` on the server.", member.key));
        out.push_str(&format!(
            "    #[must_use]\n    pub fn clear_{field}(mut self) -> Self {{ self.{field} = Field::Clear; self }}\n\n"
        ));
    }
}

/// `tools` as `tool`, `modalities` as `modality`.
fn singular(field: &str) -> Option<String> {
    match field.strip_suffix("ies") {
        Some(stem) => Some(format!("{stem}y")),
        None => field.strip_suffix('s').map(str::to_owned),
    }
}

fn open_enum(out: &mut String, item: &Item, arms: &[Arm]) {
    doc(out, "", &item.doc);
    out.push_str("#[derive(Clone, Debug, PartialEq, Eq, Hash)]\n#[non_exhaustive]\n");
    out.push_str(&format!("pub enum {} {{\n", item.name));
    for arm in arms {
        doc(out, "    ", &arm.doc);
        out.push_str(&format!("    {},\n", arm.name));
    }
    out.push_str(
        "    /// A value newer than this crate, kept exactly as it was sent.\n    Unknown(UnknownValue),\n}\n\n",
    );
    out.push_str(&format!("open_enum!({} {{\n", item.name));
    for arm in arms {
        out.push_str(&format!("    {} = {:?},\n", arm.name, arm.wire));
    }
    out.push_str("});\n\n");
}

fn tagged(out: &mut String, item: &Item, tag: &str, strings: &[Arm], members: &[UnionMember]) {
    union_head(out, item, strings);
    for member in members {
        doc(out, "    ", &member.doc);
        out.push_str(&format!("    {}({}),\n", member.name, member.payload));
    }
    union_tail(out);
    out.push_str(&format!(
        "tagged!({} by {tag:?} {}{{\n",
        item.name,
        string_table(strings)
    ));
    for member in members {
        let wires: Vec<String> = member.wires.iter().map(|wire| format!("{wire:?}")).collect();
        let kept = if wires.len() > 1 { "kept " } else { "" };
        out.push_str(&format!(
            "    {}({}) = {kept}{},\n",
            member.name,
            member.payload,
            wires.join(" | ")
        ));
    }
    out.push_str("});\n\n");
}

fn choice(out: &mut String, item: &Item, strings: &[Arm], members: &[ChoiceMember]) {
    union_head(out, item, strings);
    for member in members {
        doc(out, "    ", &member.doc);
        out.push_str(&format!("    {}({}),\n", member.name, choice_payload(&member.ty)));
    }
    union_tail(out);
    out.push_str(&format!("choice!({} {}{{\n", item.name, string_table(strings)));
    for member in members {
        out.push_str(&format!(
            "    {} {}({}),\n",
            member.json,
            member.name,
            choice_payload(&member.ty)
        ));
    }
    out.push_str("});\n\n");
}

/// A number in a union stays as it was written: `1` and `1.0` are told apart.
fn choice_payload(ty: &Type) -> String {
    match ty {
        Type::Number => "Number".to_owned(),
        other => rust_type(other),
    }
}

fn union_head(out: &mut String, item: &Item, strings: &[Arm]) {
    doc(out, "", &item.doc);
    out.push_str("#[derive(Clone, Debug, PartialEq)]\n#[non_exhaustive]\n");
    out.push_str(&format!("pub enum {} {{\n", item.name));
    for arm in strings {
        doc(out, "    ", &arm.doc);
        out.push_str(&format!("    {},\n", arm.name));
    }
}

fn union_tail(out: &mut String) {
    out.push_str("    /// A member newer than this crate, as raw JSON.\n    Unknown(Value),\n}\n\n");
}

fn string_table(strings: &[Arm]) -> String {
    let all: Vec<String> = strings
        .iter()
        .map(|arm| format!("{} = {:?}", arm.name, arm.wire))
        .collect();
    if all.is_empty() {
        String::new()
    } else {
        format!("strings({}) ", all.join(", "))
    }
}

fn stream_events(out: &mut String, item: &Item, events: &[Event]) {
    doc(out, "", &item.doc);
    out.push_str("#[derive(Clone, Debug, PartialEq)]\n#[non_exhaustive]\n");
    out.push_str(&format!("pub enum {} {{\n", item.name));
    for event in events {
        doc(out, "    ", &event.doc);
        match event_type(event) {
            Some(ty) => out.push_str(&format!("    {}({ty}),\n", event.name)),
            None => out.push_str(&format!("    {},\n", event.name)),
        }
    }
    out.push_str(
        "    /// An event newer than this crate.\n    Unknown {\n        /// Its name.\n        event: String,\n        \
         /// Its data: the JSON value, or a string when the data was no JSON.\n        data: Value,\n    },\n}\n\n",
    );
    out.push_str(&format!("stream_events!({} {{\n", item.name));
    for event in events {
        match (&event.payload, event_type(event)) {
            (EventPayload::Text(text), _) => {
                out.push_str(&format!("    {} = {:?} with {text:?},\n", event.name, event.wire));
            }
            (EventPayload::Object { beside, .. }, Some(ty)) => {
                let fields: Vec<String> = beside
                    .iter()
                    .map(|one| format!("{} = {:?}", one.field, one.key))
                    .collect();
                let beside = if fields.is_empty() {
                    String::new()
                } else {
                    format!(" beside({})", fields.join(", "))
                };
                out.push_str(&format!("    {}({ty}) = {:?}{beside},\n", event.name, event.wire));
            }
            (_, None) => {}
        }
    }
    out.push_str("});\n\n");
    for event in events {
        if let EventPayload::Object { ty, beside, .. } = &event.payload
            && !beside.is_empty()
        {
            companion(out, event, ty, beside);
        }
    }
}

fn event_type(event: &Event) -> Option<String> {
    match &event.payload {
        EventPayload::Text(_) => None,
        EventPayload::Object { .. } if has_companion(event) => Some(event.name.clone()),
        EventPayload::Object { ty, boxed: true, .. } => Some(format!("Box<{ty}>")),
        EventPayload::Object { ty, .. } => Some(ty.clone()),
    }
}

fn companion(out: &mut String, event: &Event, ty: &str, beside: &[Member]) {
    doc(
        out,
        "",
        &format!(
            "The payload of `{}`: the object, and what stands beside it in the event.",
            event.wire
        ),
    );
    out.push_str(&format!(
        "#[derive(Clone, Debug, Default, PartialEq)]\npub struct {} {{\n",
        event.name
    ));
    out.push_str(&format!("    /// The object itself.\n    pub data: {ty},\n"));
    for member in beside {
        doc(out, "    ", &member.doc);
        out.push_str(&format!("    pub {}: {},\n", member.field, field_type(member)));
    }
    out.push_str("}\n\n");
    out.push_str(&format!("companion!({}({ty}));\n\n", event.name));
}
