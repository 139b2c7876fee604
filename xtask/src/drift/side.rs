//! The queries that the comparison makes on a document.

use std::collections::BTreeMap;

use serde_json::Value;

use super::schema::{Flat, Object};
use crate::spec;

/// The schema with the events of a run, which no operation of the published definition refers to.
const EVENTS: &str = "#/components/schemas/AssistantStreamEvent";
const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];
const EVENT_STREAM: &str = "text/event-stream";

/// One of the two documents.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) document: &'a Value,
    pub(crate) whose: &'static str,
}

/// An operation, with the parameters of its path.
pub(crate) struct Operation<'a> {
    pub(crate) path: &'a str,
    pub(crate) item: &'a Value,
    pub(crate) body: &'a Value,
}

/// A property that distinguishes the members of a union.
pub(crate) struct Tag {
    pub(crate) property: String,
    /// The index of each member, by its value of the property.
    pub(crate) members: BTreeMap<String, usize>,
}

impl<'a> Side<'a> {
    /// The operations by path and method. Names in braces are removed; they are compared as parameters.
    pub(crate) fn operations(self) -> BTreeMap<(String, &'static str), Operation<'a>> {
        let mut operations = BTreeMap::new();
        let paths = self.document.get("paths").and_then(Value::as_object);
        for (path, item) in paths.into_iter().flatten() {
            for method in METHODS {
                if let Some(body) = item.get(method) {
                    operations.insert((without_names(path), *method), Operation { path, item, body });
                }
            }
        }
        operations
    }

    /// The parameters by location and name; those of the operation override those of the path.
    pub(crate) fn parameters(
        self,
        operation: &Operation<'a>,
    ) -> Result<BTreeMap<(&'a str, &'a str), &'a Value>, String> {
        let mut parameters = BTreeMap::new();
        for owner in [operation.item, operation.body] {
            for parameter in owner.get("parameters").and_then(Value::as_array).into_iter().flatten() {
                let parameter = self.follow(parameter)?;
                parameters.insert((text(parameter, "in"), text(parameter, "name")), parameter);
            }
        }
        Ok(parameters)
    }

    /// The schemas of a body, by media type.
    pub(crate) fn contents(self, body: &Value) -> Result<BTreeMap<&str, &Value>, String> {
        let mut contents = BTreeMap::new();
        for (media, content) in body.get("content").and_then(Value::as_object).into_iter().flatten() {
            let schema = member(content, "schema");
            if media != EVENT_STREAM || self.event_names(schema)?.is_none() {
                contents.insert(media.as_str(), schema);
            }
        }
        Ok(contents)
    }

    /// All named events that an operation streams, or that the document defines without an operation.
    pub(crate) fn events(self) -> Result<BTreeMap<String, Object>, String> {
        let mut events = BTreeMap::new();
        let mut streams: Vec<&Value> = spec::resolve(self.document, EVENTS).into_iter().collect();
        for operation in self.operations().values() {
            for response in member(operation.body, "responses")
                .as_object()
                .into_iter()
                .flat_map(|all| all.values())
            {
                let content = member(self.follow(response)?, "content");
                streams.extend(content.get(EVENT_STREAM).map(|stream| member(stream, "schema")));
            }
        }
        for stream in streams {
            if let Some(named) = self.event_names(stream)? {
                events.extend(named);
            }
        }
        Ok(events)
    }

    /// The members of a union of named events; `None` if it is a different union.
    fn event_names(self, schema: &Value) -> Result<Option<Vec<(String, Object)>>, String> {
        let mut named = Vec::new();
        for object in self.flat(schema)?.objects {
            let Some(event) = object.properties.get("event") else {
                return Ok(None);
            };
            let Some(name) = self.flat(event)?.constant().map(str::to_owned) else {
                return Ok(None);
            };
            named.push((name, object));
        }
        Ok(if named.is_empty() { None } else { Some(named) })
    }

    /// All properties that distinguish the members of a union.
    pub(crate) fn tags(self, members: &[Object]) -> Result<Vec<Tag>, String> {
        let mut tags = Vec::new();
        for name in members.first().into_iter().flat_map(|first| first.properties.keys()) {
            let mut tag = Tag {
                property: name.clone(),
                members: BTreeMap::new(),
            };
            for (number, object) in members.iter().enumerate() {
                let property = object
                    .properties
                    .get(name)
                    .map(|property| self.flat(property))
                    .transpose()?;
                if let Some(value) = property.as_ref().and_then(Flat::constant) {
                    tag.members.insert(value.to_owned(), number);
                }
            }
            if tag.members.len() == members.len() {
                tags.push(tag);
            }
        }
        Ok(tags)
    }

    pub(crate) fn flat(self, schema: &Value) -> Result<Flat, String> {
        Flat::of(self.document, schema).map_err(|error| format!("{}: {error}", self.whose))
    }

    /// The value itself, or the target of its `$ref`.
    pub(crate) fn follow<'b>(self, value: &'b Value) -> Result<&'b Value, String>
    where
        'a: 'b,
    {
        match value.get("$ref").and_then(Value::as_str) {
            None => Ok(value),
            Some(reference) => spec::resolve(self.document, reference)
                .ok_or_else(|| format!("{}: {reference} does not exist", self.whose)),
        }
    }
}

/// The path, with nothing between its braces.
fn without_names(path: &str) -> String {
    let segment = |segment: &str| {
        if segment.starts_with('{') {
            "{}".to_owned()
        } else {
            segment.to_owned()
        }
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

pub(crate) fn member<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    member(value, name).as_str().unwrap_or_default()
}

pub(crate) fn is_true(value: &Value, name: &str) -> bool {
    member(value, name) == &Value::Bool(true)
}
