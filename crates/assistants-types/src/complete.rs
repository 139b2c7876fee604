//! Members that servers always write, even if an object has no value for them.

use serde::Serialize;
use serde_json::Value;

/// Serialization of an object as a server writes it.
///
/// An object built in Rust serializes without the members that have no value. This is equivalent, but clients written
/// in statically typed languages rely on some of these members, which servers write as `null`.
///
/// ```
/// use assistants_types::Complete;
/// use assistants_types::openai::Thread;
///
/// let thread = Thread { id: "thread_1".into(), ..Thread::default() };
/// assert!(!serde_json::to_string(&thread)?.contains("tool_resources"));
/// assert!(thread.to_complete_json()?.contains(r#""tool_resources":null"#));
/// # Ok::<(), serde_json::Error>(())
/// ```
pub trait Complete: Serialize {
    /// The members that are always written. A path consists of member names, and of `*` for all items of a list:
    /// `step_details/tool_calls/*/function/output`.
    const ALWAYS: &'static [&'static str];

    /// Serializes the object, with `null` for each of these members that has no value.
    ///
    /// # Errors
    ///
    /// None in practice: every object serializes to JSON.
    fn to_complete_json(&self) -> serde_json::Result<String> {
        if Self::ALWAYS.is_empty() {
            return serde_json::to_string(self);
        }
        let mut value = serde_json::to_value(self)?;
        for path in Self::ALWAYS {
            complete(&mut value, path);
        }
        Ok(value.to_string())
    }
}

fn complete(value: &mut Value, path: &str) {
    match (path.split_once('/'), value) {
        (Some(("*", rest)), Value::Array(items)) => items.iter_mut().for_each(|item| complete(item, rest)),
        (Some((name, rest)), Value::Object(members)) => {
            if let Some(member) = members.get_mut(name) {
                complete(member, rest);
            }
        }
        (None, Value::Object(members)) => {
            members.entry(path).or_insert(Value::Null);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_contains_members_and_lists() {
        let mut value = json!({"a": {"b": [{"c": 1}, {"d": 2}, 3]}, "e": []});
        for path in ["x", "a/y", "a/b/*/c", "e/*/z", "none/z", "a/b/c/z"] {
            complete(&mut value, path);
        }
        assert_eq!(
            value,
            json!({"a": {"b": [{"c": 1}, {"d": 2, "c": null}, 3], "y": null}, "e": [], "x": null})
        );
    }
}
