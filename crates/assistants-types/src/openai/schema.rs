//! JSON schemas of function arguments and answers, derived from Rust types.
//!
//! The provider's strict mode accepts a subset of JSON schema: all objects are closed, all properties required
//! (optional ones may be null), no defaults, no siblings of a `$ref`, `anyOf` but not `oneOf`, and only some values of
//! `format` (guide "Structured outputs", section "Supported schemas").

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{FunctionDefinition, FunctionTool, JsonSchemaFormat, ResponseFormat, ResponseFormatJsonSchema};

impl FunctionTool {
    /// A function with arguments of type `Args`, in strict mode: the model can only generate arguments that parse as
    /// `Args`.
    ///
    /// The doc comment of `Args` becomes the description of the function; the doc comments of its fields describe the
    /// arguments.
    ///
    /// ```
    /// use assistants_types::openai::FunctionTool;
    /// use schemars::JsonSchema;
    ///
    /// /// Adds two whole numbers.
    /// #[derive(JsonSchema)]
    /// struct Add {
    ///     /// The first one.
    ///     a: i64,
    ///     b: Option<i64>,
    /// }
    ///
    /// let function = FunctionTool::of::<Add>("add").function;
    /// assert_eq!(function.description.as_deref(), Some("Adds two whole numbers."));
    /// let schema = function.parameters.unwrap_or_default();
    /// assert_eq!(schema["required"], serde_json::json!(["a", "b"]));
    /// assert_eq!(schema["additionalProperties"], false);
    /// assert_eq!(schema["properties"]["a"]["description"], "The first one.");
    /// ```
    #[must_use]
    pub fn of<Args: JsonSchema>(name: impl Into<String>) -> Self {
        let mut schema = strict_schema::<Args>();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let mut function = FunctionDefinition::new(name).parameters(schema).strict(true);
        if let Some(Value::String(description)) = description {
            function = function.description(description);
        }
        Self::new(function)
    }
}

impl ResponseFormat {
    /// Answers of type `T` as JSON, in strict mode. [`Message::parse`](super::Message::parse) parses them.
    #[must_use]
    pub fn of<T: JsonSchema>() -> Self {
        let mut schema = strict_schema::<T>();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        // Names are limited to letters, digits, `_` and `-`; those of generic types contain other characters.
        let name: String = T::schema_name()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        let mut format = JsonSchemaFormat::new(name).schema(schema).strict(true);
        if let Some(Value::String(description)) = description {
            format = format.description(description);
        }
        ResponseFormatJsonSchema::new(format).into()
    }
}

/// The schema of a type, converted to what strict mode accepts.
fn strict_schema<T: JsonSchema>() -> Value {
    let schema = SchemaGenerator::default().into_root_schema_for::<T>();
    let mut schema = Value::from(schema);
    let definitions = schema
        .get("$defs")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    if let Some(root) = schema.as_object_mut() {
        root.remove("$schema");
        root.remove("title");
    }
    make_strict(&mut schema, &definitions);
    schema
}

