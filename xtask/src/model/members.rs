//! Schemas with properties, and the members generated from them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::{Reader, Usage};
use super::items::{Member, Object, Presence, Type};
use super::operations::CALL_OPTIONS;
use super::schema::{limits, schema_name, text, without_null};
use crate::spec::rust_field;

impl Reader<'_> {
    pub(super) fn object(&self, name: &str, schema: &Value) -> Result<Object, String> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let required: BTreeSet<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let usage = self.usage(name);
        let resource = properties.is_some_and(|all| all.get("object").is_some_and(|one| one.get("const").is_some()));
        let mut object = Object {
            usage,
            body: self.bodies.contains(name),
            update: self.updates.contains(name),
            constants: Vec::new(),
            always: Vec::new(),
            members: Vec::new(),
        };
        for (key, property) in properties.into_iter().flatten() {
            if let Some(value) = text(property, "const") {
                object.constants.push((key.clone(), value.to_owned()));
                continue;
            }
            if text(property, "format") == Some("binary") {
                continue; // The contents of an upload are a separate part of the form, not a member of this type.
            }
            // Arguments of `new` have no setter that could shadow a call option.
            let has_setter = !required.contains(key.as_str()) || without_null(property).1;
            if self.bodies.contains(name) && has_setter && CALL_OPTIONS.contains(&key.as_str()) {
                return Err(format!("the parameter `{key}` collides with a call option"));
            }
            if usage != Usage::Request {
                self.always(
                    key,
                    property,
                    required.contains(key.as_str()),
                    &[name],
                    &mut object.always,
                );
            }
            let context = Context {
                lenient: usage != Usage::Request,
                required: required.contains(key.as_str()),
                id: resource && key == "id" && property.get("x-dispensable").is_none(),
            };
            object.members.push(
                self.member(key, property, &context)
                    .map_err(|error| format!("{key}: {error}"))?,
            );
        }
        Ok(object)
    }

    pub(super) fn member(&self, key: &str, property: &Value, context: &Context) -> Result<Member, String> {
        let (core, nullable) = without_null(property);
        let ty = self.ty(core)?;
        let presence = match (context.lenient, context.required, nullable) {
            (true, true, _) if context.id => Presence::Required,
            (true, true, false) if ty != Type::Time => Presence::Plain,
            (true, ..) => Presence::Optional,
            (false, true, false) => Presence::Required,
            (false, _, true) => Presence::Nullable,
            (false, false, false) => Presence::Optional,
        };
        let mut doc = text(property, "description")
            .ok_or("description is missing")?
            .to_owned();
        for sentence in limits(core) {
            let known = sentence
                .split(' ')
                .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
            if known.clone().next().is_none() || !known.clone().all(|word| doc.contains(word.trim_end_matches('.'))) {
                doc.push(' ');
                doc.push_str(&sentence);
            }
        }
        Ok(Member {
            key: key.to_owned(),
            field: rust_field(key),
            doc,
            in_new: context.required && !nullable,
            loose: ty.is_loose() || property.get("x-also").is_some(),
            ty,
            presence,
            id_of: text(property, "x-id-of").map(str::to_owned),
        })
    }

    /// Adds the paths below this member that are written even without a value: required members that may be null, and
    /// marked ones.
    fn always(&self, path: &str, schema: &Value, required: bool, around: &[&str], into: &mut Vec<String>) {
        let (core, nullable) = without_null(schema);
        if nullable && (required || schema.get("x-always") == Some(&Value::Bool(true))) {
            into.push(path.to_owned());
        }
        if let Some(name) = text(core, "$ref").and_then(schema_name)
            && let Some(target) = self.schemas.get(name)
            && !around.contains(&name)
        {
            let around: Vec<&str> = around.iter().copied().chain([name]).collect();
            return self.always(path, target, false, &around, into);
        }
        if let Some(items) = core.get("items") {
            self.always(&format!("{path}/*"), items, false, around, into);
        }
        for alternative in core.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
            self.always(path, alternative, false, around, into);
        }
        let required = core.get("required").and_then(Value::as_array);
        for (key, property) in core.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let required = required.is_some_and(|all| all.iter().any(|one| one == key));
            self.always(&format!("{path}/{key}"), property, required, around, into);
        }
    }

    pub(super) fn ty(&self, schema: &Value) -> Result<Type, String> {
        if let Some(reference) = text(schema, "$ref") {
            let name = schema_name(reference).ok_or_else(|| format!("{reference} is not a schema"))?;
            if !self.schemas.contains_key(name) {
                return Err(format!("there is no schema `{name}`"));
            }
            return Ok(match name {
                "Metadata" => Type::Metadata,
                "Attributes" => Type::Attributes,
                _ => Type::Named(name.to_owned()),
            });
        }
        let kind = match schema.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(Value::Array(kinds)) => kinds
                .iter()
                .filter_map(Value::as_str)
                .find(|kind| *kind != "null")
                .unwrap_or(""),
            _ => return Err("type is missing".to_owned()),
        };
        Ok(match kind {
            "string" => Type::Text,
            "integer" if text(schema, "format") == Some("unixtime") => Type::Time,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "boolean" => Type::Flag,
            "array" => Type::List(Box::new(self.ty(schema.get("items").ok_or("items is missing")?)?)),
            "object" if schema.get("properties").is_none() => Type::Json,
            other => return Err(format!("a property of type `{other}` must be a $ref")),
        })
    }
}

/// The properties of a member's place that determine its Rust form.
pub(super) struct Context {
    /// The type is also read from servers, which omit members.
    pub(super) lenient: bool,
    pub(super) required: bool,
    /// The identifier of a resource.
    pub(super) id: bool,
}
