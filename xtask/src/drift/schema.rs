//! Normalization of schemas.
//!
//! `{"$ref": …}` with or without siblings, nested `allOf`, `anyOf` and `oneOf`, `nullable: true`, a null member, a list
//! of types, `const` and an `enum` of one value: all become a [`Flat`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::spec;

/// Limits that apply to a type, by name of the type.
const LIMITS: &[(&str, &[&str])] = &[
    ("string", &["format", "pattern", "minLength", "maxLength"]),
    ("integer", NUMERIC),
    ("number", NUMERIC),
    // `required` has no effect on an array; it is included because published definitions contain it.
    ("array", &["minItems", "maxItems", "uniqueItems", "required"]),
    ("object", &["minProperties", "maxProperties", "propertyNames"]),
];
const NUMERIC: &[&str] = &[
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
];

/// All values that a schema permits.
#[derive(Debug, Default)]
pub(crate) struct Flat {
    pub(crate) nullable: bool,
    pub(crate) default: Option<Value>,
    /// Values that are not objects, by type; `any` for an empty schema.
    pub(crate) plain: BTreeMap<String, Plain>,
    pub(crate) objects: Vec<Object>,
}

/// A value that is not an object.
#[derive(Debug)]
pub(crate) struct Plain {
    /// The listed values.
    pub(crate) values: BTreeSet<String>,
    /// Whether values other than the listed ones are permitted.
    pub(crate) open: bool,
    pub(crate) limits: BTreeMap<&'static str, Value>,
    /// Schema of the items of an array.
    pub(crate) items: Option<Value>,
}

/// An object; one of several in a union.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Object {
    pub(crate) properties: Map<String, Value>,
    pub(crate) required: BTreeSet<String>,
    /// Schema of members that are not listed; `None` if it imposes no constraints.
    pub(crate) others: Option<Value>,
    /// Whether members that are not listed are forbidden.
    pub(crate) closed: bool,
    pub(crate) limits: BTreeMap<&'static str, Value>,
    /// Groups of properties of which exactly one is required.
    pub(crate) one_of: BTreeSet<String>,
}

impl Flat {
    /// Flattens a schema of the document.
    pub(crate) fn of(document: &Value, schema: &Value) -> Result<Self, String> {
        let mut flat = Self::default();
        flat.add(document, keywords(document, schema)?)?;
        Ok(flat)
    }

    /// The types, for a message.
    pub(crate) fn types(&self) -> String {
        let mut types: Vec<&str> = self.plain.keys().map(String::as_str).collect();
        if !self.objects.is_empty() {
            types.push("object");
        }
        if types.is_empty() {
            "null".to_owned()
        } else {
            types.join(" or ")
        }
    }

    /// The only permitted value.
    pub(crate) fn constant(&self) -> Option<&str> {
        let plain = self.plain.get("string")?;
        if plain.values.len() == 1 && !plain.open {
            plain.values.first().map(String::as_str)
        } else {
            None
        }
    }

    fn add(&mut self, document: &Value, mut schema: Map<String, Value>) -> Result<(), String> {
        if schema.remove("nullable") == Some(Value::Bool(true)) {
            self.nullable = true;
        }
        if let Some(default) = schema.remove("default") {
            self.default.get_or_insert(default);
        }
        for keyword in ["oneOf", "anyOf"] {
            let Some(Value::Array(members)) = schema.remove(keyword) else {
                continue;
            };
            // An object may list groups of members of which one is required; that is not a union of types.
            if members.iter().all(is_requirement) {
                schema.insert("x-one-of".to_owned(), Value::Array(members));
                continue;
            }
            for member in &members {
                self.add(document, merge(&schema, keywords(document, member)?))?;
            }
            return Ok(());
        }
        for name in types(&schema) {
            self.add_type(&name, &schema);
        }
        Ok(())
    }

    fn add_type(&mut self, name: &str, schema: &Map<String, Value>) {
        let keywords = LIMITS
            .iter()
            .find(|(of, _)| *of == name)
            .map_or(&[][..], |(_, keywords)| keywords);
        let mut limits: BTreeMap<&'static str, Value> = keywords
            .iter()
            .filter_map(|keyword| Some((*keyword, schema.get(*keyword)?.clone())))
            .collect();
        match name {
            "null" => self.nullable = true,
            "object" => self.objects.push(Object::new(schema, limits)),
            _ => {
                let listed = self.values(schema);
                let open = listed.is_none();
                let values = listed.unwrap_or_default();
                let items = schema.get("items").cloned();
                match self.plain.get_mut(name) {
                    None => {
                        self.plain.insert(
                            name.to_owned(),
                            Plain {
                                values,
                                open,
                                limits,
                                items,
                            },
                        );
                    }
                    // A second member of the same type extends the first.
                    Some(plain) => {
                        plain.values.extend(values);
                        plain.open |= open;
                        plain.limits.append(&mut limits);
                        plain.items = match (plain.items.take(), items) {
                            (Some(one), Some(other)) => Some(serde_json::json!({"anyOf": [one, other]})),
                            _ => None,
                        };
                    }
                }
            }
        }
    }

