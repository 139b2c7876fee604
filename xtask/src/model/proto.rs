//! Messages, enums and oneofs of a document with the JSON mapping of protocol buffers.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::document::{Reader, Usage, paths};
use super::items::{Arm, Item, Shape};
use super::operations::CALL_OPTIONS;
use super::proto_items::{Field, Group, Kind, Message, Nested, Type};
use super::schema::{pascal, schema_name, text};
use crate::spec::rust_field;

impl Reader<'_> {
    pub(super) fn proto_item(&self, name: &str, schema: &Value) -> Result<Item, String> {
        let doc = text(schema, "description").ok_or("description is missing")?.to_owned();
        let shape = match schema.get("oneOf").and_then(Value::as_array) {
            Some(values) => Shape::ProtoEnum(values.iter().map(arm).collect::<Result<_, _>>()?),
            None => Shape::Message(self.message(name, schema)?),
        };
        Ok(Item {
            name: name.to_owned(),
            doc,
            shape,
        })
    }

    fn message(&self, name: &str, schema: &Value) -> Result<Message, String> {
        let usage = self.usage(name);
        let full_name = match schema.get("x-proto") {
            Some(Value::String(one)) => one.clone(),
            Some(Value::Array(all)) => all
                .first()
                .and_then(Value::as_str)
                .ok_or("x-proto is empty")?
                .to_owned(),
            _ => return Err("x-proto is missing".to_owned()),
        };
        let required = |key: &str| {
            let list = schema.get("required").and_then(Value::as_array);
            list.is_some_and(|all| all.iter().any(|one| one == key))
        };
        let mut message = Message {
            full_name,
            usage,
            body: self.bodies.contains(name),
            update: self.updates.contains(name),
            fields: self.path_fields(name)?,
            groups: Vec::new(),
            nested: Vec::new(),
        };
        let properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .ok_or("properties is missing")?;
        message.groups = self.groups(name, schema, properties, usage)?;
        let members = message.groups.iter().flat_map(|group| &group.members);
        let grouped: BTreeSet<String> = members.map(|member| member.json.clone()).collect();
        for (key, property) in properties.iter().filter(|(key, _)| !grouped.contains(*key)) {
            let mut field = self
                .proto_field(key, property, usage, required(key))
                .map_err(|error| format!("{key}: {error}"))?;
            if message.body && CALL_OPTIONS.contains(&field.name.as_str()) {
                return Err(format!("the parameter `{key}` collides with a call option"));
            }
            if message.update && key == "updateMask" {
                // Setters fill in the mask; an empty mask means all fields.
                (field.kind, field.in_new) = (Kind::Field, false);
            }
            message.fields.push(field);
        }
        for path in schema
            .get("x-mask-paths")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            message.nested.push(
                self.nested(&message, path)
                    .map_err(|error| format!("{path}: {error}"))?,
            );
        }
        Ok(message)
    }

    /// The oneofs of a message.
    fn groups(
        &self,
        name: &str,
        schema: &Value,
        properties: &Map<String, Value>,
        usage: Usage,
    ) -> Result<Vec<Group>, String> {
        let mut groups = Vec::new();
        for (group, one) in schema.get("x-oneof").and_then(Value::as_object).into_iter().flatten() {
            let hint = |key: &str| text(one, key).ok_or_else(|| format!("x-oneof {group}: {key} is missing"));
            let keys: Vec<&str> = one
                .get("members")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let mut members = Vec::new();
            for key in &keys {
                let property = properties
                    .get(*key)
                    .ok_or_else(|| format!("x-oneof {group}: no property `{key}`"))?;
                members.push(self.proto_field(key, property, usage, false)?);
            }
            let (field, ty) = (hint("field")?.to_owned(), hint("type")?.to_owned());
            let alone = keys.len() == properties.len();
            groups.push(Group {
                defines: ty.starts_with(name) || !self.defined_elsewhere(name, &ty),
                name: field,
                ty,
                doc: hint("description")?.to_owned(),
                open: alone || one.get("open") == Some(&Value::Bool(true)),
                members,
            });
        }
        Ok(groups)
    }

    /// Whether another message defines the enum of the oneof.
    fn defined_elsewhere(&self, name: &str, ty: &str) -> bool {
        self.schemas.iter().any(|(other, schema)| {
            let groups = schema.get("x-oneof").and_then(Value::as_object);
            other != name && groups.is_some_and(|groups| groups.values().any(|group| text(group, "type") == Some(ty)))
        })
    }

    /// The path parameters of the operation that has this body.
    fn path_fields(&self, name: &str) -> Result<Vec<Field>, String> {
        let mut fields = Vec::new();
        for (_, _, operation) in paths(self.document)? {
            let body = operation
                .pointer("/requestBody/content/application~1json/schema/$ref")
                .and_then(Value::as_str);
            if body.and_then(schema_name) != Some(name) {
                continue;
            }
            for parameter in operation
                .get("parameters")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                if text(parameter, "in") == Some("path") {
                    let key = text(parameter, "name").ok_or("a parameter has no name")?;
                    fields.push(Field {
                        kind: Kind::Path,
                        in_new: true,
                        ..self.proto_field(key, parameter, Usage::Request, true)?
                    });
                }
            }
        }
        Ok(fields)
    }

    fn nested(&self, message: &Message, path: &str) -> Result<Nested, String> {
        let (outer, inner) = path.split_once('.').ok_or("is not nested")?;
        let outer = message
            .fields
            .iter()
            .find(|field| field.json == outer)
            .ok_or("no such field")?;
        let Type::Message(target) = &outer.ty else {
            return Err("is not inside a message".to_owned());
        };
        let property = self
            .schemas
            .get(target)
            .and_then(|schema| schema.pointer(&format!("/properties/{inner}")))
            .ok_or("no such field")?;
        Ok(Nested {
            outer: outer.name.clone(),
            path: path.to_owned(),
            field: self.proto_field(inner, property, Usage::Shared, false)?,
        })
    }

    fn proto_field(&self, json: &str, property: &Value, usage: Usage, required: bool) -> Result<Field, String> {
        // The type of a parameter is in a schema of its own.
        let ty = self.proto_type(property.get("schema").unwrap_or(property))?;
        let proto = snake(json);
        Ok(Field {
            name: rust_field(&proto),
            json: json.to_owned(),
            doc: text(property, "description")
                .ok_or("description is missing")?
                .to_owned(),
            kind: match ty {
                Type::Time => Kind::Time,
                // Responses require only their identifier; types used in both directions are read leniently.
                _ if required && (usage == Usage::Request || json == "id") => Kind::Needed,
                _ => Kind::Field,
            },
            in_new: required && json != "id",
            id_of: text(property, "x-id-of").map(str::to_owned),
            proto,
            ty,
        })
    }

    fn proto_type(&self, schema: &Value) -> Result<Type, String> {
        if let Some(reference) = text(schema, "$ref") {
            let name = schema_name(reference).ok_or_else(|| format!("{reference} is not a schema"))?;
            let target = self
                .schemas
                .get(name)
                .ok_or_else(|| format!("there is no schema `{name}`"))?;
            return Ok(match name {
                "Labels" => Type::Labels,
                "Struct" => Type::Struct,
                "Any" => Type::Any,
                _ if target.get("oneOf").is_some() => Type::Enum(name.to_owned()),
                _ => Type::Message(name.to_owned()),
            });
        }
        let (kind, nullable) = match schema.get("type") {
            Some(Value::String(kind)) => (kind.as_str(), false),
            Some(Value::Array(kinds)) => match kinds.as_slice() {
                [Value::String(kind), null] if null == "null" => (kind.as_str(), true),
                _ => return Err("a wrapper must have one type and null".to_owned()),
            },
            _ => return Err("type is missing".to_owned()),
        };
        let ty = match (kind, text(schema, "format")) {
            ("string", None) => Type::Text,
            ("string", Some("int64")) => Type::Integer64,
            ("string", Some("date-time")) => Type::Time,
            ("string", Some("byte")) => Type::Bytes,
            ("string", Some("field-mask")) => Type::Mask,
            ("integer", Some("int32")) => Type::Integer32,
            ("number", None) => Type::Number,
            ("boolean", None) => Type::Flag,
            ("array", None) => Type::List(Box::new(
                self.proto_type(schema.get("items").ok_or("items is missing")?)?,
            )),
            (kind, format) => return Err(format!("no rule for {kind} with format {format:?}")),
        };
        Ok(if nullable { Type::Wrapper(Box::new(ty)) } else { ty })
    }
}

fn arm(schema: &Value) -> Result<Arm, String> {
    let wire = text(schema, "const").ok_or("a value must be a string")?.to_owned();
    let doc = text(schema, "description")
        .ok_or_else(|| format!("{wire}: description is missing"))?
        .to_owned();
    let name = text(schema, "title").map_or_else(|| pascal(&wire.to_lowercase()), str::to_owned);
    Ok(Arm { name, wire, doc })
}

/// Converts `ttlDays` to `ttl_days`, as the mapping of protocol buffers does in reverse.
pub(crate) fn snake(json: &str) -> String {
    let mut out = String::new();
    for c in json.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
