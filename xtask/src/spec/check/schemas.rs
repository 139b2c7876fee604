//! Schemas: their keywords, and the names in them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::checker::{At, Checker};
use crate::spec::names::{is_identifier, rust_field};

const SCHEMA: &[&str] = &[
    "$ref",
    "additionalProperties",
    "anyOf",
    "const",
    "default",
    "description",
    "discriminator",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "oneOf",
    "pattern",
    "properties",
    "propertyNames",
    "required",
    "title",
    "type",
    "x-by-hand",
    "x-also",
    "x-always",
    "x-dispensable",
    "x-id-of",
    "x-mask-paths",
    "x-module",
    "x-oneof",
    "x-page-of",
    "x-proto",
];

const ONE_OF_GROUP: &[&str] = &["field", "type", "description", "members", "open"];

const TYPES: &[&str] = &["string", "integer", "number", "boolean", "array", "object", "null"];

const FORMATS: &[&str] = &[
    "unixtime",
    "date",
    "date-time",
    "uri",
    "binary",
    "byte",
    "int32",
    "int64",
    "field-mask",
];

/// Keywords whose value is a count.
const COUNTS: &[&str] = &["maxItems", "maxLength", "maxProperties", "minItems", "minLength"];

impl<'d> Checker<'d> {
    pub(super) fn schema(&mut self, schema: &At<'d>) {
        if schema.value.get("enum").is_some() {
            let remedy = "`enum` is not supported: use `oneOf` with a described `const` for each value";
            self.fault(schema, remedy);
        } else {
            self.only(schema, "a schema", SCHEMA);
        }
        self.reference(schema);
        self.values(schema);
        if let Some(discriminator) = schema.member("discriminator") {
            self.only(&discriminator, "a discriminator", &["propertyName"]);
        }
        self.names(schema);
        for (_, property) in schema.member("properties").iter().flat_map(At::members) {
            self.schema(&property);
        }
        for key in ["items", "propertyNames", "additionalProperties"] {
            if let Some(inner) = schema.member(key).filter(|inner| !inner.value.is_boolean()) {
                self.schema(&inner);
            }
        }
        for key in ["oneOf", "anyOf"] {
            for alternative in schema.member(key).iter().flat_map(At::items) {
                self.schema(&alternative);
            }
        }
    }

    /// The values of individual keywords.
    fn values(&mut self, schema: &At<'d>) {
        let types = match schema.value.get("type") {
            Some(Value::Array(types)) => types.iter().collect(),
            one => Vec::from_iter(one),
        };
        for kind in types {
            if !kind.as_str().is_some_and(|kind| TYPES.contains(&kind)) {
                self.fault(schema, format!("unknown type {kind}"));
            }
        }
        if let Some(format) = schema.text("format")
            && !FORMATS.contains(&format)
        {
            self.fault(schema, format!("no rule for the format `{format}`"));
        }
        for key in COUNTS {
            if let Some(count) = schema.member(key)
                && count.value.as_u64().is_none()
            {
                self.fault(&count, format!("{key} must be a count, not {}", count.value));
            }
        }
        for key in ["minimum", "maximum"] {
            if let Some(limit) = schema.member(key)
                && !limit.value.is_number()
            {
                self.fault(&limit, format!("{key} must be a number, not {}", limit.value));
            }
        }
        for (least, most) in [
            ("minimum", "maximum"),
            ("minItems", "maxItems"),
            ("minLength", "maxLength"),
        ] {
            let number = |key| schema.value.get(key).and_then(Value::as_f64);
            if let (Some(least_value), Some(most_value)) = (number(least), number(most))
                && least_value > most_value
            {
                self.fault(schema, format!("{least} is greater than {most}"));
            }
        }
    }

    /// The names in a schema: those that become fields and variants, and those that refer to properties.
    fn names(&mut self, schema: &At<'d>) {
        let properties = schema.value.get("properties").and_then(Value::as_object);
        self.fields(schema, properties);
        if let Some(required) = schema.member("required") {
            if !required.value.is_array() {
                self.fault(&required, "required must be a list of names");
            }
            for name in required.items() {
                let known = name
                    .value
                    .as_str()
                    .zip(properties)
                    .is_some_and(|(name, all)| all.contains_key(name));
                // An alternative may require properties of the schema around it.
                if properties.is_some() && !known {
                    self.fault(&name, format!("{} is required but is not a property", name.value));
                }
            }
        }
        let mut wires = BTreeSet::new();
        for alternative in schema.member("oneOf").iter().flat_map(At::items) {
            if let Some(wire) = alternative.text("const")
                && !wires.insert(wire)
            {
                self.fault(&alternative, format!("the value `{wire}` is listed twice"));
            }
        }
        for (group, one) in schema.member("x-oneof").iter().flat_map(At::members) {
            self.only(&one, &format!("the group {group}"), ONE_OF_GROUP);
        }
    }

    fn fields(&mut self, schema: &At<'d>, properties: Option<&'d Map<String, Value>>) {
        let mut fields = BTreeMap::new();
        for (key, value) in properties.into_iter().flatten() {
            let property = At {
                pointer: schema.pointer.clone() + "/properties",
                value: self.document,
            }
            .at(key, value);
            let field = rust_field(key);
            if !is_identifier(&field) && schema.value.get("x-by-hand").is_none() {
                self.fault(&property, format!("`{key}` cannot be the name of a Rust field"));
            }
            if let Some(other) = fields.insert(field, key) {
                self.fault(&property, format!("`{key}` and `{other}` become the same Rust field"));
            }
        }
    }
}
