//! `cargo xtask codegen`: writes the generated files, or reports which of them are stale.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::emit;
use crate::model::Model;
use crate::spec;
use crate::workspace::root;

/// The providers, each with its document and the folder of its generated files.
const PROVIDERS: &[Provider] = &[
    Provider {
        spec: "spec/openai.yaml",
        home: "openai",
        schemas: Some("request_schemas.json"),
    },
    Provider {
        spec: "spec/chat.yaml",
        home: "chat",
        schemas: Some("chat_request_schemas.json"),
    },
    Provider {
        spec: "spec/responses.yaml",
        home: "responses",
        schemas: Some("responses_request_schemas.json"),
    },
    Provider {
        spec: "spec/embeddings.yaml",
        home: "embeddings",
        schemas: Some("embeddings_request_schemas.json"),
    },
    Provider {
        spec: "spec/yandex.yaml",
        home: "yandex",
        schemas: None,
    },
];

/// Generated for tests: a list of types for each document.
const TESTS: &str = "crates/assistants-types/tests/generated";

/// Generated for the server: the schemas of request bodies.
const SERVER: &str = "crates/assistants-local/src/openai/generated";

struct Provider {
    spec: &'static str,
    /// The module of the types crate that contains the types.
    home: &'static str,
    /// The file for the server, if it validates request bodies against schemas.
    schemas: Option<&'static str>,
}

impl Provider {
    /// The folder of the generated types.
    fn types(&self) -> String {
        format!("crates/assistants-types/src/{}/generated", self.home)
    }
}

/// Runs the command. With `--check`, nothing is written and any difference is an error.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let check = match args {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err("usage: cargo xtask codegen [--check]".to_owned()),
    };
    let root = root()?;
    let mut want = BTreeMap::new();
    let mut folders = vec![TESTS.to_owned(), SERVER.to_owned()];
    for provider in PROVIDERS {
        want.extend(generate(&root, provider)?);
        folders.push(provider.types());
    }
    let stale = compare(&root, &folders, &want)?;
    if check && !stale.is_empty() {
        let lines: Vec<String> = stale
            .iter()
            .map(|path| format!("{} is stale: run `cargo xtask codegen`", path.display()))
            .collect();
        return Err(lines.join("\n"));
    }
    write(&root, &stale, &want)
}

/// All files generated from the provider's document, by path relative to the root.
fn generate(root: &Path, provider: &Provider) -> Result<BTreeMap<PathBuf, String>, String> {
    spec::check(root, provider.spec)?;
    let document = spec::load(&root.join(provider.spec)).map_err(|error| format!("{}: {error}", provider.spec))?;
    let model =
        Model::read(&document, provider.spec, provider.home).map_err(|error| format!("{}: {error}", provider.spec))?;
    let mut files = BTreeMap::new();
    for (name, text) in emit::rust::files(&model)? {
        files.insert(Path::new(&provider.types()).join(name), text);
    }
    files.insert(
        Path::new(TESTS).join(format!("{}_types.rs", provider.home)),
        emit::rust::type_list(&model)?,
    );
    if let Some(name) = provider.schemas {
        files.insert(Path::new(SERVER).join(name), emit::request_schemas::file(&document)?);
    }
    Ok(files)
}

