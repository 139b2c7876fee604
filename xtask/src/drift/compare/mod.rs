//! Finds the differences between two documents.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use serde_json::{Map, Value};

use super::schema::{Object, Plain, show};
use super::side::{Operation, Side, Tag, is_true, member};

/// A difference between the documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The operation and the position in its request or response, or the event and the position in it.
    pub(crate) at: String,
    /// What differs.
    pub(crate) aspect: String,
    pub(crate) ours: String,
    pub(crate) theirs: String,
}

impl Difference {
    /// The text that rules are matched against.
    pub(crate) fn key(&self) -> String {
        format!("{}: {}", self.at, self.aspect)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}: ours {}, theirs {}",
            self.at, self.aspect, self.ours, self.theirs
        )
    }
}

/// Numbers of compared items.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) operations: usize,
    pub(crate) parameters: usize,
    pub(crate) properties: usize,
    pub(crate) values: usize,
    pub(crate) events: usize,
}

/// Compares all operations and events. An error means that a document is inconsistent.
pub(crate) fn documents(ours: &Value, theirs: &Value) -> Result<(Vec<Difference>, Counts), String> {
    let mut comparison = Comparison {
        ours: Side {
            document: ours,
            whose: "ours",
        },
        theirs: Side {
            document: theirs,
            whose: "theirs",
        },
        seen: HashSet::new(),
        differences: Vec::new(),
        counts: Counts::default(),
    };
    comparison.operations()?;
    comparison.events()?;
    Ok((comparison.differences, comparison.counts))
}

struct Comparison<'a> {
    ours: Side<'a>,
    theirs: Side<'a>,
    /// Pairs of objects that have been compared already: a difference in them is reported once, where it is found
    /// first.
    seen: HashSet<(Object, Object)>,
    differences: Vec<Difference>,
    counts: Counts,
}

