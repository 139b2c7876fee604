//! The Rust items that a specification stands for, before they are text.
//!
//! Reading a document decides everything that needs thought (which fields are optional, what a type is called, where
//! it goes); writing it out afterwards is only layout.

pub(crate) mod proto;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::spec::{LENT_BY, rust_field};

/// Names of the call options. A wire parameter of the same name would hide its option behind a setter.
const CALL_OPTIONS: &[&str] = &[
    "timeout",
    "deadline",
    "header",
    "query",
    "body_field",
    "max_retries",
    "idempotency_key",
    "cancel_with",
    "idle_timeout",
    "send",
    "send_raw",
    "send_streaming",
];

/// Everything one document gives.
#[derive(Debug)]
pub(crate) struct Model {
    /// The document's path, for the first line of each file.
    pub(crate) source: String,
    /// The module of the types crate that the items go to.
    pub(crate) home: String,
    /// Which published version the document describes.
    pub(crate) describes: String,
    /// Whether another document lends types to this one.
    pub(crate) borrows: bool,
    /// Items by the file they go to.
    pub(crate) modules: BTreeMap<String, Vec<Item>>,
    pub(crate) operations: Vec<Operation>,
}

/// One operation of the protocol.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) constant: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) summary: String,
}

/// One named type.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) shape: Shape,
}

#[derive(Debug)]
pub(crate) enum Shape {
    Object(Object),
    OpenEnum(Vec<Arm>),
    Tagged {
        tag: String,
        strings: Vec<Arm>,
        members: Vec<UnionMember>,
    },
    Choice {
        strings: Vec<Arm>,
        members: Vec<ChoiceMember>,
    },
    Events(Vec<Event>),
    Message(proto::Message),
    ProtoEnum(Vec<Arm>),
}

/// A value of an enum: its Rust name, its value on the wire.
#[derive(Debug)]
pub(crate) struct Arm {
    pub(crate) name: String,
    pub(crate) wire: String,
    pub(crate) doc: String,
}

#[derive(Debug)]
pub(crate) struct UnionMember {
    pub(crate) name: String,
    pub(crate) payload: String,
    /// The values of the tag that stand for it. With several, the tag is also a member of the payload.
    pub(crate) wires: Vec<String>,
    pub(crate) doc: String,
}

#[derive(Debug)]
pub(crate) struct ChoiceMember {
    pub(crate) name: String,
    pub(crate) json: &'static str,
    pub(crate) ty: Type,
    pub(crate) doc: String,
}

#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) wire: String,
    pub(crate) doc: String,
    pub(crate) payload: EventPayload,
}

#[derive(Debug)]
pub(crate) enum EventPayload {
    /// A fixed text instead of an object.
    Text(String),
    /// The object, and whether it is large enough to live in a box.
    Object {
        ty: String,
        boxed: bool,
        beside: Vec<Member>,
    },
}

#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) usage: Usage,
    /// Body of a request.
    pub(crate) body: bool,
    /// Body of an update: a setter may also clear.
    pub(crate) update: bool,
    pub(crate) constants: Vec<(String, String)>,
    pub(crate) members: Vec<Member>,
}

/// Who builds values of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    /// Only the user: what the protocol requires must be there.
    Request,
    /// Both sides.
    Shared,
    /// Only the server.
    Response,
}

#[derive(Debug)]
pub(crate) struct Member {
    /// The name on the wire.
    pub(crate) key: String,
    /// The name in Rust.
    pub(crate) field: String,
    pub(crate) doc: String,
    pub(crate) ty: Type,
    pub(crate) presence: Presence,
    /// Whether the constructor takes it.
    pub(crate) in_new: bool,
    /// The type whose object may stand for the id.
    pub(crate) id_of: Option<String>,
    /// Servers send it in other forms too: all numbers and metadata, and what `x-also` names the other form of.
    pub(crate) loose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Required,
    Plain,
    Optional,
    Nullable,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Integer,
    Number,
    Flag,
    Time,
    Json,
    Metadata,
    Attributes,
    Named(String),
    List(Box<Type>),
}

impl Type {
    /// Whether servers spell every value of the type in several ways.
    fn is_loose(&self) -> bool {
        match self {
            Self::Integer | Self::Number | Self::Metadata => true,
            Self::List(item) => **item == Self::Integer,
            _ => false,
        }
    }
}

