//! `cargo xtask`: code generation from `spec/`, and related checks.
//!
//! | command | task |
//! | --- | --- |
//! | `codegen [--check]` | writes, or compares, all files generated from `spec/` |
//! | `drift --openai FILE`, `drift --yandex FILE` | compares `spec/` with a provider's published definition |
//! | `ops [--json]` | lists every operation with its client method and server route |
//! | `reliability [--check]` | writes, or compares, the table of `docs/reliability.md`, from a test run |
//! | `tidy` | checks rules of the source tree: import cycles, layers, lengths, names, docs, dependencies |
//!
//! The generator works in three steps: [`spec`] parses a document, [`model`] converts it to Rust items, and [`emit`]
//! writes these as text.

mod codegen;
mod drift;
mod emit;
mod model;
mod ops;
mod reliability;
mod spec;
mod tidy;
mod tokens;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  codegen [--check]      write, or compare, all files generated from `spec/`
  drift --openai FILE    compare `spec/` with OpenAI's published definition
  drift --yandex FILE    compare `spec/` with Yandex's published definition
  ops [--json]           list every operation with its client method and server route
  reliability [--check]  write, or compare, the table of `docs/reliability.md`, from a test run
  tidy                   check rules of the source tree: import cycles, layers, lengths, names, docs, dependencies";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.split_first() {
        Some((command, rest)) => match command.as_str() {
            "codegen" => codegen::run(rest),
            "drift" => drift::run(rest),
            "ops" => ops::run(rest),
            "reliability" => reliability::run(rest),
            "tidy" => tidy::run(rest),
            "help" | "--help" | "-h" => {
                println!("{USAGE}");
                Ok(())
            }
            _ => Err(format!("unknown command `{command}`\n{USAGE}")),
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
