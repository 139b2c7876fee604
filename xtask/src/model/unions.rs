//! Schemas with alternatives: enums, unions, stream events.

use serde_json::Value;

use super::document::Reader;
use super::items::{Arm, ChoiceMember, Event, EventPayload, Shape, Type, UnionMember};
use super::members::Context;
use super::schema::{pascal, schema_name, text};

impl Reader<'_> {
    pub(super) fn shape(&self, name: &str, schema: &Value) -> Result<Shape, String> {
        let Some(alternatives) = schema.get("oneOf").and_then(Value::as_array) else {
            return match schema.get("additionalProperties").filter(|values| values.is_object()) {
                Some(values) => self.ty(values).map(Shape::Map),
                None => self.object(name, schema).map(Shape::Object),
            };
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
            .ok_or_else(|| format!("there is no schema `{payload}`"))?;
        let doc = text(schema, "description").unwrap_or_default().to_owned();
        let property = schema.pointer(&format!("/properties/{tag}")).unwrap_or(&Value::Null);
        if let Some(wire) = text(property, "const") {
            return Ok(UnionMember {
                name: text(reference, "title").map_or_else(|| pascal(wire), str::to_owned),
                payload: payload.to_owned(),
                wires: vec![wire.to_owned()],
                doc,
            });
        }
        // The tag is an enum, all values of which select this member.
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
            .ok_or("an alternative without a tag requires a title")?
            .to_owned();
        let ty = self.ty(schema)?;
        let json = match ty {
            Type::Text => "string",
            Type::Number => "number",
            Type::Flag => "boolean",
            Type::List(_) => "array",
            Type::Named(_) => "object",
            _ => return Err(format!("the alternative {name} has a type that a union cannot have")),
        };
        let doc = match (text(schema, "description"), &ty) {
            (Some(doc), _) => doc.to_owned(),
            (None, Type::Named(target)) => self
                .schemas
                .get(target)
                .and_then(|one| text(one, "description"))
                .unwrap_or_default()
                .to_owned(),
            (None, _) => return Err(format!("the alternative {name} requires a description")),
        };
        Ok(ChoiceMember { name, json, ty, doc })
    }

    fn event(&self, schema: &Value) -> Result<Event, String> {
        let name = text(schema, "title").ok_or("an event requires a title")?.to_owned();
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
                        &Context {
                            lenient: true,
                            required: false,
                            id: false,
                        },
                    )?);
                }
            }
            // Large payloads are boxed, so that a text delta is not as large as a run.
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
}

fn arm(schema: &Value) -> Result<Arm, String> {
    let wire = text(schema, "const").ok_or("a value must be a string")?.to_owned();
    let doc = text(schema, "description")
        .ok_or_else(|| format!("{wire}: description is missing"))?
        .to_owned();
    let name = text(schema, "title").map_or_else(|| pascal(&wire), str::to_owned);
    Ok(Arm { name, wire, doc })
}
