//! Removes members whose null is equivalent to their absence.

use serde_json::Value;

use super::keywords::{allows_type, constants, list, member_schema, tag_of};
use super::schemas::Schemas;

impl Schemas {
    /// Removes members that are null, if the schema with this name neither allows null for them nor requires them. Such
    /// a null is equivalent to the absence of the member.
    ///
    /// The remaining nulls either have a meaning of their own, as in an update, or are violations that the check
    /// reports.
    pub(crate) fn drop_nulls(&self, name: &str, body: &mut Value) {
        if let Some(schema) = self.components.get(name) {
            self.drop_nulls_in(schema, body);
        }
    }

    fn drop_nulls_in(&self, schema: &Value, value: &mut Value) {
        let Some(schema) = self.alternative(schema, value) else {
            return;
        };
        match value {
            Value::Object(members) => {
                members.retain(|name, value| !value.is_null() || self.keeps_null(schema, name));
                for (name, value) in members {
                    if let Some(member) = member_schema(schema, name) {
                        self.drop_nulls_in(member, value);
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = schema.get("items") {
                    for item in items {
                        self.drop_nulls_in(schema, item);
                    }
                }
            }
            _ => {}
        }
    }

    /// Returns whether a null for this member differs from its absence.
    fn keeps_null(&self, object: &Value, name: &str) -> bool {
        let required = list(object, "required").any(|required| required == name);
        let schema = object.get("properties").and_then(|properties| properties.get(name));
        required || schema.is_none_or(|schema| self.allows_null(schema))
    }

    fn allows_null(&self, schema: &Value) -> bool {
        let schema = self.resolve(schema);
        let mut alternatives = list(schema, "oneOf").peekable();
        if alternatives.peek().is_some() {
            return alternatives.any(|one| self.allows_null(one));
        }
        let mut constants = constants(schema).peekable();
        allows_type(schema, &Value::Null) && (constants.peek().is_none() || constants.any(Value::is_null))
    }

    /// Returns the alternative of a schema that a value is meant for. `None` if it matches none.
    fn alternative<'a>(&'a self, schema: &'a Value, value: &Value) -> Option<&'a Value> {
        let schema = self.resolve(schema);
        let alternatives: Vec<&Value> = list(schema, "oneOf").collect();
        if alternatives.is_empty() {
            return allows_type(schema, value).then_some(schema);
        }
        let alternatives = self.flatten(&alternatives);
        let mut fitting = alternatives.into_iter().filter(|one| allows_type(one, value));
        let tag = tag_of(schema);
        match value.get(tag) {
            Some(given) => fitting.find(|one| {
                let tags = self.tags(tag, one);
                tags.is_empty() || tags.contains(&given)
            }),
            None => fitting.next(),
        }
    }
}
