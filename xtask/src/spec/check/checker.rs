//! A document being checked: values with their position, and the faults found so far.

use serde_json::Value;

use crate::spec::document;
use crate::spec::lines::push;

pub(super) struct Checker<'d> {
    pub(super) document: &'d Value,
    /// What is wrong, with the JSON pointer.
    pub(super) faults: Vec<(String, String)>,
}

/// A value and its position in the document.
#[derive(Clone)]
pub(super) struct At<'d> {
    pub(super) pointer: String,
    pub(super) value: &'d Value,
}

impl<'d> At<'d> {
    pub(super) fn member(&self, key: &str) -> Option<Self> {
        self.value.get(key).map(|value| self.at(key, value))
    }

    pub(super) fn at(&self, key: &str, value: &'d Value) -> Self {
        let mut pointer = self.pointer.clone();
        push(&mut pointer, key);
        Self { pointer, value }
    }

    pub(super) fn members(&self) -> impl Iterator<Item = (&'d str, Self)> {
        let all: Vec<_> = self.value.as_object().into_iter().flatten().collect();
        all.into_iter().map(|(key, value)| (key.as_str(), self.at(key, value)))
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Self> {
        let all: Vec<_> = self.value.as_array().into_iter().flatten().enumerate().collect();
        all.into_iter().map(|(index, value)| self.at(&index.to_string(), value))
    }

    pub(super) fn text(&self, key: &str) -> Option<&'d str> {
        self.value.get(key).and_then(Value::as_str)
    }
}

impl<'d> Checker<'d> {
    pub(super) fn fault(&mut self, at: &At<'_>, fault: impl Into<String>) {
        self.faults.push((at.pointer.clone(), fault.into()));
    }

    /// Reports each member of `at` that is not one of `known`.
    pub(super) fn only(&mut self, at: &At<'d>, what: &str, known: &[&str]) {
        if !at.value.is_object() {
            self.fault(at, format!("{what} must be a mapping"));
        }
        for (key, member) in at.members() {
            if !known.contains(&key) {
                self.fault(&member, format!("unknown member `{key}` of {what}"));
            }
        }
    }

    /// Whether this is a reference; one that cannot be resolved is a fault. References to other documents are resolved
    /// later.
    pub(super) fn reference(&mut self, at: &At<'d>) -> bool {
        let Some(reference) = at.text("$ref") else { return false };
        if reference.starts_with('#') && document::resolve(self.document, reference).is_none() {
            self.fault(at, format!("{reference} does not exist"));
        }
        true
    }

    pub(super) fn follow(&self, at: &At<'d>) -> Option<At<'d>> {
        match at.text("$ref") {
            None => Some(at.clone()),
            Some(reference) => document::resolve(self.document, reference).map(|value| At {
                pointer: at.pointer.clone(),
                value,
            }),
        }
    }
}