impl Comparison<'_> {
    fn operations(&mut self) -> Result<(), String> {
        let (ours, theirs) = (self.ours, self.theirs);
        let (a, b) = (ours.operations(), theirs.operations());
        for key in keys(&a, &b) {
            let (_, method) = key;
            let path = a.get(key).or_else(|| b.get(key)).map_or("", |operation| operation.path);
            let at = format!("{} {path}", method.to_uppercase());
            match (a.get(key), b.get(key)) {
                (Some(a), Some(b)) => {
                    self.counts.operations += 1;
                    self.operation(&at, a, b)?;
                }
                (a, b) => self.presence(&at, "operation", a.is_some(), b.is_some()),
            }
        }
        Ok(())
    }

    fn operation(&mut self, at: &str, ours: &Operation<'_>, theirs: &Operation<'_>) -> Result<(), String> {
        let (a, b) = (self.ours.parameters(ours)?, self.theirs.parameters(theirs)?);
        for key in keys(&a, &b) {
            let at = format!("{at} {} {}", key.0, key.1);
            match (a.get(key), b.get(key)) {
                (Some(a), Some(b)) => {
                    self.counts.parameters += 1;
                    self.presence(&at, "required", is_true(a, "required"), is_true(b, "required"));
                    self.schema(&at, member(a, "schema"), member(b, "schema"))?;
                }
                (a, b) => self.presence(&at, "parameter", a.is_some(), b.is_some()),
            }
        }
        let a = self.ours.follow(member(ours.body, "requestBody"))?;
        let b = self.theirs.follow(member(theirs.body, "requestBody"))?;
        let request = format!("{at} request");
        self.presence(&request, "required", is_true(a, "required"), is_true(b, "required"));
        self.contents(&request, a, b)?;
        self.responses(at, member(ours.body, "responses"), member(theirs.body, "responses"))
    }

    /// Compares the bodies of the responses. An error status may be covered by `default` on either side.
    fn responses(&mut self, at: &str, ours: &Value, theirs: &Value) -> Result<(), String> {
        let empty = Map::new();
        let (a, b) = (ours.as_object().unwrap_or(&empty), theirs.as_object().unwrap_or(&empty));
        let statuses: BTreeSet<&String> = a.keys().chain(b.keys()).filter(|status| *status != "default").collect();
        for status in statuses {
            let at = format!("{at} {status}");
            let or_default = |responses: &Map<String, Value>| {
                responses
                    .get(status)
                    .or_else(|| responses.get("default").filter(|_| !status.starts_with('2')))
                    .cloned()
            };
            match (or_default(a), or_default(b)) {
                (Some(a), Some(b)) => {
                    let (a, b) = (self.ours.follow(&a)?.clone(), self.theirs.follow(&b)?.clone());
                    self.contents(&at, &a, &b)?;
                }
                (a, b) => self.presence(&at, "response", a.is_some(), b.is_some()),
            }
        }
        Ok(())
    }

    /// Compares bodies by media type. Streams of named events are compared separately.
    fn contents(&mut self, at: &str, ours: &Value, theirs: &Value) -> Result<(), String> {
        let (a, b) = (self.ours.contents(ours)?, self.theirs.contents(theirs)?);
        for media in keys(&a, &b) {
            match (a.get(media), b.get(media)) {
                (Some(a), Some(b)) => self.schema(at, a, b)?,
                (a, b) => self.presence(at, &format!("content {media}"), a.is_some(), b.is_some()),
            }
        }
        Ok(())
    }

    fn events(&mut self) -> Result<(), String> {
        let (a, b) = (self.ours.events()?, self.theirs.events()?);
        for name in keys(&a, &b) {
            let at = format!("event {name}");
            match (a.get(name), b.get(name)) {
                (Some(a), Some(b)) => {
                    self.counts.events += 1;
                    self.object(&at, a, b)?;
                }
                (a, b) => self.presence(&at, "event", a.is_some(), b.is_some()),
            }
        }
        Ok(())
    }

    fn schema(&mut self, at: &str, ours: &Value, theirs: &Value) -> Result<(), String> {
        let (a, b) = (self.ours.flat(ours)?, self.theirs.flat(theirs)?);
        self.presence(at, "nullable", a.nullable, b.nullable);
        self.value(at, "default", a.default.as_ref(), b.default.as_ref());
        if a.types() != b.types() {
            self.differ(at, "type", a.types(), b.types());
        }
        for (name, a) in &a.plain {
            if let Some(b) = b.plain.get(name) {
                self.plain(at, a, b)?;
            }
        }
        match (&a.objects[..], &b.objects[..]) {
            // The types differ, which has been reported already.
            ([], _) | (_, []) => Ok(()),
            ([a], [b]) => self.object(at, a, b),
            (a, b) => self.union(at, a, b),
        }
    }

    fn plain(&mut self, at: &str, ours: &Plain, theirs: &Plain) -> Result<(), String> {
        self.limits(at, &ours.limits, &theirs.limits);
        let (a, b) = (&ours.values, &theirs.values);
        if ours.open != theirs.open || a.is_empty() != b.is_empty() {
            self.differ(at, "values", values(ours), values(theirs));
        } else {
            for value in a.union(b) {
                self.counts.values += 1;
                self.presence(at, &format!("value {value}"), a.contains(value), b.contains(value));
            }
        }
        match (&ours.items, &theirs.items) {
            (Some(a), Some(b)) => self.schema(&format!("{at}[]"), a, b)?,
            (a, b) => self.presence(at, "items", a.is_some(), b.is_some()),
        }
        Ok(())
    }

    fn object(&mut self, at: &str, ours: &Object, theirs: &Object) -> Result<(), String> {
        let has_properties = !(ours.properties.is_empty() && theirs.properties.is_empty());
        if has_properties && !self.seen.insert((ours.clone(), theirs.clone())) {
            return Ok(());
        }
        self.limits(at, &ours.limits, &theirs.limits);
        if ours.one_of != theirs.one_of {
            let text = |groups: &BTreeSet<String>| match groups.iter().map(String::as_str).collect::<Vec<_>>() {
                groups if groups.is_empty() => "none".to_owned(),
                groups => groups.join(", "),
            };
            self.differ(at, "one of", text(&ours.one_of), text(&theirs.one_of));
        }
        match (&ours.others, &theirs.others) {
            (Some(a), Some(b)) => self.schema(&format!("{at}{{}}"), a, b)?,
            (a, b) => self.presence(at, "schema of other members", a.is_some(), b.is_some()),
        }
        self.presence(at, "closed", ours.closed, theirs.closed);
        for name in names(&ours.properties, &theirs.properties) {
            let at = format!("{at}.{name}");
            match (ours.properties.get(name), theirs.properties.get(name)) {
                (Some(a), Some(b)) => {
                    self.counts.properties += 1;
                    self.presence(
                        &at,
                        "required",
                        ours.required.contains(name),
                        theirs.required.contains(name),
                    );
                    self.schema(&at, a, b)?;
                }
                (a, b) => self.presence(&at, "property", a.is_some(), b.is_some()),
            }
        }
        Ok(())
    }

    /// Matches the members of two unions by the property that distinguishes them, or else by their order.
    fn union(&mut self, at: &str, ours: &[Object], theirs: &[Object]) -> Result<(), String> {
        let a = self.ours.tags(ours)?;
        let b = self.theirs.tags(theirs)?;
        let Some((a, b)) = common(&a, &b) else {
            if ours.len() != theirs.len() {
                self.differ(at, "members", ours.len().to_string(), theirs.len().to_string());
            }
            for (number, (a, b)) in ours.iter().zip(theirs).enumerate() {
                self.object(&format!("{at}<{number}>"), a, b)?;
            }
            return Ok(());
        };
        for value in keys(&a.members, &b.members) {
            let at = format!("{at}<{value}>");
            match (a.members.get(value), b.members.get(value)) {
                (Some(a), Some(b)) => self.object(&at, &ours[*a], &theirs[*b])?,
                (a, b) => self.presence(&at, "member", a.is_some(), b.is_some()),
            }
        }
        Ok(())
    }

    fn limits(&mut self, at: &str, ours: &BTreeMap<&str, Value>, theirs: &BTreeMap<&str, Value>) {
        for limit in keys(ours, theirs) {
            self.value(at, limit, ours.get(limit), theirs.get(limit));
        }
    }

    fn value(&mut self, at: &str, aspect: &str, ours: Option<&Value>, theirs: Option<&Value>) {
        // 1 and 1.0 are the same number.
        let equal = ours == theirs
            || ours
                .and_then(Value::as_f64)
                .is_some_and(|a| theirs.and_then(Value::as_f64) == Some(a));
        if !equal {
            let text = |value: Option<&Value>| value.map_or_else(|| "none".to_owned(), show);
            self.differ(at, aspect, text(ours), text(theirs));
        }
    }

    fn presence(&mut self, at: &str, aspect: &str, ours: bool, theirs: bool) {
        if ours != theirs {
            let text = |there| if there { "yes" } else { "no" }.to_owned();
            self.differ(at, aspect, text(ours), text(theirs));
        }
    }

    fn differ(&mut self, at: &str, aspect: &str, ours: String, theirs: String) {
        self.differences.push(Difference {
            at: at.to_owned(),
            aspect: aspect.to_owned(),
            ours,
            theirs,
        });
    }
}

/// The tags of the first property that distinguishes the members on both sides.
fn common<'a>(ours: &'a [Tag], theirs: &'a [Tag]) -> Option<(&'a Tag, &'a Tag)> {
    ours.iter()
        .find_map(|a| Some((a, theirs.iter().find(|b| a.property == b.property)?)))
}

fn keys<'a, K: Ord, V, W>(ours: &'a BTreeMap<K, V>, theirs: &'a BTreeMap<K, W>) -> BTreeSet<&'a K> {
    ours.keys().chain(theirs.keys()).collect()
}

/// The names of both, ours in order, followed by those that exist only in theirs.
fn names<'a>(ours: &'a Map<String, Value>, theirs: &'a Map<String, Value>) -> Vec<&'a String> {
    ours.keys()
        .chain(theirs.keys().filter(|name| !ours.contains_key(*name)))
        .collect()
}

/// The values, for a message.
fn values(plain: &Plain) -> String {
    let any = if plain.open { Some("any") } else { None };
    any.into_iter()
        .chain(plain.values.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests;
