//! Reads an OpenAPI document, in YAML or JSON, as a JSON value that preserves the order of members.

use std::path::Path;
use std::{fmt, fs, io};

use serde_json::{Map, Value};

/// Why a document could not be read. The path of the document is added by the caller.
#[derive(Debug)]
pub(crate) enum Error {
    Read(io::Error),
    Yaml(serde_saphyr::Error),
    Json(serde_json::Error),
    /// The file name does not end in `.yaml`, `.yml` or `.json`.
    Extension,
    /// A reference to another document cannot be resolved, or introduces a name that is already used.
    Reference(String),
}

/// The origin of a schema that was copied from another document: the name of that document.
pub(crate) const LENT_BY: &str = "x-lent-by";

/// Reads the document at `path`, as YAML or JSON depending on the extension. Schemas of other documents that it refers
/// to are included in the result, marked with [`LENT_BY`].
pub(crate) fn load(path: &Path) -> Result<Value, Error> {
    let text = fs::read_to_string(path).map_err(Error::Read)?;
    let mut document = match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => parse(&text)?,
        Some("json") => serde_json::from_str(&text).map_err(Error::Json)?,
        _ => return Err(Error::Extension),
    };
    let mut wanted = Vec::new();
    take_references(&mut document, &mut wanted);
    for (file, name) in wanted {
        let lender = load(&path.with_file_name(&file))?;
        let lent = format!("{file}#{SCHEMAS}{name}");
        let schemas = document
            .pointer_mut("/components/schemas")
            .and_then(Value::as_object_mut)
            .ok_or(Error::Reference(lent))?;
        lend(&lender, &file, &name, schemas)?;
    }
    Ok(document)
}

const SCHEMAS: &str = "/components/schemas/";

/// Replaces each reference to a schema of another document by one to a schema of this document, and collects them.
fn take_references(node: &mut Value, wanted: &mut Vec<(String, String)>) {
    match node {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref")
                && let Some((file, place)) = reference.split_once('#')
                && !file.is_empty()
                && let Some(name) = place.strip_prefix(SCHEMAS)
            {
                wanted.push((file.to_owned(), name.to_owned()));
                *reference = format!("#{place}");
            }
            members.values_mut().for_each(|value| take_references(value, wanted));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| take_references(value, wanted)),
        _ => {}
    }
}

/// Copies a schema of `lender`, and all schemas reachable from it, to `schemas`.
fn lend(lender: &Value, file: &str, name: &str, schemas: &mut Map<String, Value>) -> Result<(), Error> {
    if let Some(there) = schemas.get(name) {
        return if there.get(LENT_BY).and_then(Value::as_str) == Some(file) {
            Ok(())
        } else {
            Err(Error::Reference(format!(
                "`{name}` of {file} has the name of another schema here"
            )))
        };
    }
    let mut schema = lender
        .pointer(&format!("{SCHEMAS}{name}"))
        .cloned()
        .ok_or_else(|| Error::Reference(format!("{file} has no schema `{name}`")))?;
    let mut inner = Vec::new();
    names(&schema, &mut inner);
    if let Value::Object(members) = &mut schema {
        members.insert(LENT_BY.to_owned(), file.into());
    }
    schemas.insert(name.to_owned(), schema);
    inner.iter().try_for_each(|name| lend(lender, file, name, schemas))
}

fn names(node: &Value, into: &mut Vec<String>) {
    match node {
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            into.extend(
                reference
                    .and_then(|it| it.strip_prefix('#')?.strip_prefix(SCHEMAS))
                    .map(str::to_owned),
            );
            members.values().for_each(|value| names(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| names(value, into)),
        _ => {}
    }
}

/// Reads a document from YAML text.
pub(crate) fn parse(text: &str) -> Result<Value, Error> {
    serde_saphyr::from_str(text).map_err(Error::Yaml)
}

/// Resolves a `$ref`; `None` if it cannot be resolved or refers to another document.
pub(crate) fn resolve<'a>(document: &'a Value, reference: &str) -> Option<&'a Value> {
    document.pointer(reference.strip_prefix('#')?)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "cannot be read: {error}"),
            Self::Yaml(error) => write!(f, "is not valid YAML: {error}"),
            Self::Json(error) => write!(f, "is not valid JSON: {error}"),
            Self::Extension => f.write_str("is neither .yaml nor .json"),
            Self::Reference(fault) => f.write_str(fault),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_the_order_of_members() {
        let document = parse("zebra: 1\napple: {b: 2, a: 3}\n").unwrap();
        assert_eq!(document.to_string(), r#"{"zebra":1,"apple":{"b":2,"a":3}}"#);
    }

    #[test]
    fn distinguishes_strings_from_other_scalars() {
        let document = parse("a: 'null'\nb: null\nc: \"2.3.0\"\nd: 0.5\ne: asc\nf: 100000000\n").unwrap();
        assert_eq!(
            document,
            json!({"a": "null", "b": null, "c": "2.3.0", "d": 0.5, "e": "asc", "f": 100_000_000})
        );
    }

    #[test]
    fn rejects_a_repeated_member() {
        assert!(matches!(parse("a: 1\na: 2\n"), Err(Error::Yaml(_))));
    }

    #[test]
    fn follows_references_inside_the_document() {
        let document = json!({"components": {"schemas": {"Run": {"type": "object"}}}});
        assert_eq!(
            resolve(&document, "#/components/schemas/Run"),
            Some(&json!({"type": "object"}))
        );
        assert_eq!(resolve(&document, "#/components/schemas/Thread"), None);
        assert_eq!(resolve(&document, "other.yaml#/components"), None);
    }

    #[test]
    fn every_reference_in_the_documents_resolves() {
        fn walk(document: &Value, value: &Value) {
            match value {
                Value::Object(members) => {
                    if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                        assert!(resolve(document, reference).is_some(), "{reference} does not exist");
                    }
                    members.values().for_each(|member| walk(document, member));
                }
                Value::Array(items) => items.iter().for_each(|item| walk(document, item)),
                _ => {}
            }
        }
        for name in ["openai.yaml", "chat.yaml", "responses.yaml", "embeddings.yaml"] {
            let document = load(&crate::workspace::root().unwrap().join("spec").join(name)).unwrap();
            walk(&document, &document);
        }
    }

    #[test]
    fn a_schema_of_another_document_is_copied_with_all_it_refers_to() {
        let lender = json!({"components": {"schemas": {
            "Tool": {"properties": {"function": {"$ref": "#/components/schemas/Function"}}},
            "Function": {"type": "object"},
            "Run": {"type": "object"},
        }}});
        let mut schemas = Map::new();
        lend(&lender, "a.yaml", "Tool", &mut schemas).unwrap();
        assert_eq!(schemas.keys().collect::<Vec<_>>(), ["Tool", "Function"]);
        assert_eq!(schemas["Function"], json!({"type": "object", "x-lent-by": "a.yaml"}));
        assert!(lend(&lender, "a.yaml", "Thread", &mut schemas).is_err());
        assert!(
            lend(&lender, "b.yaml", "Tool", &mut schemas).is_err(),
            "a name identifies one schema"
        );

        let mut document = json!({"a": [{"$ref": "a.yaml#/components/schemas/Tool"}], "b": {"$ref": "#/c"}});
        let mut wanted = Vec::new();
        take_references(&mut document, &mut wanted);
        assert_eq!(wanted, [("a.yaml".to_owned(), "Tool".to_owned())]);
        assert_eq!(document["a"][0]["$ref"], "#/components/schemas/Tool");
    }
}
