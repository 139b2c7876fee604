//! Enums: open ones, and unions of objects or of any JSON.

use super::text::doc;
use super::types::rust_type;
use crate::model::{Arm, ChoiceMember, Item, Type, UnionMember};

pub(super) fn open_enum(out: &mut String, item: &Item, arms: &[Arm]) {
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
    out.push_str(&format!("open_enum!({} {{\n", item.name));
    for arm in arms {
        out.push_str(&format!("    {} = {:?},\n", arm.name, arm.wire));
    }
    out.push_str("});\n\n");
}

pub(super) fn tagged(out: &mut String, item: &Item, tag: &str, strings: &[Arm], members: &[UnionMember]) {
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

pub(super) fn choice(out: &mut String, item: &Item, strings: &[Arm], members: &[ChoiceMember]) {
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

/// A number in a union, or in a list there, is kept as it was written, because `1` and `1.0` differ in JSON.
fn choice_payload(ty: &Type) -> String {
    match ty {
        Type::Number | Type::Integer => "Number".to_owned(),
        Type::List(item) => format!("Vec<{}>", choice_payload(item)),
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
    out.push_str(
        "    /// An unknown member, such as one newer than this crate, as raw JSON.\n    Unknown(Value),\n}\n\n",
    );
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
