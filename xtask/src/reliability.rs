//! `cargo xtask reliability`: the table of `docs/reliability.md`, from a run of the client test of that name.

use std::fs;
use std::process::Command;

use crate::workspace::root;

const DOCUMENT: &str = "docs/reliability.md";
const BEGIN: &str = "<!-- begin: written by `cargo xtask reliability` -->\n";
const END: &str = "<!-- end -->\n";
/// The environment variable with the file that the test writes its table to.
const OUTPUT: &str = "RELIABILITY_TABLE";

/// Runs the command. The error is that of the test, or the first line that differs.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let check = match args {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err("usage: cargo xtask reliability [--check]".to_owned()),
    };
    let path = root()?.join(DOCUMENT);
    let document = fs::read_to_string(&path).map_err(|error| format!("{DOCUMENT}: {error}"))?;
    let table = measure()?;
    let (before, old, after) = split(&document)?;
    if check {
        return compare(old, &table);
    }
    fs::write(&path, [before, BEGIN, &table, END, after].concat()).map_err(|error| format!("{DOCUMENT}: {error}"))
}

/// Runs the test and returns the table that it wrote.
fn measure() -> Result<String, String> {
    let output = root()?.join("target/reliability.md");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "test",
            "--quiet",
            "--package",
            "assistants-blocking",
            "--test",
            "reliability",
        ])
        .env(OUTPUT, &output)
        .current_dir(root()?)
        .status()
        .map_err(|error| format!("cargo test: {error}"))?;
    if !status.success() {
        return Err(format!(
            "the test `reliability` of assistants-blocking failed: {status}"
        ));
    }
    fs::read_to_string(&output).map_err(|error| format!("{}: {error}", output.display()))
}

/// The text before, between and after the marks.
fn split(document: &str) -> Result<(&str, &str, &str), String> {
    let parts = document
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?)));
    match parts {
        Some((before, (between, after))) => Ok((before, between, after)),
        None => Err(format!(
            "{DOCUMENT}: the lines `{}` and `{}` are missing",
            BEGIN.trim(),
            END.trim()
        )),
    }
}

fn compare(old: &str, new: &str) -> Result<(), String> {
    if old == new {
        return Ok(());
    }
    let differs = |(old, new): (&str, &str)| (old != new).then(|| format!("- {old}\n+ {new}"));
    let line = old.lines().zip(new.lines()).find_map(differs).unwrap_or_default();
    Err(format!("{DOCUMENT} is stale: run `cargo xtask reliability`\n{line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_the_first_differing_line() {
        let error = compare("a\nb\n", "a\nc\n").unwrap_err();
        assert!(error.ends_with("\n- b\n+ c"), "{error}");
        assert_eq!(compare("a\n", "a\n"), Ok(()));
        assert!(compare("a\n", "a\nb\n").is_err());
    }

    #[test]
    fn keeps_the_text_around_the_table() {
        let document = format!("before\n{BEGIN}table\n{END}after\n");
        assert_eq!(split(&document), Ok(("before\n", "table\n", "after\n")));
        assert!(split("no marks\n").is_err());
    }
}
