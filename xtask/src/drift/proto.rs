//! Compares a document with the JSON mapping of protocol buffers with facts extracted from the provider's definitions.
//!
//! The facts are `services` (calls with their REST mapping), `messages` (fields) and `enums` (names of values). Our
//! document refers to them by `x-rpc` and `x-proto`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::compare::{Counts, Difference};
use super::side::{is_true, member, text};
use crate::model::snake;
use crate::spec;

/// A field, in a form common to both sides.
#[derive(Debug, Default, PartialEq, Eq)]
struct Field {
    ty: String,
    group: String,
    required: bool,
}

type Fields = BTreeMap<String, Field>;

/// Compares all calls, messages and enums. An error means that a document is inconsistent.
pub(crate) fn documents(ours: &Value, theirs: &Value) -> Result<(Vec<Difference>, Counts), String> {
    let mut comparison = Comparison {
        ours,
        theirs,
        differences: Vec::new(),
        counts: Counts::default(),
    };
    comparison.calls()?;
    comparison.schemas()?;
    Ok((comparison.differences, comparison.counts))
}

struct Comparison<'a> {
    ours: &'a Value,
    theirs: &'a Value,
    differences: Vec<Difference>,
    counts: Counts,
}

impl<'a> Comparison<'a> {
    fn calls(&mut self) -> Result<(), String> {
        let mut mapped: BTreeMap<String, (String, &'a Value)> = BTreeMap::new();
        for (path, item) in members(member(self.ours, "paths")) {
            for (method, operation) in members(item) {
                let name = text(operation, "x-rpc");
                if name.is_empty() {
                    return Err(format!("{method} {path}: x-rpc is missing"));
                }
                mapped.insert(
                    name.to_owned(),
                    (format!("{} {path}", method.to_uppercase()), operation),
                );
            }
        }
        let grpc_only: BTreeSet<&str> = items(member(self.ours, "x-grpc-only"))
            .map(|one| text(one, "name"))
            .collect();
        let mut published: BTreeMap<String, &'a Value> = BTreeMap::new();
        for (service, calls) in members(member(self.theirs, "services")) {
            for call in items(calls) {
                published.insert(format!("{service}.{}", text(call, "rpc")), call);
            }
        }

        let names: BTreeSet<&String> = mapped.keys().chain(published.keys()).collect();
        for name in names {
            match (mapped.get(name), published.get(name)) {
                (Some((place, operation)), Some(call)) => {
                    self.counts.operations += 1;
                    self.differ(name, "mapping", place, &mapping(call));
                    let stream = |yes: bool| if yes { "a stream" } else { "one message" };
                    let (ours, theirs) = (is_true(operation, "x-stream"), is_true(call, "server_streaming"));
                    self.differ(name, "answer", stream(ours), stream(theirs));
                    self.request(name, operation, call)?;
                    let answer = operation.pointer("/responses/200/content/application~1json/schema");
                    self.message_is(&format!("{name} response"), answer, text(call, "response"))?;
                }
                (Some(_), None) => self.differ(name, "call", "yes", "no"),
                (None, Some(call)) if call.get("http").is_none() => {
                    let listed = if grpc_only.contains(name.as_str()) {
                        "gRPC only"
                    } else {
                        "no"
                    };
                    self.differ(name, "call", listed, "gRPC only");
                }
                (None, _) => self.differ(name, "call", "no", "yes"),
            }
        }
        for name in grpc_only {
            if published.get(name).is_none_or(|call| call.get("http").is_some()) {
                self.differ(name, "call", "gRPC only", "otherwise");
            }
        }
        Ok(())
    }

    /// The fields of a request are in the path, in the query or in the body.
    fn request(&mut self, name: &str, operation: &'a Value, call: &'a Value) -> Result<(), String> {
        let mut ours = Fields::new();
        for parameter in items(member(operation, "parameters")) {
            let parameter = self.follow(parameter)?;
            let mut field = self.field(member(parameter, "schema"))?;
            field.required = is_true(parameter, "required");
            field.group = text(parameter, "in").to_owned();
            ours.insert(text(parameter, "name").to_owned(), field);
            self.counts.parameters += 1;
        }
        if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
            self.message_is(&format!("{name} request"), Some(schema), text(call, "request"))?;
            for (key, mut field) in self.fields(self.follow(schema)?)? {
                field.group.insert_str(0, "body ");
                ours.insert(key, field);
            }
        }
        let path: BTreeSet<&str> = text(call, "path")
            .split(['{', '}'])
            .enumerate()
            .filter(|(at, _)| at % 2 == 1)
            .map(|(_, name)| name)
            .collect();
        let whole = text(call, "body") == "*";
        let mut theirs = self.published(text(call, "request"))?;
        for (key, field) in &mut theirs {
            if path.contains(snake(key).as_str()) {
                field.group = "path".to_owned();
            } else if whole {
                field.group.insert_str(0, "body ");
            } else {
                field.group = "query".to_owned();
            }
        }
        self.compare(&format!("{name} request"), &ours, &theirs, true);
        Ok(())
    }

