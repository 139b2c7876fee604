//! Converts a document to items.

use std::collections::BTreeMap;

use serde_json::Value;

use super::document::Reader;
use super::items::{Item, Model};
use super::schema::text;
use crate::spec::LENT_BY;

impl Model {
    /// Reads a parsed document.
    pub(crate) fn read(document: &Value, source: &str, home: &str) -> Result<Self, String> {
        let reader = Reader::new(document)?;
        let proto = match text(document, "x-encoding") {
            None => false,
            Some("proto-json") => true,
            Some(other) => return Err(format!("unknown encoding `{other}`")),
        };
        let borrows = reader.schemas.values().any(|schema| schema.get(LENT_BY).is_some());
        let mut modules: BTreeMap<String, Vec<Item>> = BTreeMap::new();
        for (name, schema) in reader.schemas {
            if schema.get("x-by-hand").is_some() || schema.get("x-page-of").is_some() {
                continue; // `Page<T>` is written by hand.
            }
            if schema.get(LENT_BY).is_some() {
                continue; // Generated from the document that lent it.
            }
            let module = text(schema, "x-module").ok_or_else(|| format!("{name}: x-module is missing"))?;
            let item = if proto {
                reader.proto_item(name, schema)
            } else {
                reader.item(name, schema)
            };
            let item = item.map_err(|error| format!("{name}: {error}"))?;
            modules.entry(module.to_owned()).or_default().push(item);
        }
        let describes = text(document, "x-describes")
            .ok_or("x-describes is missing")?
            .to_owned();
        Ok(Self {
            source: source.to_owned(),
            home: home.to_owned(),
            describes,
            borrows,
            modules,
            operations: reader.operations()?,
        })
    }
}

impl Reader<'_> {
    fn item(&self, name: &str, schema: &Value) -> Result<Item, String> {
        let doc = text(schema, "description").ok_or("description is missing")?.to_owned();
        let shape = self.shape(name, schema)?;
        Ok(Item {
            name: name.to_owned(),
            doc,
            shape,
        })
    }
}
