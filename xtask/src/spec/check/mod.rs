//! Refuses a document that says more than the generator reads.
//!
//! The generator looks members up by name, so a misspelt one would be ignored without a word and its limit would never
//! reach the server. Here every member of a document has to be one that is known where it occurs; names that become
//! Rust items have to be able to, and parts that refer to each other have to agree.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::lines::{Lines, push};

const METHODS: &[&str] = &["get", "post", "put", "patch", "delete"];

const DOCUMENT: &[&str] = &[
    "openapi",
    "info",
    "servers",
    "security",
    "tags",
    "paths",
    "components",
    "x-describes",
    "x-provider",
    "x-encoding",
    "x-grpc-only",
];

const COMPONENTS: &[&str] = &["securitySchemes", "parameters", "responses", "schemas"];

const OPERATION: &[&str] = &[
    "operationId",
    "tags",
    "summary",
    "description",
    "parameters",
    "requestBody",
    "responses",
    "x-constant",
    "x-rpc",
    "x-stream",
];

const PARAMETER: &[&str] = &["name", "in", "required", "description", "schema", "x-id-of"];

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

/// Reports everything about the document that the generator would ignore, each fault as `path:line: what is wrong`.
pub(crate) fn check(document: &Value, text: &str, path: &str) -> Result<(), String> {
    let mut checker = Checker {
        document,
        faults: Vec::new(),
    };
    checker.document();
    if checker.faults.is_empty() {
        return Ok(());
    }
    let lines = Lines::of(text);
    let mut faults: Vec<(u64, String)> = checker
        .faults
        .into_iter()
        .map(|(pointer, fault)| (lines.line(&pointer), fault))
        .collect();
    faults.sort();
    let faults: Vec<String> = faults
        .into_iter()
        .map(|(line, fault)| format!("{path}:{line}: {fault}"))
        .collect();
    Err(faults.join("\n"))
}

struct Checker<'d> {
    document: &'d Value,
    /// What is wrong, by JSON pointer.
    faults: Vec<(String, String)>,
}

/// A value and where it is in the document.
#[derive(Clone)]
struct At<'d> {
    pointer: String,
    value: &'d Value,
}

impl<'d> At<'d> {
    fn member(&self, key: &str) -> Option<Self> {
        self.value.get(key).map(|value| self.at(key, value))
    }

    fn at(&self, key: &str, value: &'d Value) -> Self {
        let mut pointer = self.pointer.clone();
        push(&mut pointer, key);
        Self { pointer, value }
    }

    fn members(&self) -> impl Iterator<Item = (&'d str, Self)> {
        let all: Vec<_> = self.value.as_object().into_iter().flatten().collect();
        all.into_iter().map(|(key, value)| (key.as_str(), self.at(key, value)))
    }

    fn items(&self) -> impl Iterator<Item = Self> {
        let all: Vec<_> = self.value.as_array().into_iter().flatten().enumerate().collect();
        all.into_iter().map(|(index, value)| self.at(&index.to_string(), value))
    }

    fn text(&self, key: &str) -> Option<&'d str> {
        self.value.get(key).and_then(Value::as_str)
    }
}

impl<'d> Checker<'d> {
    fn fault(&mut self, at: &At<'_>, fault: impl Into<String>) {
        self.faults.push((at.pointer.clone(), fault.into()));
    }

    /// Every member of `at` has to be one of `known`.
    fn only(&mut self, at: &At<'d>, what: &str, known: &[&str]) {
        if !at.value.is_object() {
            self.fault(at, format!("{what} must be a mapping"));
        }
        for (key, member) in at.members() {
            if !known.contains(&key) {
                self.fault(&member, format!("unknown member `{key}` of {what}"));
            }
        }
    }

    fn document(&mut self) {
        let root = At {
            pointer: String::new(),
            value: self.document,
        };
        self.only(&root, "a document", DOCUMENT);
        if let Some(info) = root.member("info") {
            self.only(&info, "info", &["title", "version", "description"]);
        }
        if let Some(components) = root.member("components") {
            self.only(&components, "components", COMPONENTS);
            self.components(&components);
        }
        self.paths(&root);
    }

    fn components(&mut self, components: &At<'d>) {
        for (_, parameter) in components.member("parameters").iter().flat_map(At::members) {
            self.parameter(&parameter);
        }
        for (_, response) in components.member("responses").iter().flat_map(At::members) {
            self.response(&response);
        }
        for (name, schema) in components.member("schemas").iter().flat_map(At::members) {
            if !is_type_name(name) {
                self.fault(&schema, format!("`{name}` cannot be the name of a Rust type"));
            }
            self.schema(&schema);
        }
    }

    fn paths(&mut self, root: &At<'d>) {
        let tags: BTreeSet<&str> = root
            .member("tags")
            .iter()
            .flat_map(At::items)
            .filter_map(|tag| tag.text("name"))
            .collect();
        let (mut ids, mut constants) = (BTreeSet::new(), BTreeSet::new());
        for (path, item) in root.member("paths").iter().flat_map(At::members) {
            self.only(&item, "a path", METHODS);
            for (method, operation) in item.members().filter(|(method, _)| METHODS.contains(method)) {
                self.operation(path, method, &operation);
                for (key, seen) in [("operationId", &mut ids), ("x-constant", &mut constants)] {
                    if let Some(name) = operation.text(key)
                        && !seen.insert(name)
                    {
                        self.fault(&operation, format!("{method} {path}: the {key} `{name}` is taken"));
                    }
                }
                for tag in operation.member("tags").iter().flat_map(At::items) {
                    if !tag.value.as_str().is_some_and(|name| tags.contains(name)) {
                        self.fault(&tag, format!("the tag {} is not declared", tag.value));
                    }
                }
            }
        }
    }

