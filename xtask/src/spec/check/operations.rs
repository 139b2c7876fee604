//! Paths and operations, with their parameters, requests and responses.

use std::collections::BTreeSet;

use serde_json::Value;

use super::checker::{At, Checker};

const METHODS: &[&str] = &["get", "post", "put", "patch", "delete"];

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

impl<'d> Checker<'d> {
    pub(super) fn paths(&mut self, root: &At<'d>) {
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
                        self.fault(&operation, format!("{method} {path}: the {key} `{name}` is used twice"));
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

    /// The parameters of an operation: all must be known, and the path parameters must match the names in the path.
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

    pub(super) fn parameter(&mut self, parameter: &At<'d>) {
        if self.reference(parameter) {
            return self.only(parameter, "a reference to a parameter", &["$ref"]);
        }
        self.only(parameter, "a parameter", PARAMETER);
        if !matches!(parameter.text("in"), Some("path" | "query" | "header")) {
            self.fault(parameter, "a parameter must be in `path`, `query` or `header`");
        }
        match parameter.member("schema") {
            Some(schema) => self.schema(&schema),
            None => self.fault(parameter, "a parameter requires a schema"),
        }
    }

    pub(super) fn response(&mut self, response: &At<'d>) {
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
}
