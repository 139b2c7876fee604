//! Checks the raw JSON of a request against the limits of the spec.
//!
//! The rules are data: a subset of JSON Schema, generated from the spec. The first violation is reported in the
//! provider's words ([`wording`]), with the path of the parameter. `null` for an optional member is the same as leaving
//! it out ([`Schemas::drop_nulls`]). Members that the schema does not know are let through, because clients newer than
//! the schema send them, unless the schemas are [strict](Schemas::strict).

mod wording;

use std::fmt;

use serde_json::{Map, Value, json};

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) message: String,
    /// The parameter: `tools[3].function.name`; `None` when it is the whole body.
    pub(crate) param: Option<String>,
    /// The kind of violation: `string_above_max_length`.
    pub(crate) code: &'static str,
}

impl Violation {
    /// A parameter outside the body that is none of the values it may have.
    pub(crate) fn invalid_value<'a>(param: &str, given: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<Value> = known.into_iter().map(Value::from).collect();
        wording::invalid_value(&given.into(), &known, &Path::Member(&Path::Body, param))
    }

    /// A parameter outside the body that is no integer, or none from `least` to `most`; `None` if it is one.
    pub(crate) fn outside(param: &str, given: &str, least: i64, most: i64) -> Option<Self> {
        let path = Path::Member(&Path::Body, param);
        match given.parse::<i64>() {
            Err(_) => Some(wording::invalid_type(
                &[&json!({"type": "integer"})],
                &given.into(),
                &path,
            )),
            Ok(number) if number > most => Some(wording::above_maximum(&most.into(), &number.into(), true, &path)),
            Ok(number) if number < least => Some(wording::below_minimum(&least.into(), &number.into(), true, &path)),
            Ok(_) => None,
        }
    }
}

/// The schemas of all requests.
#[derive(Debug)]
pub(crate) struct Schemas {
    components: Map<String, Value>,
    /// Whether members that no schema knows are violations.
    strict: bool,
}

