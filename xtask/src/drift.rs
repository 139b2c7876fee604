//! `cargo xtask drift`: compares `spec/` with a provider's published definition.
//!
//! The comparison starts at the operations and follows what they take and give; what a schema is called, or whether it
//! has a name at all, makes no difference. Operations, parameters, properties, enum values, union members, limits,
//! defaults and stream events are looked at from both sides. Prose, examples, tags, and whether an object may have
//! members beyond the listed ones are not.
//!
//! [`side`] finds the parts of a document, [`schema`] brings the many ways to write a schema into one form, [`compare`]
//! finds the differences; [`proto`] finds those of a provider that publishes protocol buffers. [`allowed`] takes out those that are meant to be there.

mod allowed;
mod compare;
mod proto;
mod schema;
mod side;

use std::path::Path;

use self::allowed::Allowed;
use self::compare::{Counts, Difference};
use crate::{root, spec};

const USAGE: &str = "usage: cargo xtask drift --openai FILE | --yandex FILE";
const ALLOWED: &str = "spec/allowed-drift.toml";

/// Runs the command: an error lists every difference that is not allowed and every allowance that is not needed.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let (provider, theirs) = match args {
        [flag, file] if flag == "--openai" => ("openai", file),
        [flag, file] if flag == "--yandex" => ("yandex", file),
        _ => return Err(USAGE.to_owned()),
    };
    let path = format!("spec/{provider}.yaml");
    let root = root();
    let allowed = Allowed::load(&root.join(ALLOWED), provider).map_err(|error| format!("{ALLOWED}: {error}"))?;
    let ours = spec::load(&root.join(&path)).map_err(|error| format!("{path}: {error}"))?;
    let published = spec::load(Path::new(theirs)).map_err(|error| format!("{theirs}: {error}"))?;

    let (differences, counts) = match provider {
        "yandex" => proto::documents(&ours, &published)?,
        _ => compare::documents(&ours, &published)?,
    };
    let outcome = judge(&differences, &allowed);
    if !outcome.is_empty() {
        return Err(format!("{}\n{path} and {theirs} differ", outcome.join("\n")));
    }
    println!("{path} agrees with {theirs}: {}", summary(&counts, differences.len()));
    Ok(())
}

/// A line for each difference that is not allowed and for each allowance that allows nothing.
fn judge(differences: &[Difference], allowed: &Allowed) -> Vec<String> {
    let (unexpected, unused) = allowed.sort(differences);
    let mut lines: Vec<String> = unexpected.iter().map(ToString::to_string).collect();
    lines.extend(
        unused
            .iter()
            .map(|at| format!("{ALLOWED}: `{at}` allows nothing any more: delete it")),
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
    use super::*;

    #[test]
    fn an_allowance_without_a_difference_is_an_error() {
        let allowed = Allowed::parse(
            "[[allow]]\nprovider = \"openai\"\nat = \"GET /a: operation\"\nreason = \"later\"\n",
            "openai",
        )
        .unwrap();
        assert_eq!(
            judge(&[], &allowed),
            ["spec/allowed-drift.toml: `GET /a: operation` allows nothing any more: delete it"]
        );
    }

    #[test]
    fn names_the_right_usage() {
        for args in [&[][..], &["--openai"], &["file"], &["--azure", "file"]] {
            let args: Vec<String> = args.iter().map(ToString::to_string).collect();
            assert_eq!(run(&args), Err(USAGE.to_owned()));
        }
    }
}
