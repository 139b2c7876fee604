//! `cargo xtask codegen`: writes the generated files, or says which of them are stale.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::emit;
use crate::model::Model;
use crate::{root, spec};

/// The folder of each provider's generated files and the document they come from.
const PROVIDERS: &[Provider] = &[Provider {
    spec: "spec/openai.yaml",
    types: "crates/assistants-types/src/openai/generated",
    server: "crates/assistants-local/src/openai/generated",
}];

struct Provider {
    spec: &'static str,
    types: &'static str,
    server: &'static str,
}

/// Runs the command. With `--check` nothing is written and any difference is an error.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let check = match args {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err("usage: cargo xtask codegen [--check]".to_owned()),
    };
    let root = root();
    for provider in PROVIDERS {
        let want = generate(&root, provider)?;
        let stale = compare(&root, &[provider.types, provider.server], &want)?;
        if stale.is_empty() {
            continue;
        }
        if check {
            let lines: Vec<String> = stale
                .iter()
                .map(|path| format!("{} is stale: run `cargo xtask codegen`", path.display()))
                .collect();
            return Err(lines.join("\n"));
        }
        write(&root, &stale, &want)?;
    }
    Ok(())
}

/// Every file that the provider's document gives, by its path from the root.
fn generate(root: &Path, provider: &Provider) -> Result<BTreeMap<PathBuf, String>, String> {
    let document = spec::load(&root.join(provider.spec)).map_err(|error| format!("{}: {error}", provider.spec))?;
    let model = Model::read(&document, provider.spec)?;
    let mut files = BTreeMap::new();
    for (name, text) in emit::rust::files(&model)? {
        files.insert(Path::new(provider.types).join(name), text);
    }
    let schemas = emit::request_schemas::file(&document)?;
    files.insert(Path::new(provider.server).join("request_schemas.json"), schemas);
    Ok(files)
}

/// The files that differ from `want`, are missing, or should not be there.
fn compare(root: &Path, folders: &[&str], want: &BTreeMap<PathBuf, String>) -> Result<BTreeSet<PathBuf>, String> {
    let mut stale = BTreeSet::new();
    for (path, text) in want {
        if fs::read_to_string(root.join(path)).ok().as_deref() != Some(text) {
            stale.insert(path.clone());
        }
    }
    for folder in folders {
        let Ok(entries) = fs::read_dir(root.join(folder)) else {
            continue;
        };
        for entry in entries {
            let entry = entry.map_err(|error| format!("{folder}: {error}"))?;
            let path = Path::new(folder).join(entry.file_name());
            if !want.contains_key(&path) {
                stale.insert(path);
            }
        }
    }
    Ok(stale)
}

fn write(root: &Path, stale: &BTreeSet<PathBuf>, want: &BTreeMap<PathBuf, String>) -> Result<(), String> {
    for path in stale {
        let target = root.join(path);
        let outcome = match want.get(path) {
            Some(text) => target
                .parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| fs::write(&target, text)),
            None => fs::remove_file(&target),
        };
        outcome.map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}