impl Model {
    /// Reads a parsed document.
    pub(crate) fn read(document: &Value, source: &str, home: &str) -> Result<Self, String> {
        let reader = Reader::new(document)?;
        let proto = match text(document, "x-encoding") {
            None => false,
            Some("proto-json") => true,
            Some(other) => return Err(format!("no encoding `{other}`")),
        };
        let borrows = reader.schemas.values().any(|schema| schema.get(LENT_BY).is_some());
        let mut modules: BTreeMap<String, Vec<Item>> = BTreeMap::new();
        for (name, schema) in reader.schemas {
            let by_hand = matches!(name.as_str(), "Metadata" | "Attributes") || schema.get("x-by-hand").is_some();
            if by_hand || schema.get("x-page-of").is_some() {
                continue; // `Metadata`, `Attributes` and `Page<T>` are written by hand.
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

struct Reader<'d> {
    document: &'d Value,
    schemas: &'d Map<String, Value>,
    /// Bodies of requests.
    bodies: BTreeSet<String>,
    /// Bodies of updates.
    updates: BTreeSet<String>,
    sent: BTreeSet<String>,
    received: BTreeSet<String>,
}

impl<'d> Reader<'d> {
    fn new(document: &'d Value) -> Result<Self, String> {
        let schemas = document
            .pointer("/components/schemas")
            .and_then(Value::as_object)
            .ok_or("components.schemas is missing")?;
        let mut reader = Self {
            document,
            schemas,
            bodies: BTreeSet::new(),
            updates: BTreeSet::new(),
            sent: BTreeSet::new(),
            received: BTreeSet::new(),
        };
        for (_, _, operation) in paths(document)? {
            let update = text(operation, "operationId").is_some_and(|id| id.ends_with(".update"));
            if let Some(body) = operation.get("requestBody") {
                let mut direct = BTreeSet::new();
                collect_direct(body, &mut direct);
                reader.bodies.extend(direct.iter().cloned());
                if update {
                    reader.updates.extend(direct);
                }
                let mut sent = std::mem::take(&mut reader.sent);
                reader.collect(body, &mut sent)?;
                reader.sent = sent;
            }
            if let Some(answers) = operation.get("responses") {
                let mut received = std::mem::take(&mut reader.received);
                reader.collect(answers, &mut received)?;
                reader.received = received;
            }
        }
        Ok(reader)
    }

    /// Adds the name of every schema that `node` leads to.
    fn collect(&self, node: &Value, into: &mut BTreeSet<String>) -> Result<(), String> {
        match node {
            Value::Object(members) => {
                if let Some(name) = members.get("$ref").and_then(Value::as_str).and_then(schema_name) {
                    let schema = self.schemas.get(name).ok_or_else(|| format!("no schema `{name}`"))?;
                    if into.insert(name.to_owned()) {
                        self.collect(schema, into)?;
                    }
                }
                members.values().try_for_each(|value| self.collect(value, into))
            }
            Value::Array(items) => items.iter().try_for_each(|value| self.collect(value, into)),
            _ => Ok(()),
        }
    }

    fn usage(&self, name: &str) -> Usage {
        match (self.sent.contains(name), self.received.contains(name)) {
            (true, false) => Usage::Request,
            (true, true) => Usage::Shared,
            (false, _) => Usage::Response,
        }
    }

    fn operations(&self) -> Result<Vec<Operation>, String> {
        let mut operations = Vec::new();
        for (path, method, operation) in paths(self.document)? {
            let place = format!("{method} {path}");
            let field = |key: &str| {
                text(operation, key)
                    .map(str::to_owned)
                    .ok_or_else(|| format!("{place}: {key} is missing"))
            };
            for parameter in operation
                .get("parameters")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let parameter = self
                    .parameter(parameter)
                    .ok_or_else(|| format!("{place}: unknown parameter"))?;
                let name = text(parameter, "name").unwrap_or_default().trim_end_matches("[]");
                if text(parameter, "in") == Some("query") && CALL_OPTIONS.contains(&name) {
                    return Err(format!("{place}: the parameter `{name}` collides with a call option"));
                }
            }
            operations.push(Operation {
                id: field("operationId")?,
                constant: field("x-constant")?,
                method: method.to_uppercase(),
                path: path.to_owned(),
                summary: field("summary")?,
            });
        }
        Ok(operations)
    }

    fn parameter(&self, parameter: &'d Value) -> Option<&'d Value> {
        match text(parameter, "$ref") {
            Some(reference) => self.document.pointer(reference.strip_prefix('#')?),
            None => Some(parameter),
        }
    }

    fn item(&self, name: &str, schema: &Value) -> Result<Item, String> {
        let doc = text(schema, "description").ok_or("description is missing")?.to_owned();
        let shape = self.shape(name, schema)?;
        Ok(Item {
            name: name.to_owned(),
            doc,
            shape,
        })
    }

    fn shape(&self, name: &str, schema: &Value) -> Result<Shape, String> {
        let Some(alternatives) = schema.get("oneOf").and_then(Value::as_array) else {
            return self.object(name, schema).map(Shape::Object);
        };
        if alternatives
            .iter()
            .all(|one| one.pointer("/properties/event").is_some())
        {
            return alternatives
                .iter()
                .map(|one| self.event(one))
                .collect::<Result<_, _>>()
                .map(Shape::Events);
        }
        let strings: Vec<Arm> = alternatives
            .iter()
            .filter(|one| one.get("const").is_some())
            .map(arm)
            .collect::<Result<_, _>>()?;
        if strings.len() == alternatives.len() {
            return Ok(Shape::OpenEnum(strings));
        }
        let others = alternatives.iter().filter(|one| one.get("const").is_none());
        if let Some(tag) = schema.pointer("/discriminator/propertyName").and_then(Value::as_str) {
            let members = others
                .map(|one| self.union_member(one, tag))
                .collect::<Result<_, _>>()?;
            return Ok(Shape::Tagged {
                tag: tag.to_owned(),
                strings,
                members,
            });
        }
        let members = others.map(|one| self.choice_member(one)).collect::<Result<_, _>>()?;
        Ok(Shape::Choice { strings, members })
    }

    fn union_member(&self, reference: &Value, tag: &str) -> Result<UnionMember, String> {
        let payload = text(reference, "$ref")
            .and_then(schema_name)
            .ok_or("a member of a tagged union must be a $ref")?;
        let schema = self
            .schemas
            .get(payload)
            .ok_or_else(|| format!("no schema `{payload}`"))?;
        let doc = text(schema, "description").unwrap_or_default().to_owned();
        let property = schema.pointer(&format!("/properties/{tag}")).unwrap_or(&Value::Null);
        if let Some(wire) = text(property, "const") {
            return Ok(UnionMember {
                name: pascal(wire),
                payload: payload.to_owned(),
                wires: vec![wire.to_owned()],
                doc,
            });
        }
        // The tag is an enum of which every value announces this member.
        let values = text(property, "$ref")
            .and_then(schema_name)
            .and_then(|name| self.schemas.get(name)?.get("oneOf")?.as_array())
            .ok_or_else(|| format!("{payload} has no constant `{tag}`"))?;
        Ok(UnionMember {
            name: payload.to_owned(),
            payload: payload.to_owned(),
            wires: values
                .iter()
                .map(|value| arm(value).map(|arm| arm.wire))
                .collect::<Result<_, _>>()?,
            doc,
        })
    }

    fn choice_member(&self, schema: &Value) -> Result<ChoiceMember, String> {
        let name = text(schema, "title")
            .ok_or("an alternative without tag needs a title")?
            .to_owned();
        let ty = self.ty(schema)?;
        let json = match ty {
            Type::Text => "string",
            Type::Number => "number",
            Type::Flag => "boolean",
            Type::List(_) => "array",
            Type::Named(_) => "object",
            _ => return Err(format!("the alternative {name} is of a type that no union can have")),
        };
        let doc = match (text(schema, "description"), &ty) {
            (Some(doc), _) => doc.to_owned(),
            (None, Type::Named(target)) => self
                .schemas
                .get(target)
                .and_then(|one| text(one, "description"))
                .unwrap_or_default()
                .to_owned(),
            (None, _) => return Err(format!("the alternative {name} needs a description")),
        };
        Ok(ChoiceMember { name, json, ty, doc })
    }

    fn event(&self, schema: &Value) -> Result<Event, String> {
        let name = text(schema, "title").ok_or("an event needs a title")?.to_owned();
        let wire = schema
            .pointer("/properties/event/const")
            .and_then(Value::as_str)
            .ok_or_else(|| format!("{name}: properties.event.const is missing"))?
            .to_owned();
        let data = schema
            .pointer("/properties/data")
            .ok_or_else(|| format!("{name}: properties.data is missing"))?;
        let payload = if let Some(text) = text(data, "const") {
            EventPayload::Text(text.to_owned())
        } else {
            let Type::Named(ty) = self.ty(data)? else {
                return Err(format!("{name}: data must be a $ref"));
            };
            let size = self
                .schemas
                .get(&ty)
                .and_then(|one| one.get("properties"))
                .and_then(Value::as_object);
            let mut beside = Vec::new();
            for (key, property) in schema
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                if key != "event" && key != "data" {
                    beside.push(self.member(
                        key,
                        property,
                        &Place {
                            lenient: true,
                            required: false,
                            id: false,
                        },
                    )?);
                }
            }
            // Large payloads are boxed, so that a text delta does not carry the width of a run.
            EventPayload::Object {
                ty,
                boxed: size.is_some_and(|members| members.len() > 8),
                beside,
            }
        };
        let doc = text(schema, "description")
            .ok_or_else(|| format!("{name}: description is missing"))?
            .to_owned();
        Ok(Event {
            name,
            wire,
            doc,
            payload,
        })
    }

    fn object(&self, name: &str, schema: &Value) -> Result<Object, String> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let required: BTreeSet<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let usage = self.usage(name);
        let resource = properties.is_some_and(|all| all.get("object").is_some_and(|one| one.get("const").is_some()));
        let mut object = Object {
            usage,
            body: self.bodies.contains(name),
            update: self.updates.contains(name),
            constants: Vec::new(),
            members: Vec::new(),
        };
        for (key, property) in properties.into_iter().flatten() {
            if let Some(value) = text(property, "const") {
                object.constants.push((key.clone(), value.to_owned()));
                continue;
            }
            if text(property, "format") == Some("binary") {
                continue; // The bytes of an upload are a part of their own, beside what this type holds.
            }
            // What `new` takes has no setter that could hide an option.
            let has_setter = !required.contains(key.as_str()) || without_null(property).1;
            if self.bodies.contains(name) && has_setter && CALL_OPTIONS.contains(&key.as_str()) {
                return Err(format!("the parameter `{key}` collides with a call option"));
            }
            let place = Place {
                lenient: usage != Usage::Request,
                required: required.contains(key.as_str()),
                id: resource && key == "id" && property.get("x-dispensable").is_none(),
            };
            object.members.push(
                self.member(key, property, &place)
                    .map_err(|error| format!("{key}: {error}"))?,
            );
        }
        Ok(object)
    }

    fn member(&self, key: &str, property: &Value, place: &Place) -> Result<Member, String> {
        let (core, nullable) = without_null(property);
        let ty = self.ty(core)?;
        let presence = match (place.lenient, place.required, nullable) {
            (true, true, _) if place.id => Presence::Required,
            (true, true, false) if ty != Type::Time => Presence::Plain,
            (true, ..) => Presence::Optional,
            (false, true, false) => Presence::Required,
            (false, _, true) => Presence::Nullable,
            (false, false, false) => Presence::Optional,
        };
        let mut doc = text(property, "description")
            .ok_or("description is missing")?
            .to_owned();
        for sentence in limits(core) {
            let known = sentence
                .split(' ')
                .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
            if known.clone().next().is_none() || !known.clone().all(|word| doc.contains(word.trim_end_matches('.'))) {
                doc.push(' ');
                doc.push_str(&sentence);
            }
        }
        Ok(Member {
            key: key.to_owned(),
            field: rust_field(key),
            doc,
            in_new: place.required && !nullable,
            loose: ty.is_loose() || property.get("x-also").is_some(),
            ty,
            presence,
            id_of: text(property, "x-id-of").map(str::to_owned),
        })
    }

    fn ty(&self, schema: &Value) -> Result<Type, String> {
        if let Some(reference) = text(schema, "$ref") {
            let name = schema_name(reference).ok_or_else(|| format!("{reference} is not a schema"))?;
            if !self.schemas.contains_key(name) {
                return Err(format!("no schema `{name}`"));
            }
            return Ok(match name {
                "Metadata" => Type::Metadata,
                "Attributes" => Type::Attributes,
                _ => Type::Named(name.to_owned()),
            });
        }
        let kind = match schema.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(Value::Array(kinds)) => kinds
                .iter()
                .filter_map(Value::as_str)
                .find(|kind| *kind != "null")
                .unwrap_or(""),
            _ => return Err("type is missing".to_owned()),
        };
        Ok(match kind {
            "string" => Type::Text,
            "integer" if text(schema, "format") == Some("unixtime") => Type::Time,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "boolean" => Type::Flag,
            "array" => Type::List(Box::new(self.ty(schema.get("items").ok_or("items is missing")?)?)),
            "object" if schema.get("properties").is_none() => Type::Json,
            other => return Err(format!("a property of type `{other}` must be a $ref")),
        })
    }
}

