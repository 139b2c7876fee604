//! The schemas of all requests.

use serde_json::{Map, Value};

use super::keywords::{constants, list};

/// The schemas of all requests.
#[derive(Debug)]
pub(crate) struct Schemas {
    pub(super) components: Map<String, Value>,
    /// Whether members that no schema knows are violations.
    pub(super) strict: bool,
}

impl Schemas {
    /// Reads a document of the form `{"components": {"schemas": {"CreateAssistant": {…}}}}`.
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

    /// Adds the schemas of a further document. A name that both have means the same in both.
    pub(crate) fn and(mut self, document: &str) -> serde_json::Result<Self> {
        self.components.extend(Self::parse(document)?.components);
        Ok(self)
    }

    /// Makes members that no schema knows violations, if `strict`.
    pub(crate) fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Takes a member out of a union, if it is there.
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

    /// Takes a property out of an object, if it is there: whatever it holds is let through.
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

    /// Follows references; one that leads nowhere allows everything.
    pub(crate) fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        // A chain of references in the generated document is short; the bound keeps a circle from hanging.
        for _ in 0..16 {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
                break;
            };
            let name = reference.rsplit('/').next().unwrap_or_default();
            schema = self.components.get(name).unwrap_or(&Value::Null);
        }
        schema
    }

    /// The alternatives with references followed and nested alternatives taken apart.
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

    /// The values that an alternative's member `tag` may have.
    pub(crate) fn tags<'a>(&'a self, tag: &str, schema: &'a Value) -> Vec<&'a Value> {
        let member = schema.get("properties").and_then(|properties| properties.get(tag));
        member.map_or_else(Vec::new, |member| constants(self.resolve(member)).collect())
    }
}
