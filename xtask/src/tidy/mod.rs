//! `cargo xtask tidy`: checks rules of the source tree as a whole, which the compiler does not check.
//!
//! | check | rule |
//! | --- | --- |
//! | [`docs`] | every module has a doc comment; every file named in ARCHITECTURE.md exists |
//! | [`cycles`] | no import cycles between files |
//! | [`layers`] | the protocols are independent of each other, the storage of the engine, `http/` of both protocols |
//! | [`lengths`] | files and functions of limited length |
//! | [`names`] | names use the terms of the field |
//! | [`generated`] | generated files are marked as such |
//! | [`dependencies`] | dependency budgets, and no async runtime below the client |
//!
//! Files and functions that are longer for a reason are listed in `xtask/tidy.toml` ([`allowed`]).

mod allowed;
mod contents;
mod cycles;
mod dependencies;
mod docs;
mod fault;
mod files;
mod generated;
mod layers;
mod lengths;
mod modules;
mod names;

use std::fs;
use std::path::Path;

use self::allowed::Allowed;
use self::fault::Fault;
use self::modules::Crate;
use crate::workspace::root;

/// The crates whose structure is checked, by root file.
const CRATES: &[&str] = &[
    "crates/assistants-types/src/lib.rs",
    "crates/assistants-blocking/src/lib.rs",
    "crates/assistants-local/src/lib.rs",
    "crates/assistants-local/src/main.rs",
    "crates/test-peer/src/lib.rs",
    "xtask/src/main.rs",
];

const ARCHITECTURE: &str = "ARCHITECTURE.md";
const ATTRIBUTES: &str = ".gitattributes";
const ALLOWED: &str = "xtask/tidy.toml";

/// Runs the command. An error lists all faults that are not allowed and all unused rules.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    if !args.is_empty() {
        return Err("usage: cargo xtask tidy".to_owned());
    }
    let root = root()?;
    let files = files::read(&root)?;
    let mut faults: Vec<Fault> = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        faults.extend(docs::module_doc(file));
        faults.extend(names::check(file));
    }
    faults.extend(docs::file_names(ARCHITECTURE, &text(&root, ARCHITECTURE)?, &files));
    faults.extend(generated::check(&files, &text(&root, ATTRIBUTES)?));
    for path in CRATES {
        let mut read = Crate::read(&files, path)?;
        faults.append(&mut read.missing);
        faults.extend(cycles::check(&read));
        faults.extend(layers::check(&read));
        faults.extend(lengths::check(&read));
    }
    faults.extend(dependencies::check(&root)?);
    let allowed = Allowed::parse(&text(&root, ALLOWED)?).map_err(|error| format!("{ALLOWED}: {error}"))?;
    let faults = allowed.judge(ALLOWED, faults);
    if faults.is_empty() {
        println!("{} files are tidy", files.iter().filter(|file| file.is_rust()).count());
        return Ok(());
    }
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Err(format!("{}\n{} faults", lines.join("\n"), faults.len()))
}

fn text(root: &Path, path: &str) -> Result<String, String> {
    fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"))
}
