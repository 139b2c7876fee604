//! The schemas of all requests.

use serde_json::{Map, Value};

use super::keywords::{constants, list};

/// The schemas of all requests.
#[derive(Debug)]
pub(crate) struct Schemas {
    pub(super) components: Map<String, Value>,
    /// Whether unknown members are violations.
    pub(super) strict: bool,
}

impl Schemas {
    /// Parses a document of the form `{"components": {"schemas": {"CreateAssistant": {…}}}}`.
    pub(crate) fn parse(document: &str) -> serde_json::Result<Self> {
        let mut document: Value = serde_json::from_str(document)?;
        let components = document.pointer_mut("/components/schemas").map(Value::take);
        match components {
            Some(Value::Object(components)) => Ok(Self {
                components,
                strict: false,
            }),
            _ => Err(serde::de::Error::custom(
                "the document has no object components.schemas",
            )),
        }
    }

    /// Adds the schemas of another document. A name in both documents must have the same meaning.
    pub(crate) fn and(mut self, document: &str) -> serde_json::Result<Self> {
        self.components.extend(Self::parse(document)?.components);
        Ok(self)
    }

    /// Makes unknown members violations, if `strict` is set.
    pub(crate) fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Removes an alternative from a union, if it exists.
    pub(crate) fn without_member(mut self, union: &str, member: &str) -> Self {
        let members = self
            .components
            .get_mut(union)
            .and_then(|schema| schema.get_mut("oneOf"));
        if let Some(Value::Array(members)) = members {
            let end = format!("/{member}");
            let is_it = |one: &Value| {
                one.get("$ref")
                    .and_then(Value::as_str)
                    .is_some_and(|name| name.ends_with(&end))
            };
            members.retain(|one| !is_it(one));
        }
        self
    }

    /// Removes a property from an object, if it exists. Its values are then not checked.
    pub(crate) fn without_property(mut self, object: &str, property: &str) -> Self {
        let properties = self
            .components
            .get_mut(object)
            .and_then(|schema| schema.get_mut("properties"));
        if let Some(Value::Object(properties)) = properties {
            properties.remove(property);
        }
        self
    }

    /// Follows references. One that cannot be resolved allows everything.
    pub(crate) fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        // Chains of references in the generated document are short. The bound ends a cycle.
        for _ in 0..16 {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
                break;
            };
            let name = reference.rsplit('/').next().unwrap_or_default();
            schema = self.components.get(name).unwrap_or(&Value::Null);
        }
        schema
    }

    /// Resolves references in alternatives, and replaces nested unions by their alternatives.
    pub(crate) fn flatten<'a>(&'a self, alternatives: &[&'a Value]) -> Vec<&'a Value> {
        let mut flat = Vec::new();
        for alternative in alternatives {
            let schema = self.resolve(alternative);
            let nested: Vec<&Value> = list(schema, "oneOf").collect();
            if nested.is_empty() {
                flat.push(schema);
            } else {
                flat.extend(self.flatten(&nested));
            }
        }
        flat
    }

    /// Returns the values that the member `tag` of an alternative may have.
    pub(crate) fn tags<'a>(&'a self, tag: &str, schema: &'a Value) -> Vec<&'a Value> {
        let member = schema.get("properties").and_then(|properties| properties.get(tag));
        member.map_or_else(Vec::new, |member| constants(self.resolve(member)).collect())
    }
}