impl Schemas {
    /// Reads a document of the form `{"components": {"schemas": {"CreateAssistant": {…}}}}`.
    pub(crate) fn parse(document: &str) -> serde_json::Result<Self> {
        let mut document: Value = serde_json::from_str(document)?;
        let components = document.pointer_mut("/components/schemas").map(Value::take);
        match components {
            Some(Value::Object(components)) => Ok(Self {
                components,
                strict: false,
            }),
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

    /// Makes members that no schema knows violations, if `strict`.
    pub(crate) fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    pub(crate) fn is_strict(&self) -> bool {
        self.strict
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

    /// Removes the members that are null where the schema of that name has neither a null nor a need for them: a null
    /// there means that the member is absent.
    ///
    /// What remains is null where null has a meaning of its own, as it has in an update, or where the check then names
    /// it as wrong.
    pub(crate) fn drop_nulls(&self, name: &str, body: &mut Value) {
        if let Some(schema) = self.components.get(name) {
            self.drop_nulls_in(schema, body);
        }
    }

    fn drop_nulls_in(&self, schema: &Value, value: &mut Value) {
        let Some(schema) = self.meant(schema, value) else {
            return;
        };
        match value {
            Value::Object(members) => {
                members.retain(|name, value| !value.is_null() || self.keeps_null(schema, name));
                for (name, value) in members {
                    if let Some(member) = member_schema(schema, name) {
                        self.drop_nulls_in(member, value);
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = schema.get("items") {
                    for item in items {
                        self.drop_nulls_in(schema, item);
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether a null of that member is more than its absence.
    fn keeps_null(&self, object: &Value, name: &str) -> bool {
        let required = list(object, "required").any(|required| required == name);
        let schema = object.get("properties").and_then(|properties| properties.get(name));
        required || schema.is_none_or(|schema| self.allows_null(schema))
    }

    fn allows_null(&self, schema: &Value) -> bool {
        let schema = self.resolve(schema);
        let mut alternatives = list(schema, "oneOf").peekable();
        if alternatives.peek().is_some() {
            return alternatives.any(|one| self.allows_null(one));
        }
        let mut constants = constants(schema).peekable();
        allows_type(schema, &Value::Null) && (constants.peek().is_none() || constants.any(Value::is_null))
    }

    /// The schema without choice that a value is meant for. `None` if it fits none.
    fn meant<'a>(&'a self, schema: &'a Value, value: &Value) -> Option<&'a Value> {
        let schema = self.resolve(schema);
        let alternatives: Vec<&Value> = list(schema, "oneOf").collect();
        if alternatives.is_empty() {
            return allows_type(schema, value).then_some(schema);
        }
        let alternatives = self.flatten(&alternatives);
        let mut fitting = alternatives.into_iter().filter(|one| allows_type(one, value));
        let tag = tag_of(schema);
        match value.get(tag) {
            Some(given) => fitting.find(|one| {
                let tags = self.tags(tag, one);
                tags.is_empty() || tags.contains(&given)
            }),
            None => fitting.next(),
        }
    }

    fn value(&self, schema: &Value, value: &Value, path: &Path<'_>) -> Result<(), Violation> {
        let schema = self.resolve(schema);
        let alternatives: Vec<&Value> = list(schema, "oneOf").collect();
        if !alternatives.is_empty() {
            return self.one_of(&alternatives, tag_of(schema), value, path);
        }
        if !allows_type(schema, value) {
            return Err(wording::invalid_type(&[schema], value, path));
        }
        let mut known = constants(schema).peekable();
        if known.peek().is_some() && !constants(schema).any(|one| one == value) {
            return Err(wording::invalid_value(value, known, path));
        }
        match value {
            Value::String(text) => check_text(schema, text, path),
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
            return Err(wording::invalid_type(&alternatives, value, path));
        }
        let tags: Vec<&Value> = fitting.iter().flat_map(|schema| self.tags(tag, schema)).collect();
        if value.is_object() && !tags.is_empty() {
            let path = Path::Member(path, tag);
            let Some(given) = value.get(tag) else {
                return Err(wording::missing(&path));
            };
            let meant = fitting.iter().find(|schema| self.tags(tag, schema).contains(&given));
            let Some(meant) = meant else {
                return Err(wording::invalid_value(given, tags, &path));
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
            return Err(wording::invalid_value(value, enums, path));
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
            let nested: Vec<&Value> = list(schema, "oneOf").collect();
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
            return Err(wording::array_too_long(most, count, path));
        }
        if let Some(least) = number(schema, "minItems").filter(|least| count < *least) {
            return Err(wording::array_too_short(least, count, path));
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
                return Err(wording::missing(&Path::Member(path, required)));
            }
        }
        let count = members.len() as u64;
        if let Some(most) = number(schema, "maxProperties").filter(|most| count > *most) {
            return Err(wording::too_many_properties(most, count, path));
        }
        let longest = schema.get("propertyNames").and_then(|names| number(names, "maxLength"));
        for (name, value) in members {
            let length = name.chars().count() as u64;
            if let Some(most) = longest.filter(|most| length > *most) {
                return Err(wording::name_too_long(most, length, name, path));
            }
            let path = Path::Member(path, name);
            match member_schema(schema, name) {
                Some(member) => self.value(member, value, &path)?,
                None if self.strict && lists_all(schema) => return Err(wording::unknown_parameter(&path)),
                None => {}
            }
        }
        Ok(())
    }
}

/// The schema of an object's member of that name.
fn member_schema<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let known = object.get("properties").and_then(|properties| properties.get(name));
    known.or_else(|| object.get("additionalProperties").filter(|others| others.is_object()))
}

/// Whether an object has no members but those that its schema lists.
fn lists_all(object: &Value) -> bool {
    object.get("properties").is_some() && object.get("additionalProperties").is_none_or(|others| others == false)
}

/// The member that tells the alternatives of a union apart.
fn tag_of(union: &Value) -> &str {
    let tag = union.pointer("/discriminator/propertyName").and_then(Value::as_str);
    tag.unwrap_or("type")
}

fn check_text(schema: &Value, text: &str, path: &Path<'_>) -> Result<(), Violation> {
    let count = text.chars().count() as u64;
    if let Some(most) = number(schema, "maxLength").filter(|most| count > *most) {
        return Err(wording::string_too_long(most, count, path));
    }
    if let Some(least) = number(schema, "minLength").filter(|least| count < *least) {
        return Err(wording::string_too_short(least, count, path));
    }
    match schema.get("pattern").and_then(Value::as_str) {
        Some(pattern) if !matches(pattern, text) => Err(wording::pattern_mismatch(pattern, path)),
        _ => Ok(()),
    }
}

/// Whether a text matches a pattern of the form `^[…]+$`, the only one that the spec has: letters, digits and ranges of
/// them. Any other pattern matches everything.
fn matches(pattern: &str, text: &str) -> bool {
    let Some(class) = pattern.strip_prefix("^[").and_then(|rest| rest.strip_suffix("]+$")) else {
        return true;
    };
    let mut allowed = Vec::new();
    let mut rest = class.chars().peekable();
    while let Some(first) = rest.next() {
        let mut ahead = rest.clone();
        let last = ahead.next_if_eq(&'-').and_then(|_| ahead.next());
        if last.is_some() {
            rest = ahead;
        }
        allowed.push(first..=last.unwrap_or(first));
    }
    let is_allowed = |character: char| allowed.iter().any(|range| range.contains(&character));
    !text.is_empty() && text.chars().all(is_allowed)
}

fn check_range(schema: &Value, value: &Value, path: &Path<'_>) -> Result<(), Violation> {
    let limit = |key| schema.get(key).and_then(|limit| Some((limit, limit.as_f64()?)));
    let Some(number) = value.as_f64() else { return Ok(()) };
    let is_integer = types(schema).contains(&"integer");
    if let Some((most, _)) = limit("maximum").filter(|(_, most)| number > *most) {
        return Err(wording::above_maximum(most, value, is_integer, path));
    }
    if let Some((least, _)) = limit("minimum").filter(|(_, least)| number < *least) {
        return Err(wording::below_minimum(least, value, is_integer, path));
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
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            "null" => value.is_null(),
            _ => true,
        })
}

/// The way from the body to the value at hand; made into text only for a violation.
#[derive(Debug)]
enum Path<'a> {
    Body,
    Member(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
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
    fn a_strict_check_finds_what_it_does_not_know() {
        let schemas = Schemas::parse(SCHEMAS).unwrap().strict(true);
        let check = |body: &str| schemas.check("Create", &serde_json::from_str(body).unwrap()).err();
        assert_eq!(check(r#"{"model": "m", "metadata": {"a": "b"}}"#), None);
        let violation = check(r#"{"model": "m", "tools": [{"type": "code_interpreter", "x": 1}]}"#).unwrap();
        assert_eq!(
            (violation.message.as_str(), violation.code, violation.param.as_deref()),
            (
                "Unknown parameter: 'tools[0].x'.",
                "unknown_parameter",
                Some("tools[0].x")
            )
        );
    }

    #[test]
    fn drops_nulls_that_are_not_in_the_schema() {
        let schemas = Schemas::parse(SCHEMAS).unwrap();
        let mut body = serde_json::json!({
            "model": null, "name": null, "most": null, "tools": null, "content": null, "choice": null, "metadata": null,
            "newer": null,
        });
        schemas.drop_nulls("Create", &mut body);
        // What must be there, what may be null and what is not known stays.
        let want = serde_json::json!({"model": null, "name": null, "metadata": null, "newer": null});
        assert_eq!(body, want);
        let mut body = serde_json::json!({"model": "m", "tools": [
            {"type": "function", "function": {"name": null, "x": null}}, {"type": "function", "function": null}, null
        ]});
        let before = body.clone();
        schemas.drop_nulls("Create", &mut body);
        assert_eq!(body, before);
    }

    /// What no alternative could be told for, [`Schemas::drop_nulls`] and the check would have to guess.
    #[test]
    fn the_alternatives_of_every_union_are_told_apart() {
        let documents = [
            include_str!("../generated/request_schemas.json"),
            include_str!("../generated/chat_request_schemas.json"),
        ];
        let schemas = Schemas::parse(documents[0]).unwrap().and(documents[1]).unwrap();
        fn walk(schemas: &Schemas, schema: &Value, unions: &mut usize) {
            if list(schema, "oneOf").next().is_some() {
                let alternatives: Vec<&Value> = list(schema, "oneOf").collect();
                let alternatives = schemas.flatten(&alternatives);
                for kind in ["array", "object"] {
                    let alike = alternatives.iter().filter(|one| types(one).contains(&kind));
                    let alike: Vec<_> = alike.map(|one| schemas.tags(tag_of(schema), one)).collect();
                    assert!(alike.len() < 2 || alike.iter().all(|tags| !tags.is_empty()), "{schema}");
                }
                *unions += 1;
            }
            if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
                assert!(pattern.starts_with("^[") && pattern.ends_with("]+$"), "{pattern}");
            }
            let members = schema.as_object().into_iter().flat_map(Map::values);
            let items = schema.as_array().into_iter().flatten();
            members.chain(items).for_each(|inner| walk(schemas, inner, unions));
        }
        let mut unions = 0;
        for schema in schemas.components.values() {
            walk(&schemas, schema, &mut unions);
        }
        assert!(unions > 20, "only {unions} unions");
    }

    #[test]
    fn a_pattern_is_a_set_of_characters() {
        for (text, want) in [
            ("get_A-9", true),
            ("", false),
            ("a b", false),
            ("ä", false),
            ("a.b", false),
            ("a\n", false),
        ] {
            assert_eq!(matches("^[a-zA-Z0-9_-]+$", text), want, "{text:?}");
        }
        assert!(matches("(anything else)", "x"));
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
            "name: invalid_type: Invalid type for 'name': expected a string, but got a decimal number instead.",
        );
        check(
            r#"{"model": "m", "most": 256.5}"#,
            "most: invalid_type: Invalid type for 'most': expected an integer, but got a decimal number instead.",
        );
        check(
            r#"{"model": "m", "content": 1}"#,
            "content: invalid_type: \
             Invalid type for 'content': expected one of a string or an array, but got an integer instead.",
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
             Invalid 'name': string too long. Expected a string with maximum length 4, but got a string with length 5 instead.",
        );
        check(
            r#"{"model": "m", "temperature": 2.5}"#,
            "temperature: decimal_above_max_value: \
             Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 2.5 instead.",
        );
        check(
            r#"{"model": "m", "most": 255}"#,
            "most: integer_below_min_value: \
             Invalid 'most': integer below minimum value. Expected a value >= 256, but got 255 instead.",
        );
        check(
            r#"{"model": "m", "tools": [{}, {}, {}]}"#,
            "tools: array_above_max_length: \
             Invalid 'tools': array too long. Expected an array with maximum length 2, but got an array with length 3 instead.",
        );
        check(
            r#"{"model": "m", "content": []}"#,
            "content: empty_array: \
             Invalid 'content': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        );
        check(
            r#"{"model": "m", "metadata": {"a": "", "b": "", "c": ""}}"#,
            "metadata: object_above_max_properties: \
             Invalid 'metadata': too many properties. Expected an object with at most 2 properties, but got an object with 3 properties instead.",
        );
        check(
            r#"{"model": "m", "metadata": {"long": ""}}"#,
            "metadata.long: property_name_above_max_length: \
             Invalid property name in 'metadata': 'long' is too long. Expected a string with maximum length 3, but got a string with length 4 instead.",
        );
        check(
            r#"{"model": "m", "metadata": {"a": "123456"}}"#,
            "metadata.a: string_above_max_length: \
             Invalid 'metadata.a': string too long. Expected a string with maximum length 5, but got a string with length 6 instead.",
        );
    }

    #[test]
    fn finds_values_that_do_not_exist() {
        check(
            r#"{"model": "m", "choice": "never"}"#,
            "choice: invalid_value: Invalid value: 'never'. Supported values are: 'none' and 'auto'.",
        );
        check(
            r#"{"model": "m", "tools": [{"type": "browser"}]}"#,
            "tools[0].type: invalid_value: Invalid value: 'browser'. \
             Supported values are: 'code_interpreter' and 'function'.",
        );
    }
}
