//! Checks a body against a schema.

use serde_json::{Map, Value};

use super::keywords::{allows_type, constants, list, lists_all, matches, member_schema, number, tag_of, types};
use super::schemas::Schemas;
use super::violation::{Path, Violation};
use super::wording;

impl Schemas {
    /// Checks a body against the schema with this name. If there is no such schema, everything is accepted.
    pub(crate) fn check(&self, name: &str, body: &Value) -> Result<(), Violation> {
        match self.components.get(name) {
            Some(schema) => self.value(schema, body, &Path::Body),
            None => Ok(()),
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

    /// Checks a value against the alternative that it is meant for: the one with its type and its member `tag`, such as
    /// `type`.
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
            let alternative = fitting.iter().find(|schema| self.tags(tag, schema).contains(&given));
            let Some(alternative) = alternative else {
                return Err(wording::invalid_value(given, tags, &path));
            };
            let Path::Member(object, _) = path else { return Ok(()) };
            return self.value(alternative, value, object);
        }
        let enums: Vec<&Value> = fitting.iter().flat_map(|schema| constants(schema)).collect();
        if enums.contains(&value) {
            return Ok(());
        }
        // The supported values are listed only if all alternatives are enumerations. Otherwise any string is allowed.
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
