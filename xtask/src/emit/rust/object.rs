//! Structs: their definition, their constructor and setters.

use super::text::{doc, setter_doc};
use super::types::{argument, field_type};
use crate::model::{Member, Object, Presence, Type, Usage};

pub(super) fn struct_(out: &mut String, name: &str, text: &str, object: &Object) {
    doc(out, "", text);
    // A request body with required members has no default; `new` takes these members.
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
    out.push_str("    /// Unknown members, kept as they were sent.\n    pub extra: Extra,\n}\n\n");

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
    let always: Vec<String> = object.always.iter().map(|path| format!("{path:?}")).collect();
    let always = if always.is_empty() {
        String::new()
    } else {
        format!("always({}) ", always.join(", "))
    };
    out.push_str(&format!("object!({name} {constants}{always}{{\n"));
    for member in &object.members {
        out.push_str(&format!("    {}: {} {:?},\n", member.field, kind(member), member.key));
    }
    out.push_str("});\n\n");
    if object.usage != Usage::Response {
        builder(out, name, object);
    }
}

/// The kind of the member in the `object!` macro.
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
            "Creates the object from its required members; all others are unset.",
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
    doc(out, "    ", &setter_doc(&member.key, &member.doc));
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
        doc(out, "    ", &format!("Clears `{}` on the server.", member.key));
        out.push_str(&format!(
            "    #[must_use]\n    pub fn clear_{field}(mut self) -> Self {{ self.{field} = Field::Clear; self }}\n\n"
        ));
    }
}

/// Converts `tools` to `tool`, `modalities` to `modality`.
fn singular(field: &str) -> Option<String> {
    match field.strip_suffix("ies") {
        Some(stem) => Some(format!("{stem}y")),
        None => field.strip_suffix('s').map(str::to_owned),
    }
}