    /// All messages and enums of our document, with all of their names.
    fn schemas(&mut self) -> Result<(), String> {
        let bodies: BTreeSet<&str> = members(member(self.ours, "paths"))
            .flat_map(|(_, item)| members(item))
            .filter_map(|(_, operation)| {
                operation
                    .pointer("/requestBody/content/application~1json/schema/$ref")?
                    .as_str()
            })
            .filter_map(|reference| reference.rsplit('/').next())
            .collect();
        for (name, schema) in members(self.ours.pointer("/components/schemas").unwrap_or(&Value::Null)) {
            for full_name in full_names(schema) {
                if let Some(values) = schema.get("oneOf") {
                    let ours: Vec<&str> = items(values).map(|value| text(value, "const")).collect();
                    let theirs: Vec<&str> = items(member(member(self.theirs, "enums"), full_name))
                        .filter_map(Value::as_str)
                        .collect();
                    self.counts.values += ours.len();
                    // Values are in the order of their numbers.
                    self.differ(full_name, "values", &ours.join(" "), &theirs.join(" "));
                    continue;
                }
                if bodies.contains(name) {
                    continue; // Compared with its call, where the path is known.
                }
                if member(self.theirs, "messages").get(full_name).is_none() {
                    self.differ(full_name, "message", "yes", "no");
                    continue;
                }
                let (ours, theirs) = (self.fields(schema)?, self.published(full_name)?);
                self.compare(full_name, &ours, &theirs, false);
            }
        }
        Ok(())
    }

    fn compare(&mut self, at: &str, ours: &Fields, theirs: &Fields, request: bool) {
        let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        for key in keys {
            let at = format!("{at}.{key}");
            let (Some(a), Some(b)) = (ours.get(key), theirs.get(key)) else {
                let there = |there: bool| if there { "yes" } else { "no" };
                self.differ(
                    &at,
                    "field",
                    there(ours.contains_key(key)),
                    there(theirs.contains_key(key)),
                );
                continue;
            };
            self.counts.properties += 1;
            // A type used for several messages has several names.
            if !a.ty.split('|').any(|name| name == b.ty) {
                self.differ(&at, "type", &a.ty, &b.ty);
            }
            self.differ(&at, "group", &a.group, &b.group);
            // In responses, `required` is what our parsers require.
            if request || key != "id" {
                let word = |required: bool| if required { "yes" } else { "no" };
                self.differ(&at, "required", word(a.required), word(b.required));
            }
        }
    }

    fn message_is(&mut self, at: &str, schema: Option<&'a Value>, want: &str) -> Result<(), String> {
        let ours = schema
            .map(|schema| self.follow(schema))
            .transpose()?
            .map(full_names)
            .unwrap_or_default();
        if !ours.contains(&want) {
            self.differ(at, "type", &ours.join("|"), want);
        }
        Ok(())
    }

    fn fields(&self, schema: &'a Value) -> Result<Fields, String> {
        let mut fields = Fields::new();
        for (key, property) in members(member(schema, "properties")) {
            let mut field = self.field(property)?;
            field.required = items(member(schema, "required")).any(|one| one == key);
            for (group, one) in members(member(schema, "x-oneof")) {
                if items(member(one, "members")).any(|one| one == key) {
                    group.clone_into(&mut field.group);
                }
            }
            fields.insert(key.to_owned(), field);
        }
        Ok(fields)
    }

