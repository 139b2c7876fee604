//! `cargo xtask`: code generation from `spec/` and the checks that go with it.
//!
//! | command | what it does |
//! | --- | --- |
//! | `codegen [--check]` | writes, or compares, everything that is generated from `spec/` |
//! | `drift --openai FILE`, `drift --yandex FILE` | compares `spec/` with a provider's published definition |
//! | `ops [--json]` | lists every operation with its client method and server route |
//! | `reliability [--check]` | writes, or compares, the table of `docs/reliability.md`, from a test run |
//!
//! The generator reads in three steps: [`spec`] parses a document, [`model`] turns it into the Rust items it stands
//! for, [`emit`] writes these as text.

mod codegen;
mod drift;
mod emit;
mod model;
mod ops;
mod reliability;
mod spec;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask codegen [--check] | drift --openai FILE | drift --yandex FILE | ops [--json] | reliability [--check]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.split_first() {
        Some((command, rest)) => match command.as_str() {
            "codegen" => codegen::run(rest),
            "drift" => drift::run(rest),
            "ops" => ops::run(rest),
            "reliability" => reliability::run(rest),
            _ => Err(format!("no command `{command}`\n{USAGE}")),
        },
        None => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace that the command is started in.
///
/// It is looked up when the command runs, not when it is built: a binary may outlive the checkout it was built in, or be
/// shared with another one.
fn root() -> Result<PathBuf, String> {
    let here = std::env::current_dir().map_err(|error| format!("the current directory: {error}"))?;
    let is_root = |folder: &&Path| folder.join("xtask").is_dir() && folder.join("spec").is_dir();
    match here.ancestors().find(is_root) {
        Some(root) => Ok(root.to_owned()),
        None => Err(format!("{} is not inside the workspace", here.display())),
    }
}
