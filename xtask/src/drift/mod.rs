//! `cargo xtask drift`: compares `spec/` with a provider's published definition.
//!
//! The comparison starts at the operations and follows their parameters, requests and responses; the names of schemas,
//! and whether a schema has a name at all, are irrelevant. Operations, parameters, properties, enum values, union
//! members, limits, defaults, stream events, and whether an object may have members beyond the listed ones are compared
//! in both directions. Prose, examples and tags are not.
//!
//! [`side`] finds the parts of a document, [`schema`] normalizes schemas, and [`compare`] finds the differences;
//! [`proto`] does so for a provider that publishes protocol buffers. [`allowed`] removes intended differences.

mod allowed;
mod compare;
mod proto;
mod schema;
mod side;

use std::path::Path;

use serde_json::{Map, Value};

use self::allowed::Allowed;
use self::compare::{Counts, Difference};
use crate::spec;
use crate::workspace::root;

const USAGE: &str = "usage: cargo xtask drift --openai FILE | --yandex FILE";
/// Our documents for each provider: a single published document corresponds to two of ours.
const OURS: &[(&str, &[&str])] = &[
    ("openai", &["spec/openai.yaml", "spec/chat.yaml"]),
    ("yandex", &["spec/yandex.yaml"]),
];
const ALLOWED: &str = "spec/allowed-drift.toml";

/// Runs the command. An error lists all differences that are not allowed and all unused rules.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let (provider, theirs) = match args {
        [flag, file] if flag == "--openai" => ("openai", file),
        [flag, file] if flag == "--yandex" => ("yandex", file),
        _ => return Err(USAGE.to_owned()),
    };
    let (_, paths) = OURS
        .iter()
        .find(|(of, _)| *of == provider)
        .expect("every flag has documents");
    let root = root()?;
    let allowed = Allowed::load(&root.join(ALLOWED), provider).map_err(|error| format!("{ALLOWED}: {error}"))?;
    let mut ours = Value::Null;
    for path in *paths {
        let document = spec::load(&root.join(path)).map_err(|error| format!("{path}: {error}"))?;
        ours =
            join(ours, document).map_err(|name| format!("{path}: `{name}` is defined differently in {}", paths[0]))?;
    }
    let published = spec::load(Path::new(theirs)).map_err(|error| format!("{theirs}: {error}"))?;

    let (differences, counts) = match provider {
        "yandex" => proto::documents(&ours, &published)?,
        _ => compare::documents(&ours, &published)?,
    };
    let outcome = judge(&differences, &allowed);
    if !outcome.is_empty() {
        return Err(format!(
            "{}\n{} and {theirs} differ",
            outcome.join("\n"),
            paths.join(", ")
        ));
    }
    println!(
        "{} match {theirs}: {}",
        paths.join(", "),
        summary(&counts, differences.len())
    );
    Ok(())
}

/// Adds the paths and components of another document to those of the first. The error is a name with two meanings.
fn join(first: Value, further: Value) -> Result<Value, String> {
    let (Value::Object(mut first), Value::Object(further)) = (first, further.clone()) else {
        return Ok(further);
    };
    for section in ["paths", "components"] {
        let into = first.entry(section).or_insert_with(|| Value::Object(Map::new()));
        let depth = if section == "paths" { 1 } else { 2 };
        join_members(into, further.get(section).unwrap_or(&Value::Null), depth)?;
    }
    Ok(Value::Object(first))
}

/// Adds members; if both have an object and `depth` permits, its members are added recursively.
fn join_members(into: &mut Value, from: &Value, depth: usize) -> Result<(), String> {
    let (Value::Object(into), Value::Object(from)) = (into, from) else {
        return Ok(());
    };
    for (name, value) in from {
        match into.get_mut(name) {
            None => {
                into.insert(name.clone(), value.clone());
            }
            Some(there) if depth > 1 => join_members(there, value, depth - 1)?,
            Some(there) if without_lender(there) == without_lender(value) => {}
            Some(_) => return Err(name.clone()),
        }
    }
    Ok(())
}

fn without_lender(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Value::Object(members) = &mut schema {
        members.shift_remove(spec::LENT_BY);
    }
    schema
}

/// A line for each difference that is not allowed, and for each unused rule.
fn judge(differences: &[Difference], allowed: &Allowed) -> Vec<String> {
    let (unexpected, unused) = allowed.sort(differences);
    let mut lines: Vec<String> = unexpected.iter().map(ToString::to_string).collect();
    lines.extend(
        unused
            .iter()
            .map(|at| format!("{ALLOWED}: `{at}` matches nothing: delete it")),
    );
    lines
}

fn summary(counts: &Counts, allowed: usize) -> String {
    format!(
        "{} operations, {} parameters, {} properties, {} enum values, {} events compared; {allowed} differences allowed",
        counts.operations, counts.parameters, counts.properties, counts.values, counts.events,
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unused_rule_is_an_error() {
        let allowed = Allowed::parse(
            "[[allow]]\nprovider = \"openai\"\nat = \"GET /a: operation\"\nreason = \"later\"\n",
            "openai",
        )
        .unwrap();
        assert_eq!(
            judge(&[], &allowed),
            ["spec/allowed-drift.toml: `GET /a: operation` matches nothing: delete it"]
        );
    }

    #[test]
    fn two_documents_are_compared_as_one() {
        let first = json!({"paths": {"/a": 1}, "components": {"schemas": {"A": {"type": "object"}}}});
        let further = |a: Value| json!({"paths": {"/b": 2}, "components": {"schemas": {"A": a, "B": {}}}});
        let lent = json!({"type": "object", "x-lent-by": "first.yaml"});
        assert_eq!(
            join(first.clone(), further(lent)).unwrap(),
            json!({"paths": {"/a": 1, "/b": 2}, "components": {"schemas": {"A": {"type": "object"}, "B": {}}}})
        );
        assert_eq!(join(first, further(json!({"type": "string"}))), Err("A".to_owned()));
    }

    #[test]
    fn names_the_right_usage() {
        for args in [&[][..], &["--openai"], &["file"], &["--azure", "file"]] {
            let args: Vec<String> = args.iter().map(ToString::to_string).collect();
            assert_eq!(run(&args), Err(USAGE.to_owned()));
        }
    }
}
