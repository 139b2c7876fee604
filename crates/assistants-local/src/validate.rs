//! Checks the raw JSON of a request against the limits of the spec.
//!
//! The rules are data: a subset of JSON Schema, generated from the spec. The first violation is reported the way the
//! provider does it, with the path of the parameter. Parameters that the schema does not know are let through, because
//! clients newer than the schema send them.

use std::fmt;

use serde_json::{Map, Value};

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) message: String,
    /// The parameter: `tools[3].function.name`; `None` when it is the whole body.
    pub(crate) param: Option<String>,
    /// The kind of violation: `string_above_max_length`.
    pub(crate) code: &'static str,
}

/// The schemas of all requests.
#[derive(Debug)]
pub(crate) struct Schemas {
    components: Map<String, Value>,
}

impl Schemas {
    /// Reads a document of the form `{"components": {"schemas": {"CreateAssistant": {…}}}}`.
    pub(crate) fn parse(document: &str) -> serde_json::Result<Self> {
        let mut document: Value = serde_json::from_str(document)?;
        let components = document.pointer_mut("/components/schemas").map(Value::take);
        match components {
            Some(Value::Object(components)) => Ok(Self { components }),
            _ => Err(serde::de::Error::custom(
                "the document has no object components.schemas",
            )),
        }
    }

    /// Adds the schemas of a further document. A name that both have means the same in both.
    pub(crate) fn and(mut self, document: &str) -> serde_json::Result<Self> {
        self.components.extend(Self::parse(document)?.components);
        Ok(self)
    }

    /// Takes a member out of a union, if it is there.
    pub(crate) fn without_member(mut self, union: &str, member: &str) -> Self {
        let members = self
            .components
            .get_mut(union)
            .and_then(|schema| schema.get_mut("oneOf"));
        if let Some(Value::Array(members)) = members {
            let end = format!("/{member}");
            let is_it = |one: &Value| {
                one.get("$ref")
                    .and_then(Value::as_str)
                    .is_some_and(|name| name.ends_with(&end))
            };
            members.retain(|one| !is_it(one));
        }
        self
    }

    /// Takes a property out of an object, if it is there: whatever it holds is let through.
    pub(crate) fn without_property(mut self, object: &str, property: &str) -> Self {
        let properties = self
            .components
            .get_mut(object)
            .and_then(|schema| schema.get_mut("properties"));
        if let Some(Value::Object(properties)) = properties {
            properties.remove(property);
        }
        self
    }

    /// Checks a body against the schema of that name; a name that does not exist allows everything.
    pub(crate) fn check(&self, name: &str, body: &Value) -> Result<(), Violation> {
        match self.components.get(name) {
            Some(schema) => self.value(schema, body, &Path::Body),
            None => Ok(()),
        }
    }

    fn value(&self, schema: &Value, value: &Value, path: &Path<'_>) -> Result<(), Violation> {
        let schema = self.resolve(schema);
        if value.is_null() && schema.get("nullable").and_then(Value::as_bool) == Some(true) {
            return Ok(());
        }
        for part in list(schema, "allOf") {
            self.value(part, value, path)?;
        }
        let alternatives: Vec<&Value> = list(schema, "oneOf").chain(list(schema, "anyOf")).collect();
        if !alternatives.is_empty() {
            let tag = schema.pointer("/discriminator/propertyName").and_then(Value::as_str);
            return self.one_of(&alternatives, tag.unwrap_or("type"), value, path);
        }
        if !allows_type(schema, value) {
            return Err(path.violation("invalid_type", |param| {
                let (wanted, got) = (type_names(schema), describe(value));
                format!("Invalid type for {param}: expected {wanted}, but got {got} instead.")
            }));
        }
        if let Some(constant) = schema.get("const")
            && constant != value
        {
            return Err(unknown_value(value, std::slice::from_ref(constant), path));
        }
        if let Some(Value::Array(values)) = schema.get("enum")
            && !values.contains(value)
        {
            return Err(unknown_value(value, values, path));
        }
        match value {
            Value::String(text) => check_length(schema, text, path),
            Value::Number(_) => check_range(schema, value, path),
            Value::Array(items) => self.array(schema, items, path),
            Value::Object(members) => self.object(schema, members, path),
            Value::Null | Value::Bool(_) => Ok(()),
        }
    }

