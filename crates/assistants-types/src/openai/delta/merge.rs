//! Merging of values that are not addressed by index: text, unknown members, raw JSON.

use serde_json::Value;

use crate::Extra;
use crate::object::Object;

pub(super) fn replace<T: Clone>(slot: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        slot.clone_from(value);
    }
}

/// Merges the unknown members, like raw JSON.
pub(super) fn grow_extra<T: Object>(object: &mut T, delta: &Extra) {
    for_each_unknown(object, delta, |into, key, value| match into.get_mut(key) {
        Some(there) if !is_label(key) => merge(there, value),
        _ => {
            into.insert(key.to_owned(), value.clone());
        }
    });
}

/// Copies unknown members of the object around a delta. They describe the event, so they are replaced rather than
/// merged.
pub(super) fn keep_latest<T: Object>(object: &mut T, delta: &Extra) {
    for_each_unknown(object, delta, |into, key, value| {
        into.insert(key.to_owned(), value.clone());
    });
}

/// Calls a function with each member of a delta that is unknown to the object as well.
fn for_each_unknown<T: Object>(object: &mut T, delta: &Extra, mut take: impl FnMut(&mut Extra, &str, &Value)) {
    if delta.is_bare() {
        return;
    }
    let into = object.extra_mut();
    for (key, value) in delta.members() {
        if !T::KEYS.contains(&key.as_str()) {
            take(into, key, value);
        }
    }
}

/// Whether a text member identifies or describes the object, and is therefore sent as a whole.
fn is_label(key: &str) -> bool {
    matches!(key, "type" | "index" | "id" | "format")
}

/// Merges raw JSON: text is appended, objects are merged by member, list items by their `index`, and everything else is
/// replaced.
pub(crate) fn merge(into: &mut Value, delta: &Value) {
    match (into, delta) {
        (Value::Object(into), Value::Object(delta)) => {
            for (key, value) in delta {
                match into.get_mut(key) {
                    Some(slot) if !is_label(key) => merge(slot, value),
                    _ => {
                        into.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::String(into), Value::String(delta)) => into.push_str(delta),
        (Value::Array(into), Value::Array(delta)) => {
            for item in delta {
                let index = item.get("index").and_then(Value::as_u64);
                match into
                    .iter_mut()
                    .find(|one| index.is_some() && one.get("index").and_then(Value::as_u64) == index)
                {
                    Some(slot) => merge(slot, item),
                    None => into.push(item.clone()),
                }
            }
        }
        (_, Value::Null) => {}
        (slot, value) => *slot = value.clone(),
    }
}