/// The files that differ from `want`, are missing, or should not exist.
fn compare(root: &Path, folders: &[String], want: &BTreeMap<PathBuf, String>) -> Result<BTreeSet<PathBuf>, String> {
    let mut stale = BTreeSet::new();
    for (path, text) in want {
        // A file that is missing or cannot be read is stale as well; writing it reports the reason.
        if fs::read_to_string(root.join(path)).ok().as_deref() != Some(text) {
            stale.insert(path.clone());
        }
    }
    for folder in folders {
        let entries = match fs::read_dir(root.join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(|error| format!("{folder}: {error}"))?,
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// A small document that uses every feature, and the output of the generator for it.
    const FIXTURES: &str = "xtask/fixtures/codegen";

    fn document(name: &str) -> Value {
        spec::load(&root().unwrap().join(FIXTURES).join(format!("{name}.yaml"))).unwrap()
    }

    fn small() -> Value {
        document("small")
    }

    /// Compares the output of the generator for a document with the files in the folder of the same name.
    #[track_caller]
    fn check(name: &str, home: &str, mut files: BTreeMap<String, String>) {
        let model = Model::read(&document(name), &format!("spec/{name}.yaml"), home).unwrap();
        files.extend(emit::rust::files(&model).unwrap());
        files.insert("types.rs".to_owned(), emit::rust::type_list(&model).unwrap());
        for (file, text) in files {
            let path = root()
                .unwrap()
                .join(FIXTURES)
                .join(name)
                .join(format!("{file}.expected"));
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&path, text).unwrap();
                continue;
            }
            let want = fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(text, want, "{file} differs; `UPDATE=1 cargo test -p xtask` rewrites it");
        }
    }

    #[test]
    fn generates_the_fixtures() {
        let schemas = emit::request_schemas::file(&small()).unwrap();
        check("small", "openai", [("request_schemas.json".to_owned(), schemas)].into());
        check("small_proto", "small", BTreeMap::new());
    }

    #[test]
    fn rejects_protocol_buffers_it_cannot_generate() {
        let parcel = "/components/schemas/Parcel";
        for (pointer, value, want) in [
            ("/x-encoding".to_owned(), Value::from("xml"), "unknown encoding `xml`"),
            (format!("{parcel}/x-proto"), Value::Null, "x-proto is missing"),
            (
                format!("{parcel}/x-oneof/Lock/members/0"),
                "nope".into(),
                "no property `nope`",
            ),
            (
                format!("{parcel}/properties/weightGrams/format"),
                "int128".into(),
                "no rule for string",
            ),
            (
                "/components/schemas/UpdateParcel/x-mask-paths/0".to_owned(),
                "wrapping.nope".into(),
                "no such field",
            ),
        ] {
            let mut document = document("small_proto");
            *document.pointer_mut(&pointer).unwrap() = value;
            let error = Model::read(&document, "spec/small_proto.yaml", "small").unwrap_err();
            assert!(error.contains(want), "{error}");
        }
    }

    /// Changes the small document at a JSON pointer, and checks the resulting error.
    #[track_caller]
    fn rejects(pointer: &str, value: Value, want: &str) {
        let mut document = small();
        *document.pointer_mut(pointer).unwrap() = value;
        let error = Model::read(&document, "spec/small.yaml", "openai").unwrap_err();
        assert!(error.contains(want), "{error}");
    }

    #[test]
    fn rejects_a_parameter_that_shadows_a_call_option() {
        rejects(
            "/paths/~1parcels~1{parcel_id}/post/parameters/1/name",
            "timeout".into(),
            "`timeout` collides with a call option",
        );
        let body = "/components/schemas/UpdateParcel/properties";
        let field = serde_json::json!({"header": {"type": "string", "description": "x"}});
        rejects(body, field, "`header` collides with a call option");
    }

    #[test]
    fn rejects_what_it_cannot_generate() {
        let property = "/components/schemas/Parcel/properties/label";
        rejects(
            property,
            serde_json::json!({"type": "string"}),
            "description is missing",
        );
        rejects(
            property,
            serde_json::json!({"$ref": "#/components/schemas/Nope", "description": "x"}),
            "there is no schema `Nope`",
        );
        rejects("/components/schemas/Stone/x-module", Value::Null, "x-module is missing");
        rejects("/paths/~1parcels/post/summary", Value::Null, "summary is missing");
    }

    #[test]
    fn lists_missing_changed_and_surplus_files() {
        let root = std::env::temp_dir().join(format!("xtask-codegen-{}", std::process::id()));
        fs::create_dir_all(root.join("out")).unwrap();
        for (name, text) in [("same", "1"), ("changed", "1"), ("surplus", "1")] {
            fs::write(root.join("out").join(name), text).unwrap();
        }
        let want = [("out/same", "1"), ("out/changed", "2"), ("out/missing", "1")]
            .map(|(path, text)| (PathBuf::from(path), text.to_owned()))
            .into();
        let stale = compare(&root, &["out".to_owned()], &want).unwrap();
        let names: Vec<&str> = stale.iter().filter_map(|path| path.to_str()).collect();
        assert_eq!(names, ["out/changed", "out/missing", "out/surplus"]);
        write(&root, &stale, &want).unwrap();
        assert!(compare(&root, &["out".to_owned()], &want).unwrap().is_empty());
        fs::remove_dir_all(&root).unwrap();
    }
}
