//! Reads an OpenAPI document, in YAML or JSON, as a JSON value whose members keep their order.

use std::path::Path;
use std::{fmt, fs, io};

use serde_json::Value;

/// Why a document could not be read. The messages leave the document's path to the caller.
#[derive(Debug)]
pub(crate) enum Error {
    Read(io::Error),
    Yaml(serde_saphyr::Error),
    Json(serde_json::Error),
    /// The name of the file does not end in `.yaml`, `.yml` or `.json`.
    Extension,
}

/// Reads the document at `path`; the extension tells YAML from JSON.
pub(crate) fn load(path: &Path) -> Result<Value, Error> {
    let text = fs::read_to_string(path).map_err(Error::Read)?;
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => parse(&text),
        Some("json") => serde_json::from_str(&text).map_err(Error::Json),
        _ => Err(Error::Extension),
    }
}

/// Reads a document from YAML text.
pub(crate) fn parse(text: &str) -> Result<Value, Error> {
    serde_saphyr::from_str(text).map_err(Error::Yaml)
}

/// What a `$ref` points to; `None` if it leads nowhere or out of the document.
pub(crate) fn resolve<'a>(document: &'a Value, reference: &str) -> Option<&'a Value> {
    document.pointer(reference.strip_prefix('#')?)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "cannot be read: {error}"),
            Self::Yaml(error) => write!(f, "is no valid YAML: {error}"),
            Self::Json(error) => write!(f, "is no valid JSON: {error}"),
            Self::Extension => f.write_str("is neither .yaml nor .json"),
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
    fn tells_text_from_other_scalars() {
        let document = parse("a: 'null'\nb: null\nc: \"2.3.0\"\nd: 0.5\ne: asc\nf: 100000000\n").unwrap();
        assert_eq!(
            document,
            json!({"a": "null", "b": null, "c": "2.3.0", "d": 0.5, "e": "asc", "f": 100_000_000})
        );
    }

    #[test]
    fn refuses_a_member_given_twice() {
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
    fn every_reference_of_the_openai_document_leads_somewhere() {
        fn walk(document: &Value, value: &Value) {
            match value {
                Value::Object(members) => {
                    if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                        assert!(resolve(document, reference).is_some(), "{reference} leads nowhere");
                    }
                    members.values().for_each(|member| walk(document, member));
                }
                Value::Array(items) => items.iter().for_each(|item| walk(document, item)),
                _ => {}
            }
        }
        let document = load(&crate::root().join("spec/openai.yaml")).unwrap();
        walk(&document, &document);
    }
}