    /// The listed values; a null among them makes the schema nullable.
    fn values(&mut self, schema: &Map<String, Value>) -> Option<BTreeSet<String>> {
        let listed = match (schema.get("const"), schema.get("enum")) {
            (Some(value), _) => vec![value],
            (None, Some(Value::Array(values))) => values.iter().collect(),
            _ => return None,
        };
        self.nullable |= listed.iter().any(|value| value.is_null());
        Some(listed.into_iter().filter(|value| !value.is_null()).map(show).collect())
    }
}

impl Object {
    fn new(schema: &Map<String, Value>, limits: BTreeMap<&'static str, Value>) -> Self {
        let groups = schema.get("x-one-of").and_then(Value::as_array).into_iter().flatten();
        Self {
            properties: schema
                .get("properties")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
            required: strings(schema.get("required")).collect(),
            others: schema
                .get("additionalProperties")
                .filter(|others| says_something(others))
                .cloned(),
            closed: schema.get("additionalProperties") == Some(&Value::Bool(false)),
            limits,
            one_of: groups
                .map(|group| strings(group.get("required")).collect::<Vec<_>>().join(" and "))
                .collect(),
        }
    }
}

/// Whether a schema of other members is more than `true`, `false` or `{}`.
fn says_something(others: &Value) -> bool {
    others.as_object().is_some_and(|keywords| !keywords.is_empty())
}

/// A value as shown in a message: text without quotes, everything else as JSON.
pub(crate) fn show(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The keywords of a schema, including those behind `$ref` and `allOf`.
fn keywords(document: &Value, schema: &Value) -> Result<Map<String, Value>, String> {
    let Value::Object(schema) = schema else {
        return Ok(Map::new());
    };
    let mut own = schema.clone();
    let mut base = Map::new();
    if let Some(reference) = own.remove("$ref") {
        let target = reference
            .as_str()
            .and_then(|reference| spec::resolve(document, reference));
        let target = target.ok_or_else(|| format!("{} does not exist", show(&reference)))?;
        base = keywords(document, target)?;
    }
    if let Some(Value::Array(parts)) = own.remove("allOf") {
        for part in &parts {
            base = merge(&base, keywords(document, part)?);
        }
    }
    Ok(merge(&base, own))
}

/// Merges two sets of keywords; `over` takes precedence, but properties and required ones are combined.
fn merge(base: &Map<String, Value>, over: Map<String, Value>) -> Map<String, Value> {
    let mut both = base.clone();
    for (keyword, value) in over {
        match (both.get_mut(&keyword), value) {
            (Some(Value::Object(old)), Value::Object(new)) if keyword == "properties" => old.extend(new),
            (Some(Value::Array(old)), Value::Array(new)) if keyword == "required" => old.extend(new),
            (_, value) => {
                both.insert(keyword, value);
            }
        }
    }
    both
}

/// The types of a schema without unions, inferred from other keywords if it has no `type`.
fn types(schema: &Map<String, Value>) -> Vec<String> {
    match schema.get("type") {
        Some(Value::String(name)) => return vec![name.clone()],
        Some(Value::Array(names)) => return names.iter().map(show).collect(),
        _ => {}
    }
    let has = |keyword| schema.contains_key(keyword);
    let value = schema.get("const").or_else(|| schema.get("enum")?.get(0));
    let name = match value {
        Some(Value::Bool(_)) => "boolean",
        Some(Value::Number(number)) if number.is_f64() => "number",
        Some(Value::Number(_)) => "integer",
        Some(_) => "string",
        None if has("properties") || has("additionalProperties") || has("x-one-of") => "object",
        None if has("items") => "array",
        None => "any",
    };
    vec![name.to_owned()]
}

/// Whether a member of a union only specifies required properties.
fn is_requirement(member: &Value) -> bool {
    member
        .as_object()
        .is_some_and(|member| member.len() == 1 && member.contains_key("required"))
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = String> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
}
