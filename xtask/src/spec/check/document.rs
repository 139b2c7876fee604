//! The document as a whole.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::checker::{At, Checker};
use crate::spec::document::parse;
use crate::spec::lines::Lines;
use crate::spec::names::is_type_name;

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

/// Rejects a document that contains anything the generator ignores; each fault has its file and line.
///
/// `path` is relative to `root`.
pub(crate) fn check(root: &Path, path: &str) -> Result<(), String> {
    let text = fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: cannot be read: {error}"))?;
    let document = parse(&text).map_err(|error| format!("{path}: {error}"))?;
    check_text(&document, &text, path)
}

/// Reports everything in the document that the generator would ignore, each fault as `path:line: what is wrong`.
pub(super) fn check_text(document: &Value, text: &str, path: &str) -> Result<(), String> {
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

impl<'d> Checker<'d> {
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
}
