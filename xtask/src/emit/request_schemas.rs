//! The schemas of request bodies as one JSON document, for servers that validate requests.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// The keywords that validation needs. Descriptions and generator hints are omitted.
const KEYWORDS: &[&str] = &[
    "$ref",
    "additionalProperties",
    "const",
    "discriminator",
    "enum",
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
];

/// The file with everything reachable from the request bodies of `document`.
pub(crate) fn file(document: &Value) -> Result<String, String> {
    let schemas = document
        .pointer("/components/schemas")
        .ok_or("components.schemas is missing")?;
    let mut names = BTreeSet::new();
    for item in document
        .get("paths")
        .and_then(Value::as_object)
        .ok_or("paths is missing")?
        .values()
    {
        for operation in item.as_object().into_iter().flatten().map(|(_, operation)| operation) {
            if let Some(body) = operation.get("requestBody") {
                reach(body, schemas, &mut names)?;
            }
        }
    }
    let kept: Map<String, Value> = names
        .into_iter()
        .map(|name| (name.clone(), prune(&schemas[name.as_str()])))
        .collect();
    let file = json!({ "components": { "schemas": kept } });
    let text = serde_json::to_string_pretty(&file).map_err(|error| error.to_string())?;
    Ok(text + "\n")
}

fn reach(node: &Value, schemas: &Value, names: &mut BTreeSet<String>) -> Result<(), String> {
    match node {
        Value::Object(members) => {
            let target = members.get("$ref").and_then(Value::as_str);
            if let Some(name) = target.and_then(|target| target.strip_prefix("#/components/schemas/")) {
                let schema = schemas
                    .get(name)
                    .ok_or_else(|| format!("there is no schema `{name}`"))?;
                if names.insert(name.to_owned()) {
                    reach(schema, schemas, names)?;
                }
            }
            members.values().try_for_each(|value| reach(value, schemas, names))
        }
        Value::Array(items) => items.iter().try_for_each(|value| reach(value, schemas, names)),
        _ => Ok(()),
    }
}

/// The schema with these keywords only; an enum with described values becomes a plain `enum`.
fn prune(schema: &Value) -> Value {
    let Value::Object(members) = schema else {
        return schema.clone();
    };
    let mut kept = Map::new();
    for (key, value) in members.iter().filter(|(key, _)| KEYWORDS.contains(&key.as_str())) {
        let value = match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => Value::Object(
                properties
                    .iter()
                    .map(|(name, one)| (name.clone(), prune(one)))
                    .collect(),
            ),
            ("oneOf", Value::Array(alternatives)) => {
                let constants: Option<Vec<&Value>> = alternatives.iter().map(|one| one.get("const")).collect();
                if let Some(values) = constants {
                    kept.insert("enum".to_owned(), json!(values));
                    continue;
                }
                Value::Array(alternatives.iter().map(prune).collect())
            }
            ("items" | "additionalProperties" | "propertyNames", value) => prune(value),
            (_, value) => value.clone(),
        };
        kept.insert(key.clone(), value);
    }
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_a_check_needs() {
        let schema = json!({
            "description": "x",
            "x-module": "m",
            "type": "object",
            "properties": {"type": {"type": "string", "description": "y", "maxLength": 3}},
        });
        assert_eq!(
            prune(&schema),
            json!({"type": "object", "properties": {"type": {"type": "string", "maxLength": 3}}})
        );
        let choice = json!({"type": "string", "oneOf": [{"const": "a", "description": "x"}, {"const": "b"}]});
        assert_eq!(prune(&choice), json!({"type": "string", "enum": ["a", "b"]}));
    }
}
