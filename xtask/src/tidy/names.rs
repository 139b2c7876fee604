//! Banned names, which are not terms of the field.

use std::collections::BTreeSet;

use super::fault::Fault;
use super::files::File;
use crate::tokens;

/// Words that must not occur in names of types, fields, functions and modules. The first list applies to parts of type
/// names.
const TYPES: &[&str] = &[
    "Bell", "Room", "Slot", "Stretch", "Said", "Told", "Gone", "Place", "Places", "Moment", "Manner",
];
const OTHERS: &[&str] = &[
    "put_right",
    "let_in",
    "divert",
    "patient",
    "stranger",
    "strangers",
    "harmless",
    "catch_up",
];

/// A fault for each banned name of a file, at its first occurrence.
pub(super) fn check(file: &File) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Some(word) = banned(file.module()) {
        faults.push(Fault::new(&file.path, format!("`{word}` is not a module name")));
    }
    let mut seen = BTreeSet::new();
    for token in tokens::all(&file.text) {
        if let Some(word) = banned(token.text)
            && seen.insert(token.text)
        {
            let what = format!("`{}`: `{word}` is not a term of the field", token.text);
            faults.push(Fault::at_line(&file.path, token.line, what));
        }
    }
    faults
}

fn banned(name: &str) -> Option<&'static str> {
    let in_type = |word: &&&str| camel_words(name).any(|part| part == **word);
    let in_other = |word: &&&str| format!("_{name}_").contains(&format!("_{word}_"));
    TYPES
        .iter()
        .find(in_type)
        .or_else(|| OTHERS.iter().find(in_other))
        .copied()
}

/// Splits `LiveRun` into `Live` and `Run`.
fn camel_words(name: &str) -> impl Iterator<Item = &str> {
    let upper = |at: usize| name[at..].starts_with(|c: char| c.is_uppercase());
    let mut starts: Vec<usize> = name
        .char_indices()
        .map(|(at, _)| at)
        .filter(|at| *at == 0 || upper(*at))
        .collect();
    starts.push(name.len());
    let ends = starts.clone();
    starts
        .into_iter()
        .zip(ends.into_iter().skip(1))
        .map(|(start, end)| &name[start..end])
}

#[cfg(test)]
mod tests {
    use super::super::files::files;
    use super::*;

    #[test]
    fn a_banned_word_is_found_as_a_part_of_a_name() {
        for (name, want) in [
            ("Slot", Some("Slot")),
            ("RunSlot", Some("Slot")),
            ("catch_up", Some("catch_up")),
            ("catch_up_later", Some("catch_up")),
            ("Slots", None),
            ("slot", None),
            ("GONE", None),
            ("impatient", None),
            ("Roommate", None),
        ] {
            assert_eq!(banned(name), want, "{name}");
        }
    }

    #[test]
    fn a_name_is_reported_once_with_its_line() {
        let files = files(&[("a/catch_up.rs", "use b;\nstruct Slot;\nimpl Slot {}\n// Bell\n")]);
        let faults: Vec<String> = check(&files[0]).iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            [
                "a/catch_up.rs: `catch_up` is not a module name",
                "a/catch_up.rs:2: `Slot`: `Slot` is not a term of the field",
            ]
        );
    }
}