fn make_strict(schema: &mut Value, definitions: &Map<String, Value>) {
    match schema {
        Value::Object(members) => {
            inline_reference(members, definitions);
            if members.get("default").is_some_and(Value::is_null) {
                members.remove("default");
            }
            // The format of a number only repeats its range.
            if members.get("format").is_some_and(|format| !is_known_format(format)) {
                members.remove("format");
            }
            // A property named `oneOf` is not a list.
            if members.get("oneOf").is_some_and(Value::is_array)
                && let Some(variants) = members.remove("oneOf")
            {
                members.insert("anyOf".to_owned(), variants);
            }
            if let Some(Value::Object(properties)) = members.get("properties") {
                let names: Vec<&String> = properties.keys().collect();
                let required = json!(names);
                members.insert("required".to_owned(), required);
                members.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            members.values_mut().for_each(|value| make_strict(value, definitions));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| make_strict(value, definitions)),
        _ => {}
    }
}

/// Whether strict mode accepts the `format` of a string. If `format` is a property of that name, it is not a string.
fn is_known_format(format: &Value) -> bool {
    const KNOWN: [&str; 9] = [
        "date-time",
        "time",
        "date",
        "duration",
        "email",
        "hostname",
        "ipv4",
        "ipv6",
        "uuid",
    ];
    format.as_str().is_none_or(|format| KNOWN.contains(&format))
}

/// Replaces a reference with siblings, such as the description of a field, by its definition. A recursive reference is
/// kept without its siblings.
fn inline_reference(members: &mut Map<String, Value>, definitions: &Map<String, Value>) {
    if members.len() < 2 {
        return;
    }
    let Some(target) = members.get("$ref").and_then(Value::as_str) else {
        return;
    };
    let name = target.strip_prefix("#/$defs/");
    // `#` refers to the root type itself.
    if target == "#" || name.is_some_and(|name| comes_back(name, definitions)) {
        members.retain(|key, _| key == "$ref");
        return;
    }
    let Some(Value::Object(definition)) = name.and_then(|name| definitions.get(name)).cloned() else {
        return;
    };
    members.remove("$ref");
    for (key, value) in definition {
        members.entry(key).or_insert(value);
    }
}

/// Whether a definition refers to itself, directly or indirectly.
fn comes_back(name: &str, definitions: &Map<String, Value>) -> bool {
    let mut seen: Vec<&str> = Vec::new();
    let mut next = vec![name];
    while let Some(one) = next.pop() {
        let mut found = Vec::new();
        references(definitions.get(one).unwrap_or(&Value::Null), &mut found);
        if found.contains(&name) {
            return true;
        }
        found.retain(|other| !seen.contains(other));
        seen.extend(&found);
        next.append(&mut found);
    }
    false
}

/// The names of the definitions that a schema refers to.
fn references<'s>(schema: &'s Value, found: &mut Vec<&'s str>) {
    match schema {
        Value::Object(members) => {
            let target = members.get("$ref").and_then(Value::as_str);
            found.extend(target.and_then(|target| target.strip_prefix("#/$defs/")));
            members.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;

    /// A station.
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Station {
        city: String,
        country: Option<String>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Journey {
        /// Where it begins.
        from: Station,
        to: Vec<Station>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Way {
        /// By train.
        Train,
        OnFoot {
            hours: f32,
            format: u8,
        },
    }

    #[test]
    fn schemas_are_converted_for_strict_mode() {
        let schema = strict_schema::<Way>();
        assert_eq!(schema.get("oneOf"), None);
        let [train, foot] = &schema["anyOf"].as_array().unwrap()[..] else {
            panic!("{schema}")
        };
        assert_eq!(train["const"], "Train");
        let members = &foot["properties"]["OnFoot"]["properties"];
        assert_eq!(members["hours"], json!({"type": "number"}));
        assert_eq!(
            members["format"],
            json!({"type": "integer", "minimum": 0, "maximum": 255})
        );
        let mut known = json!({"type": "string", "format": "date-time"});
        make_strict(&mut known, &Map::new());
        assert_eq!(known["format"], "date-time");
    }

    #[test]
    fn strict_schemas_follow_the_rules() {
        let schema = strict_schema::<Journey>();
        assert_eq!(schema["required"], json!(["from", "to"]));
        assert_eq!(schema["additionalProperties"], json!(false));
        // The reference has a sibling, so it is replaced by the definition, with the field's own description.
        assert_eq!(schema["properties"]["from"]["description"], "Where it begins.");
        assert_eq!(schema["properties"]["from"]["required"], json!(["city", "country"]));
        assert_eq!(schema["properties"]["to"]["items"], json!({"$ref": "#/$defs/Station"}));
        assert_eq!(schema["$defs"]["Station"]["additionalProperties"], json!(false));
        assert_eq!(
            schema["$defs"]["Station"]["properties"]["country"],
            json!({"type": ["string", "null"]})
        );
        assert_eq!(schema.get("$schema"), None);
    }

    /// A sum.
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Term {
        Number(f64),
        Sum {
            /// What is added to.
            left: Box<Term>,
            /// What is added.
            right: Box<Factor>,
        },
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Factor {
        /// Back again.
        term: Box<Term>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Question {
        /// What to work out.
        term: Term,
        /// Where.
        place: Station,
    }

    #[test]
    fn a_recursive_type_remains_a_reference() {
        let schema = strict_schema::<Question>();
        assert_eq!(schema["properties"]["term"], json!({"$ref": "#/$defs/Term"}));
        assert_eq!(schema["properties"]["place"]["description"], "Where.");
        assert_eq!(schema["properties"]["place"]["additionalProperties"], false);
        assert_eq!(
            schema["$defs"]["Factor"]["properties"]["term"],
            json!({"$ref": "#/$defs/Term"})
        );
        let root = strict_schema::<Term>().to_string();
        assert!(root.contains(r##"{"$ref":"#"}"##), "{root}");
    }

    #[test]
    fn a_response_format_names_its_type() {
        let ResponseFormat::JsonSchema(format) = ResponseFormat::of::<Station>() else {
            panic!("a schema")
        };
        assert_eq!(format.json_schema.name, "Station");
        assert_eq!(format.json_schema.strict, Some(true));
        assert_eq!(format.json_schema.description.as_deref(), Some("A station."));
    }
}