    /// The name of a property's type in the provider's definitions.
    fn field(&self, schema: &'a Value) -> Result<Field, String> {
        let ty = match (text(schema, "$ref"), text(schema, "type"), text(schema, "format")) {
            ("#/components/schemas/Labels", ..) => "map<string,string>".to_owned(),
            ("#/components/schemas/Struct", ..) => "google.protobuf.Struct".to_owned(),
            ("#/components/schemas/Any", ..) => "google.protobuf.Any".to_owned(),
            (reference, ..) if !reference.is_empty() => full_names(self.follow(schema)?).join("|"),
            (_, "array", _) => format!("repeated {}", self.field(member(schema, "items"))?.ty),
            (_, "string", "") => "string".to_owned(),
            (_, "string", "byte") => "bytes".to_owned(),
            (_, "string", "date-time") => "google.protobuf.Timestamp".to_owned(),
            (_, "string", "field-mask") => "google.protobuf.FieldMask".to_owned(),
            (_, "string" | "integer", format) => format.to_owned(),
            (_, "number", _) => "double".to_owned(),
            (_, "boolean", _) => "bool".to_owned(),
            // A type with null is a wrapper.
            (_, "", _) => match schema.pointer("/type/0").and_then(Value::as_str) {
                Some("string") => "google.protobuf.Int64Value".to_owned(),
                Some("number") => "google.protobuf.DoubleValue".to_owned(),
                Some("boolean") => "google.protobuf.BoolValue".to_owned(),
                _ => return Err(format!("no type in {schema}")),
            },
            _ => return Err(format!("no rule for {schema}")),
        };
        // `repeated` precedes the list of names, not the first name.
        let ty = match ty.strip_prefix("repeated ") {
            Some(names) => names
                .split('|')
                .map(|name| format!("repeated {name}"))
                .collect::<Vec<_>>()
                .join("|"),
            None => ty,
        };
        Ok(Field { ty, ..Field::default() })
    }

    fn published(&self, name: &str) -> Result<Fields, String> {
        let fields = member(self.theirs, "messages")
            .get(name)
            .ok_or_else(|| format!("theirs: no message {name}"))?;
        Ok(items(fields)
            .map(|field| {
                let repeated = if is_true(field, "repeated") { "repeated " } else { "" };
                let one = Field {
                    ty: format!("{repeated}{}", text(field, "type")),
                    group: text(field, "oneof").to_owned(),
                    required: is_true(field, "required"),
                };
                (text(field, "json").to_owned(), one)
            })
            .collect())
    }