    fn operation(&mut self, path: &str, method: &str, operation: &At<'d>) {
        self.only(operation, "an operation", OPERATION);
        for key in ["operationId", "x-constant", "summary", "responses"] {
            if operation.value.get(key).is_none() {
                self.fault(operation, format!("{method} {path}: {key} is missing"));
            }
        }
        self.path_parameters(path, operation);
        if let Some(body) = operation.member("requestBody") {
            self.only(&body, "a request body", &["required", "content", "description"]);
            self.content(&body);
        }
        for (_, response) in operation.member("responses").iter().flat_map(At::members) {
            self.response(&response);
        }
    }

    /// The parameters of an operation: each known, and those of the path exactly those that the path names.
    fn path_parameters(&mut self, path: &str, operation: &At<'d>) {
        let named: BTreeSet<&str> = path
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}'))
            .map(|(name, _)| name)
            .collect();
        let mut declared = BTreeSet::new();
        for parameter in operation.member("parameters").iter().flat_map(At::items) {
            self.parameter(&parameter);
            let Some(definition) = self.follow(&parameter) else {
                continue;
            };
            if definition.text("in") != Some("path") {
                continue;
            }
            let name = definition.text("name").unwrap_or_default();
            if !named.contains(name) {
                self.fault(&parameter, format!("{path} has no parameter `{name}`"));
            }
            if definition.value.get("required") != Some(&Value::Bool(true)) {
                self.fault(&parameter, format!("the path parameter `{name}` must be required"));
            }
            declared.insert(name);
        }
        for name in named.difference(&declared) {
            self.fault(operation, format!("{path}: the parameter `{name}` is not declared"));
        }
    }

    fn parameter(&mut self, parameter: &At<'d>) {
        if self.reference(parameter) {
            return self.only(parameter, "a reference to a parameter", &["$ref"]);
        }
        self.only(parameter, "a parameter", PARAMETER);
        if !matches!(parameter.text("in"), Some("path" | "query" | "header")) {
            self.fault(parameter, "a parameter is in `path`, `query` or `header`");
        }
        match parameter.member("schema") {
            Some(schema) => self.schema(&schema),
            None => self.fault(parameter, "a parameter needs a schema"),
        }
    }

    fn response(&mut self, response: &At<'d>) {
        if self.reference(response) {
            return self.only(response, "a reference to a response", &["$ref"]);
        }
        self.only(response, "a response", &["description", "content"]);
        self.content(response);
    }

    fn content(&mut self, of: &At<'d>) {
        let Some(content) = of.member("content") else { return };
        let known = [
            "application/json",
            "multipart/form-data",
            "text/event-stream",
            "application/octet-stream",
        ];
        self.only(&content, "content", &known);
        for (_, media) in content.members() {
            self.only(&media, "a media type", &["schema"]);
            if let Some(schema) = media.member("schema") {
                self.schema(&schema);
            }
        }
    }

    fn schema(&mut self, schema: &At<'d>) {
        if schema.value.get("enum").is_some() {
            let remedy = "`enum` is not read: write `oneOf` with a described `const` for each value";
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

    /// The values of single keywords.
    fn values(&mut self, schema: &At<'d>) {
        let types = match schema.value.get("type") {
            Some(Value::Array(types)) => types.iter().collect(),
            one => Vec::from_iter(one),
        };
        for kind in types {
            if !kind.as_str().is_some_and(|kind| TYPES.contains(&kind)) {
                self.fault(schema, format!("there is no type {kind}"));
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
                self.fault(schema, format!("{least} is above {most}"));
            }
        }
    }

    /// The names inside a schema: those that become fields and arms, and those that refer to properties.
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
                // An alternative may require what the schema around it has.
                if properties.is_some() && !known {
                    self.fault(&name, format!("{} is required and is no property", name.value));
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
            let field = super::rust_field(key);
            if !is_identifier(&field) && schema.value.get("x-by-hand").is_none() {
                self.fault(&property, format!("`{key}` cannot be the name of a Rust field"));
            }
            if let Some(other) = fields.insert(field, key) {
                self.fault(&property, format!("`{key}` and `{other}` are the same Rust field"));
            }
        }
    }

    /// Whether this is a reference; one that leads nowhere is a fault. Those to other documents are followed later.
    fn reference(&mut self, at: &At<'d>) -> bool {
        let Some(reference) = at.text("$ref") else { return false };
        if reference.starts_with('#') && super::resolve(self.document, reference).is_none() {
            self.fault(at, format!("{reference} leads nowhere"));
        }
        true
    }

    fn follow(&self, at: &At<'d>) -> Option<At<'d>> {
        match at.text("$ref") {
            None => Some(at.clone()),
            Some(reference) => super::resolve(self.document, reference).map(|value| At {
                pointer: at.pointer.clone(),
                value,
            }),
        }
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name != "_"
}

/// Whether it is an identifier, not a keyword, and written like a type.
fn is_type_name(name: &str) -> bool {
    is_identifier(name) && name.starts_with(|first: char| first.is_ascii_uppercase()) && name != "Self"
}

#[cfg(test)]
mod tests;
