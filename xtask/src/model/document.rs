//! A document as seen by the model: its schemas, and which of them occur in requests and responses.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::schema::{schema_name, text};

/// Who creates values of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    /// Only the user; required members must be given.
    Request,
    /// Both the user and the server.
    Shared,
    /// Only the server.
    Response,
}

pub(super) struct Reader<'d> {
    pub(super) document: &'d Value,
    pub(super) schemas: &'d Map<String, Value>,
    /// Request bodies.
    pub(super) bodies: BTreeSet<String>,
    /// Request bodies of updates.
    pub(super) updates: BTreeSet<String>,
    sent: BTreeSet<String>,
    received: BTreeSet<String>,
}

impl<'d> Reader<'d> {
    pub(super) fn new(document: &'d Value) -> Result<Self, String> {
        let schemas = document
            .pointer("/components/schemas")
            .and_then(Value::as_object)
            .ok_or("components.schemas is missing")?;
        let mut reader = Self {
            document,
            schemas,
            bodies: BTreeSet::new(),
            updates: BTreeSet::new(),
            sent: BTreeSet::new(),
            received: BTreeSet::new(),
        };
        for (_, _, operation) in paths(document)? {
            let update = text(operation, "operationId").is_some_and(|id| id.ends_with(".update"));
            if let Some(body) = operation.get("requestBody") {
                let mut direct = BTreeSet::new();
                collect_direct(body, &mut direct);
                reader.bodies.extend(direct.iter().cloned());
                if update {
                    reader.updates.extend(direct);
                }
                let mut sent = std::mem::take(&mut reader.sent);
                reader.collect(body, &mut sent)?;
                reader.sent = sent;
            }
            if let Some(answers) = operation.get("responses") {
                let mut received = std::mem::take(&mut reader.received);
                reader.collect(answers, &mut received)?;
                reader.received = received;
            }
        }
        Ok(reader)
    }

    /// Adds the names of all schemas reachable from `node`.
    fn collect(&self, node: &Value, into: &mut BTreeSet<String>) -> Result<(), String> {
        match node {
            Value::Object(members) => {
                if let Some(name) = members.get("$ref").and_then(Value::as_str).and_then(schema_name) {
                    let schema = self
                        .schemas
                        .get(name)
                        .ok_or_else(|| format!("there is no schema `{name}`"))?;
                    if into.insert(name.to_owned()) {
                        self.collect(schema, into)?;
                    }
                }
                members.values().try_for_each(|value| self.collect(value, into))
            }
            Value::Array(items) => items.iter().try_for_each(|value| self.collect(value, into)),
            _ => Ok(()),
        }
    }

    pub(super) fn usage(&self, name: &str) -> Usage {
        match (self.sent.contains(name), self.received.contains(name)) {
            (true, false) => Usage::Request,
            (true, true) => Usage::Shared,
            (false, _) => Usage::Response,
        }
    }
}

/// All operations of the document: path, method, description.
pub(super) fn paths(document: &Value) -> Result<Vec<(&str, &str, &Value)>, String> {
    let paths = document
        .get("paths")
        .and_then(Value::as_object)
        .ok_or("paths is missing")?;
    let mut all = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if operation.get("operationId").is_some() {
                all.push((path.as_str(), method.as_str(), operation));
            }
        }
    }
    Ok(all)
}

/// The schemas that a body refers to directly, without those nested in them.
fn collect_direct(node: &Value, into: &mut BTreeSet<String>) {
    match node {
        Value::Object(members) => {
            into.extend(
                members
                    .get("$ref")
                    .and_then(Value::as_str)
                    .and_then(schema_name)
                    .map(str::to_owned),
            );
            members.values().for_each(|value| collect_direct(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_direct(value, into)),
        _ => {}
    }
}
