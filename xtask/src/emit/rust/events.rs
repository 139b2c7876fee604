//! The events of a stream.

use std::collections::BTreeMap;

use super::text::doc;
use super::types::field_type;
use crate::model::{Event, EventPayload, Item, Member, snake};

pub(super) fn stream_events(out: &mut String, item: &Item, events: &[Event]) {
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
        "    /// An unknown event, such as one newer than this crate.\n    Unknown {\n        /// Name of the event.\n        event: String,\n        \
         /// Data of the event: the JSON value, or a string if the data is not JSON.\n        data: Value,\n    },\n}\n\n",
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
    payloads(out, item, events);
    for event in events {
        if let EventPayload::Object { ty, beside, .. } = &event.payload
            && !beside.is_empty()
        {
            companion(out, event, ty, beside);
        }
    }
}

/// A method for each type of payload, which returns it without a `match`.
fn payloads(out: &mut String, item: &Item, events: &[Event]) {
    let mut by_type: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in events {
        if let EventPayload::Object { ty, .. } = &event.payload {
            by_type.entry(ty).or_default().push(event);
        }
    }
    out.push_str(&format!("impl {} {{\n", item.name));
    for (ty, events) in by_type {
        let words = snake(ty);
        let words = words.trim_start_matches('_');
        let method = words.strip_suffix("_object").unwrap_or(words);
        let about = match events[..] {
            [event] => format!("The payload of `{}`; `None` for other events.", event.wire),
            _ => format!(
                "The {} of the event; `None` for events about something else.",
                method.replace('_', " ")
            ),
        };
        doc(out, "    ", &about);
        let patterns: Vec<String> = events
            .iter()
            .map(|event| format!("Self::{}(payload)", event.name))
            .collect();
        out.push_str(&format!(
            "    #[must_use]\n    pub fn {method}(&self) -> Option<&{ty}> {{ match self {{ {} => Some(payload), _ => None }} }}\n\n",
            patterns.join(" | ")
        ));
    }
    out.push_str("}\n\n");
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
            "The payload of `{}`: the object and the other members of the event.",
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

pub(super) fn has_companion(event: &Event) -> bool {
    matches!(&event.payload, EventPayload::Object { beside, .. } if !beside.is_empty())
}