    /// Follows references; one that leads nowhere allows everything.
    fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        // A chain of references in the generated document is short; the bound keeps a circle from hanging.
        for _ in 0..16 {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
                break;
            };
            let name = reference.rsplit('/').next().unwrap_or_default();
            schema = self.components.get(name).unwrap_or(&Value::Null);
        }
        schema
    }

    /// Checks against the alternative that the value means: the one with its type and its member `tag`, such as `type`.
    fn one_of(&self, alternatives: &[&Value], tag: &str, value: &Value, path: &Path<'_>) -> Result<(), Violation> {
        let alternatives = self.flatten(alternatives);
        let fitting: Vec<&Value> = alternatives
            .iter()
            .copied()
            .filter(|schema| allows_type(schema, value))
            .collect();
        if fitting.is_empty() {
            return Err(path.violation("invalid_type", |param| {
                let wanted: Vec<String> = alternatives.iter().map(|schema| type_names(schema)).collect();
                format!(
                    "Invalid type for {param}: expected {}, but got {} instead.",
                    one_of(&wanted),
                    describe(value)
                )
            }));
        }
        let tags: Vec<&Value> = fitting.iter().flat_map(|schema| self.tags(tag, schema)).collect();
        if value.is_object() && !tags.is_empty() {
            let path = Path::Member(path, tag);
            let Some(given) = value.get(tag) else {
                return Err(missing(&path));
            };
            let meant = fitting.iter().find(|schema| self.tags(tag, schema).contains(&given));
            let Some(meant) = meant else {
                let tags: Vec<Value> = tags.into_iter().cloned().collect();
                return Err(unknown_value(given, &tags, &path));
            };
            let Path::Member(object, _) = path else { return Ok(()) };
            return self.value(meant, value, object);
        }
        let enums: Vec<&Value> = fitting.iter().flat_map(|schema| constants(schema)).collect();
        if enums.contains(&value) {
            return Ok(());
        }
        // Values are listed only if nothing but values is allowed; a free string beside them takes any string.
        if !enums.is_empty() && fitting.iter().all(|schema| constants(schema).next().is_some()) {
            let values: Vec<Value> = enums.into_iter().cloned().collect();
            return Err(unknown_value(value, &values, path));
        }
        let mut first = None;
        for schema in fitting {
            match self.value(schema, value, path) {
                Ok(()) => return Ok(()),
                Err(violation) => first = first.or(Some(violation)),
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// The alternatives with references followed and nested alternatives taken apart.
    fn flatten<'a>(&'a self, alternatives: &[&'a Value]) -> Vec<&'a Value> {
        let mut flat = Vec::new();
        for alternative in alternatives {
            let schema = self.resolve(alternative);
            let nested: Vec<&Value> = list(schema, "oneOf").chain(list(schema, "anyOf")).collect();
            if nested.is_empty() {
                flat.push(schema);
            } else {
                flat.extend(self.flatten(&nested));
            }
        }
        flat
    }

    /// The values that an alternative's member `tag` may have.
    fn tags<'a>(&'a self, tag: &str, schema: &'a Value) -> Vec<&'a Value> {
        let member = schema.get("properties").and_then(|properties| properties.get(tag));
        member.map_or_else(Vec::new, |member| constants(self.resolve(member)).collect())
    }

    fn array(&self, schema: &Value, items: &[Value], path: &Path<'_>) -> Result<(), Violation> {
        let count = items.len() as u64;
        if let Some(most) = number(schema, "maxItems").filter(|most| count > *most) {
            return Err(path.violation("array_above_max_length", |param| {
                format!("Invalid {param}: array too long. Expected at most {most} items, but got {count} instead.")
            }));
        }
        if let Some(least) = number(schema, "minItems").filter(|least| count < *least) {
            return Err(path.violation("array_below_min_length", |param| {
                format!("Invalid {param}: array too short. Expected at least {least} items, but got {count} instead.")
            }));
        }
        let Some(item_schema) = schema.get("items") else {
            return Ok(());
        };
        for (index, item) in items.iter().enumerate() {
            self.value(item_schema, item, &Path::Item(path, index))?;
        }
        Ok(())
    }

    fn object(&self, schema: &Value, members: &Map<String, Value>, path: &Path<'_>) -> Result<(), Violation> {
        for required in list(schema, "required").filter_map(Value::as_str) {
            if !members.contains_key(required) {
                return Err(missing(&Path::Member(path, required)));
            }
        }
        let count = members.len() as u64;
        if let Some(most) = number(schema, "maxProperties").filter(|most| count > *most) {
            return Err(path.violation("object_above_max_properties", |param| {
                format!("Invalid {param}: too many entries. Expected at most {most}, but got {count} instead.")
            }));
        }
        let properties = schema.get("properties");
        for (name, value) in members {
            let path = Path::Member(path, name);
            if let Some(names) = schema.get("propertyNames") {
                check_length(names, name, &path)?;
            }
            let known = properties.and_then(|properties| properties.get(name));
            // `additionalProperties: false` is not enforced: clients newer than the schema send more.
            let member_schema = known.or_else(|| schema.get("additionalProperties").filter(|other| other.is_object()));
            if let Some(member_schema) = member_schema {
                self.value(member_schema, value, &path)?;
            }
        }
        Ok(())
    }
}

fn missing(path: &Path<'_>) -> Violation {
    path.violation("missing_required_parameter", |param| {
        format!("Missing required parameter: {param}.")
    })
}

fn unknown_value(value: &Value, known: &[Value], path: &Path<'_>) -> Violation {
    let known: Vec<String> = known.iter().map(quote).collect();
    path.violation("invalid_value", |param| {
        format!(
            "Invalid value for {param}: {}. Supported values are: {}.",
            quote(value),
            one_of(&known)
        )
    })
}

fn check_length(schema: &Value, text: &str, path: &Path<'_>) -> Result<(), Violation> {
    let count = text.chars().count() as u64;
    if let Some(most) = number(schema, "maxLength").filter(|most| count > *most) {
        return Err(path.violation("string_above_max_length", |param| {
            format!("Invalid {param}: string too long. Expected at most {most} characters, but got {count} instead.")
        }));
    }
    if let Some(least) = number(schema, "minLength").filter(|least| count < *least) {
        return Err(path.violation("string_below_min_length", |param| {
            format!("Invalid {param}: string too short. Expected at least {least} characters, but got {count} instead.")
        }));
    }
    Ok(())
}

fn check_range(schema: &Value, value: &Value, path: &Path<'_>) -> Result<(), Violation> {
    let limit = |key| schema.get(key).and_then(|limit| Some((limit, limit.as_f64()?)));
    let Some(number) = value.as_f64() else { return Ok(()) };
    let kind = if is_integer(value) { "integer" } else { "decimal" };
    if let Some((most, _)) = limit("maximum").filter(|(_, most)| number > *most) {
        let code = if kind == "integer" {
            "integer_above_max_value"
        } else {
            "decimal_above_max_value"
        };
        return Err(path.violation(code, |param| {
            format!("Invalid {param}: {kind} above the maximum. Expected a value <= {most}, but got {value} instead.")
        }));
    }
    if let Some((least, _)) = limit("minimum").filter(|(_, least)| number < *least) {
        let code = if kind == "integer" {
            "integer_below_min_value"
        } else {
            "decimal_below_min_value"
        };
        return Err(path.violation(code, |param| {
            format!("Invalid {param}: {kind} below the minimum. Expected a value >= {least}, but got {value} instead.")
        }));
    }
    Ok(())
}

fn list<'a>(schema: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    schema.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn number(schema: &Value, key: &str) -> Option<u64> {
    schema.get(key).and_then(Value::as_u64)
}

/// The only values that a schema allows, if it lists them.
fn constants(schema: &Value) -> impl Iterator<Item = &Value> {
    schema.get("const").into_iter().chain(list(schema, "enum"))
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether a schema that names types names that of the value.
fn allows_type(schema: &Value, value: &Value) -> bool {
    let types = types(schema);
    types.is_empty()
        || types.into_iter().any(|name| match name {
            "string" => value.is_string(),
            "integer" => is_integer(value),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            "null" => value.is_null(),
            _ => true,
        })
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64()
}

fn type_names(schema: &Value) -> String {
    let names: Vec<String> = types(schema)
        .into_iter()
        .map(|name| with_article(name).to_owned())
        .collect();
    one_of(&names)
}

fn with_article(name: &str) -> &str {
    match name {
        "string" => "a string",
        "integer" => "an integer",
        "number" => "a number",
        "boolean" => "a boolean",
        "array" => "an array",
        "object" => "an object",
        other => other,
    }
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) if is_integer(value) => "an integer",
        Value::Number(_) => "a decimal",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn quote(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{text}'"),
        other => other.to_string(),
    }
}

fn one_of(names: &[String]) -> String {
    match names {
        [] => "another value".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The way from the body to the value at hand; made into text only for a violation.
#[derive(Debug)]
enum Path<'a> {
    Body,
    Member(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl Path<'_> {
    fn violation(&self, code: &'static str, message: impl FnOnce(&str) -> String) -> Violation {
        match self {
            Self::Body => Violation {
                message: message("the body"),
                param: None,
                code,
            },
            path => {
                let param = path.to_string();
                Violation {
                    message: message(&format!("'{param}'")),
                    param: Some(param),
                    code,
                }
            }
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => Ok(()),
            Self::Member(Self::Body, name) => formatter.write_str(name),
            Self::Member(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Item(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMAS: &str = r##"{"components": {"schemas": {
        "Create": {
            "type": "object",
            "required": ["model"],
            "properties": {
                "model": {"type": "string"},
                "name": {"type": ["string", "null"], "maxLength": 4},
                "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
                "most": {"type": "integer", "minimum": 256},
                "tools": {"type": "array", "maxItems": 2, "items": {"$ref": "#/components/schemas/Tool"}},
                "content": {"oneOf": [
                    {"type": "string"},
                    {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["text"]}}
                ]},
                "choice": {"oneOf": [
                    {"type": "string", "enum": ["none", "auto"]},
                    {"type": "object", "required": ["type"], "properties": {"type": {"type": "string", "enum": ["function"]}}}
                ]},
                "metadata": {"$ref": "#/components/schemas/Metadata"}
            }
        },
        "Tool": {"oneOf": [
            {"type": "object", "required": ["type"], "properties": {"type": {"const": "code_interpreter"}}},
            {"type": "object", "required": ["type", "function"], "properties": {
                "type": {"type": "string", "enum": ["function"]},
                "function": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
            }}
        ]},
        "Metadata": {
            "type": ["object", "null"],
            "maxProperties": 2,
            "propertyNames": {"maxLength": 3},
            "additionalProperties": {"type": "string", "maxLength": 5}
        }
    }}}"##;

    /// `want` is the parameter, a colon, the code, a colon and the message; empty if nothing is wrong.
    #[track_caller]
    fn check(body: &str, want: &str) {
        let schemas = Schemas::parse(SCHEMAS).unwrap();
        let got = match schemas.check("Create", &serde_json::from_str(body).unwrap()) {
            Ok(()) => String::new(),
            Err(violation) => {
                format!(
                    "{}: {}: {}",
                    violation.param.unwrap_or_default(),
                    violation.code,
                    violation.message
                )
            }
        };
        assert_eq!(got, want);
    }

    #[test]
    fn lets_good_requests_and_unknown_parameters_through() {
        check(r#"{"model": "m"}"#, "");
        check(r#"{"model": "m", "newer": {"than": "this"}}"#, "");
        check(
            r#"{"model": "m", "name": null, "temperature": 2, "most": 256, "metadata": null}"#,
            "",
        );
        check(
            r#"{"model": "m", "name": "äöüß", "temperature": 0.5, "metadata": {"a": "12345", "bbb": ""}}"#,
            "",
        );
        check(r#"{"model": "m", "tools": [{"type": "code_interpreter"}]}"#, "");
        check(
            r#"{"model": "m", "tools": [{"type": "function", "function": {"name": "f", "x": 1}}]}"#,
            "",
        );
        check(r#"{"model": "m", "content": "text"}"#, "");
        check(r#"{"model": "m", "content": [{"text": 1}]}"#, "");
        check(r#"{"model": "m", "choice": "auto"}"#, "");
        check(r#"{"model": "m", "choice": {"type": "function"}}"#, "");
    }

    #[test]
    fn finds_what_is_missing() {
        check(
            "{}",
            "model: missing_required_parameter: Missing required parameter: 'model'.",
        );
        check(
            r#"{"model": "m", "tools": [{"type": "function", "function": {}}]}"#,
            "tools[0].function.name: missing_required_parameter: \
             Missing required parameter: 'tools[0].function.name'.",
        );
        check(
            r#"{"model": "m", "tools": [{}]}"#,
            "tools[0].type: missing_required_parameter: Missing required parameter: 'tools[0].type'.",
        );
    }

    #[test]
    fn finds_wrong_types() {
        check(
            "[]",
            ": invalid_type: Invalid type for the body: expected an object, but got an array instead.",
        );
        check(
            r#"{"model": 1}"#,
            "model: invalid_type: Invalid type for 'model': expected a string, but got an integer instead.",
        );
        check(
            r#"{"model": "m", "name": 1.5}"#,
            "name: invalid_type: Invalid type for 'name': expected a string or null, but got a decimal instead.",
        );
        check(
            r#"{"model": "m", "most": 256.5}"#,
            "most: invalid_type: Invalid type for 'most': expected an integer, but got a decimal instead.",
        );
        check(
            r#"{"model": "m", "content": 1}"#,
            "content: invalid_type: \
             Invalid type for 'content': expected a string or an array, but got an integer instead.",
        );
        check(
            r#"{"model": "m", "metadata": {"a": null}}"#,
            "metadata.a: invalid_type: Invalid type for 'metadata.a': expected a string, but got null instead.",
        );
    }

    #[test]
    fn finds_what_is_too_long_or_too_large() {
        check(
            r#"{"model": "m", "name": "äöüßa"}"#,
            "name: string_above_max_length: \
             Invalid 'name': string too long. Expected at most 4 characters, but got 5 instead.",
        );
        check(
            r#"{"model": "m", "temperature": 2.5}"#,
            "temperature: decimal_above_max_value: \
             Invalid 'temperature': decimal above the maximum. Expected a value <= 2, but got 2.5 instead.",
        );
        check(
            r#"{"model": "m", "most": 255}"#,
            "most: integer_below_min_value: \
             Invalid 'most': integer below the minimum. Expected a value >= 256, but got 255 instead.",
        );
        check(
            r#"{"model": "m", "tools": [{}, {}, {}]}"#,
            "tools: array_above_max_length: \
             Invalid 'tools': array too long. Expected at most 2 items, but got 3 instead.",
        );
        check(
            r#"{"model": "m", "content": []}"#,
            "content: array_below_min_length: \
             Invalid 'content': array too short. Expected at least 1 items, but got 0 instead.",
        );
        check(
            r#"{"model": "m", "metadata": {"a": "", "b": "", "c": ""}}"#,
            "metadata: object_above_max_properties: \
             Invalid 'metadata': too many entries. Expected at most 2, but got 3 instead.",
        );
        check(
            r#"{"model": "m", "metadata": {"long": ""}}"#,
            "metadata.long: string_above_max_length: \
             Invalid 'metadata.long': string too long. Expected at most 3 characters, but got 4 instead.",
        );
        check(
            r#"{"model": "m", "metadata": {"a": "123456"}}"#,
            "metadata.a: string_above_max_length: \
             Invalid 'metadata.a': string too long. Expected at most 5 characters, but got 6 instead.",
        );
    }

    #[test]
    fn finds_values_that_do_not_exist() {
        check(
            r#"{"model": "m", "choice": "never"}"#,
            "choice: invalid_value: Invalid value for 'choice': 'never'. Supported values are: 'none' or 'auto'.",
        );
        check(
            r#"{"model": "m", "tools": [{"type": "browser"}]}"#,
            "tools[0].type: invalid_value: Invalid value for 'tools[0].type': 'browser'. \
             Supported values are: 'code_interpreter' or 'function'.",
        );
    }
}