/// Where a member stands, as far as it decides its Rust form.
struct Place {
    /// The type is also read from servers, which leave things out.
    lenient: bool,
    required: bool,
    /// The id of a resource.
    id: bool,
}

/// Every operation of the document: path, method, description.
fn paths(document: &Value) -> Result<Vec<(&str, &str, &Value)>, String> {
    let paths = document
        .get("paths")
        .and_then(Value::as_object)
        .ok_or("paths is missing")?;
    let mut all = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if operation.get("operationId").is_some() {
                all.push((path.as_str(), method.as_str(), operation));
            }
        }
    }
    Ok(all)
}

/// The schemas that a body names itself, without those inside them.
fn collect_direct(node: &Value, into: &mut BTreeSet<String>) {
    match node {
        Value::Object(members) => {
            into.extend(
                members
                    .get("$ref")
                    .and_then(Value::as_str)
                    .and_then(schema_name)
                    .map(str::to_owned),
            );
            members.values().for_each(|value| collect_direct(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_direct(value, into)),
        _ => {}
    }
}

/// The schema without its null alternative, and whether it had one.
fn without_null(schema: &Value) -> (&Value, bool) {
    if let Some(Value::Array(kinds)) = schema.get("type") {
        return (schema, kinds.iter().any(|kind| kind == "null"));
    }
    if let Some([one, null]) = schema.get("oneOf").and_then(Value::as_array).map(Vec::as_slice)
        && text(null, "type") == Some("null")
    {
        return (one, true);
    }
    (schema, false)
}

/// The limits of a value in words.
fn limits(schema: &Value) -> Vec<String> {
    let number = |key: &str| {
        schema
            .get(key)
            .filter(|value| value.is_number())
            .map(|value| thousands(&value.to_string()))
    };
    let mut all = Vec::new();
    if let Some(most) = number("maxLength") {
        all.push(format!("At most {most} characters."));
    }
    if let Some(most) = number("maxItems") {
        all.push(format!("At most {most} items."));
    }
    match (number("minimum"), number("maximum")) {
        (Some(least), Some(most)) => all.push(format!("From {least} to {most}.")),
        (Some(least), None) if least != "0" => all.push(format!("At least {least}.")),
        (None, Some(most)) => all.push(format!("At most {most}.")),
        _ => {}
    }
    if let Some(default) = schema.get("default").filter(|value| value.is_number()) {
        all.push(format!("Default: {default}."));
    }
    all
}

/// `256000` as `256,000`.
fn thousands(digits: &str) -> String {
    if digits.len() <= 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits.to_owned();
    }
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn arm(schema: &Value) -> Result<Arm, String> {
    let wire = text(schema, "const").ok_or("a value must be a string")?.to_owned();
    let doc = text(schema, "description")
        .ok_or_else(|| format!("{wire}: description is missing"))?
        .to_owned();
    let name = text(schema, "title").map_or_else(|| pascal(&wire), str::to_owned);
    Ok(Arm { name, wire, doc })
}

fn schema_name(reference: &str) -> Option<&str> {
    reference.strip_prefix("#/components/schemas/")
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// `in_progress` as `InProgress`.
fn pascal(wire: &str) -> String {
    let words = wire
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}