    fn follow(&self, value: &'a Value) -> Result<&'a Value, String> {
        match value.get("$ref").and_then(Value::as_str) {
            None => Ok(value),
            Some(reference) => {
                spec::resolve(self.ours, reference).ok_or_else(|| format!("ours: {reference} does not exist"))
            }
        }
    }

    fn differ(&mut self, at: &str, aspect: &str, ours: &str, theirs: &str) {
        if ours != theirs {
            self.differences.push(Difference {
                at: at.to_owned(),
                aspect: aspect.to_owned(),
                ours: ours.to_owned(),
                theirs: theirs.to_owned(),
            });
        }
    }
}

/// Method and path of a call, with parameters in our spelling.
fn mapping(call: &Value) -> String {
    let path: String = text(call, "path")
        .split('_')
        .enumerate()
        .map(|(at, part)| match part.chars().next() {
            Some(first) if at > 0 => first.to_ascii_uppercase().to_string() + &part[first.len_utf8()..],
            _ => part.to_owned(),
        })
        .collect();
    format!("{} {path}", text(call, "http"))
}

fn full_names(schema: &Value) -> Vec<&str> {
    match schema.get("x-proto") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.as_str(), value))
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ours() -> Value {
        json!({
            "paths": {"/v1/things/{thingId}": {"patch": {
                "x-rpc": "p.Things.Update",
                "parameters": [{"name": "thingId", "in": "path", "required": true, "schema": {"type": "string"}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/UpdateThing"}}}},
                "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}},
            }}},
            "x-grpc-only": [{"name": "p.Things.Attach"}],
            "components": {"schemas": {
                "UpdateThing": {"x-proto": "p.UpdateThingRequest", "properties": {"size": {"type": "string", "format": "int64"}}},
                "Thing": {
                    "x-proto": ["p.Thing", "q.Thing"], "required": ["id"],
                    "x-oneof": {"Kind": {"members": ["small", "large"]}},
                    "properties": {
                        "id": {"type": "string"},
                        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
                        "weight": {"type": ["number", "null"]},
                        "small": {"type": "boolean"}, "large": {"type": "boolean"},
                        "colour": {"$ref": "#/components/schemas/Colour"},
                    },
                },
                "Colour": {"x-proto": "p.Colour", "oneOf": [{"const": "NONE"}, {"const": "RED"}]},
            }},
        })
    }

    fn theirs() -> Value {
        let thing = |package: &str| {
            json!([
                {"json": "id", "type": "string"},
                {"json": "parts", "type": format!("{package}.Thing"), "repeated": true},
                {"json": "weight", "type": "google.protobuf.DoubleValue"},
                {"json": "small", "type": "bool", "oneof": "Kind"}, {"json": "large", "type": "bool", "oneof": "Kind"},
                {"json": "colour", "type": "p.Colour"},
            ])
        };
        json!({
            "services": {"p.Things": [
                {"rpc": "Update", "http": "PATCH", "path": "/v1/things/{thing_id}", "body": "*", "request": "p.UpdateThingRequest", "response": "p.Thing"},
                {"rpc": "Attach", "request": "p.Thing", "response": "p.Thing"},
            ]},
            "messages": {
                "p.UpdateThingRequest": [{"json": "thingId", "type": "string", "required": true}, {"json": "size", "type": "int64"}],
                "p.Thing": thing("p"), "q.Thing": thing("q"),
            },
            "enums": {"p.Colour": ["NONE", "RED"]},
        })
    }

    /// Checks the differences after a change to the provider's facts at a JSON pointer.
    #[track_caller]
    fn check(pointer: &str, value: Value, want: &[&str]) {
        let mut theirs = theirs();
        *theirs.pointer_mut(pointer).unwrap() = value;
        let (differences, _) = documents(&ours(), &theirs).unwrap();
        let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
        assert_eq!(lines, want);
    }

    #[test]
    fn equivalent_documents_do_not_differ() {
        let (differences, counts) = documents(&ours(), &theirs()).unwrap();
        assert_eq!(differences, []);
        let want = Counts {
            operations: 1,
            parameters: 1,
            properties: 14,
            values: 2,
            events: 0,
        };
        assert_eq!(counts, want);
    }

    #[test]
    fn finds_differences() {
        let call = "/services/p.Things/0";
        check(
            &format!("{call}/http"),
            "POST".into(),
            &["p.Things.Update: mapping: ours PATCH /v1/things/{thingId}, theirs POST /v1/things/{thingId}"],
        );
        check(
            &format!("{call}/rpc"),
            "Change".into(),
            &[
                "p.Things.Change: call: ours no, theirs yes",
                "p.Things.Update: call: ours yes, theirs no",
            ],
        );
        check(
            &format!("{call}/response"),
            "p.UpdateThingRequest".into(),
            &["p.Things.Update response: type: ours p.Thing|q.Thing, theirs p.UpdateThingRequest"],
        );
        check(
            "/services/p.Things/1/rpc",
            "Detach".into(),
            &[
                "p.Things.Detach: call: ours no, theirs gRPC only",
                "p.Things.Attach: call: ours gRPC only, theirs otherwise",
            ],
        );
        check(
            "/messages/p.UpdateThingRequest/1/json",
            "width".into(),
            &[
                "p.Things.Update request.size: field: ours yes, theirs no",
                "p.Things.Update request.width: field: ours no, theirs yes",
            ],
        );
        check(
            "/messages/p.UpdateThingRequest/0/required",
            false.into(),
            &["p.Things.Update request.thingId: required: ours yes, theirs no"],
        );
        check(
            "/messages/q.Thing/1/repeated",
            false.into(),
            &["q.Thing.parts: type: ours repeated p.Thing|repeated q.Thing, theirs q.Thing"],
        );
        check(
            "/messages/p.Thing/3/oneof",
            "Size".into(),
            &["p.Thing.small: group: ours Kind, theirs Size"],
        );
        check(
            "/messages/p.Thing/2/type",
            "double".into(),
            &["p.Thing.weight: type: ours google.protobuf.DoubleValue, theirs double"],
        );
        check(
            "/enums/p.Colour",
            json!(["NONE", "RED", "BLUE"]),
            &["p.Colour: values: ours NONE RED, theirs NONE RED BLUE"],
        );
    }
}
