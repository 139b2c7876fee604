//! `cargo xtask ops`: lists every operation with its client method and its server route.
//!
//! Both are found in the sources by the constant of the operation: a method of a handle of the client sends a request with
//! it, and the server mounts a handler with it. An operation can therefore not be described and then forgotten on one side.

mod source;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use self::source::{Handle, Source};
use crate::spec;
use crate::workspace::root;

const SPECS: &str = "spec";
const CLIENT: &str = "crates/assistants-blocking/src";
const SERVER: &str = "crates/assistants-local/src";
/// The file of each provider with the public methods that return handles.
const HANDLES: &str = "handles";

/// An operation and its implementations.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Row {
    provider: String,
    operation: String,
    method: String,
    path: String,
    /// The client methods, such as `runs().create`; `None` if there are none.
    client: Option<String>,
    /// The server's handler, such as `runs::create`; `None` if there is none.
    route: Option<String>,
    #[serde(skip)]
    constant: String,
}

/// The sources for one provider.
#[derive(Debug, Default)]
struct Sources {
    client: Vec<Source>,
    server: Vec<Source>,
}

/// Runs the command. An error lists the operations that are missing on one side.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let json = match args {
        [] => false,
        [flag] if flag == "--json" => true,
        _ => return Err("usage: cargo xtask ops [--json]".to_owned()),
    };
    let root = root()?;
    let documents = documents(&root)?;
    let providers: Vec<&str> = documents.iter().map(|(provider, _)| provider.as_str()).collect();
    let mut rows = Vec::new();
    for (provider, document) in &documents {
        let others: Vec<&str> = providers.iter().copied().filter(|other| other != provider).collect();
        let sources = Sources {
            client: read(&root.join(CLIENT), &others)?,
            server: read(&root.join(SERVER), &others)?,
        };
        rows.extend(find(provider, document, &sources)?);
    }
    if json {
        println!(
            "{}",
            serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?
        );
    } else {
        print!("{}", table(&rows));
        for (provider, document) in &documents {
            for name in grpc_only(document) {
                println!("{provider}  {name}: gRPC only, without a REST mapping");
            }
        }
    }
    let missing = missing(&rows);
    if missing.is_empty() {
        Ok(())
    } else {
        Err(missing.join("\n"))
    }
}

/// The calls of a document without a REST mapping.
fn grpc_only(document: &Value) -> impl Iterator<Item = &str> {
    let calls = document.get("x-grpc-only").and_then(Value::as_array);
    calls
        .into_iter()
        .flatten()
        .filter_map(|call| call.get("name")?.as_str())
}

/// All documents in `spec/`, each with its provider: the one it specifies, or the one in its file name.
fn documents(root: &Path) -> Result<Vec<(String, Value)>, String> {
    let mut documents = Vec::new();
    for path in entries(&root.join(SPECS))? {
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let document = spec::load(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let named = document.get("x-provider").and_then(Value::as_str);
            documents.push((named.map_or_else(|| stem(&path), str::to_owned), document));
        }
    }
    Ok(documents)
}

/// The Rust sources below a folder, except folders and files named after `others`.
fn read(folder: &Path, others: &[&str]) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    for path in entries(folder)? {
        let name = module(&path);
        if others.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            sources.extend(read(&path, others)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            // `runs/mod.rs` is the module `runs`.
            let module = if name == "mod" { stem(folder) } else { name };
            sources.push(Source::parse(&module, &text));
        }
    }
    Ok(sources)
}

/// The entries of a folder, sorted by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let list = || -> std::io::Result<Vec<PathBuf>> {
        let mut paths = fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    };
    list().map_err(|error| format!("{}: {error}", folder.display()))
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The name of the module in a file; for `mod.rs`, the name of its folder.
fn module(path: &Path) -> String {
    match stem(path) {
        name if name == "mod" => path.parent().map(stem).unwrap_or_default(),
        name => name,
    }
}

/// A row for each operation of the document, in order.
fn find(provider: &str, document: &Value, sources: &Sources) -> Result<Vec<Row>, String> {
    let handles: Vec<Handle<'_>> = sources
        .client
        .iter()
        .filter(|source| source.name == HANDLES)
        .flat_map(Source::handles)
        .collect();
    let mut rows = Vec::new();
    let paths = document.get("paths").and_then(Value::as_object);
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let Some(id) = operation.get("operationId").and_then(Value::as_str) else {
                continue;
            };
            let constant = operation.get("x-constant").and_then(Value::as_str);
            let constant = constant.ok_or_else(|| format!("{provider} {id}: x-constant is missing"))?;
            rows.push(Row {
                provider: provider.to_owned(),
                operation: id.to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
                client: client(&sources.client, &handles, constant),
                route: route(&sources.server, constant),
                constant: constant.to_owned(),
            });
        }
    }
    Ok(rows)
}

/// The public methods of the handles that send a request with the constant.
fn client(sources: &[Source], handles: &[Handle<'_>], constant: &str) -> Option<String> {
    join(handles.iter().flat_map(|handle| {
        methods(sources, handle.type_name, constant)
            .into_iter()
            .map(|method| format!("{}().{method}", handle.method))
    }))
}

/// The public methods of the type that send a request with the constant; they may be in several files.
fn methods<'s>(sources: &'s [Source], type_name: &str, constant: &str) -> Vec<&'s str> {
    let mut methods = Vec::new();
    loop {
        let known = methods.len();
        for source in sources {
            for method in source.methods_with(type_name, constant, &methods) {
                if !methods.contains(&method) {
                    methods.push(method);
                }
            }
        }
        if methods.len() == known {
            return methods;
        }
    }
}

/// The handlers mounted with the constant.
fn route(sources: &[Source], constant: &str) -> Option<String> {
    join(sources.iter().flat_map(|source| source.handlers_of(constant)))
}

fn join(found: impl Iterator<Item = String>) -> Option<String> {
    let found: Vec<String> = found.collect();
    if found.is_empty() { None } else { Some(found.join(", ")) }
}

/// A line for each operation that is missing on one side.
fn missing(rows: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    for row in rows {
        let Row {
            provider,
            operation,
            constant,
            ..
        } = row;
        if row.client.is_none() {
            lines.push(format!(
                "{provider} {operation}: no client method uses `{constant}` in {CLIENT}"
            ));
        }
        if row.route.is_none() {
            lines.push(format!(
                "{provider} {operation}: no server route mounts `{constant}` in {SERVER}"
            ));
        }
    }
    lines
}

/// The rows as aligned columns with a header line.
fn table(rows: &[Row]) -> String {
    let heading = ["provider", "operation", "method", "path", "client", "route"];
    let cells = |row: &'_ Row| {
        let or_dash = |found: &Option<String>| found.clone().unwrap_or_else(|| "-".to_owned());
        let [provider, operation, method, path] =
            [&row.provider, &row.operation, &row.method, &row.path].map(String::clone);
        [
            provider,
            operation,
            method,
            path,
            or_dash(&row.client),
            or_dash(&row.route),
        ]
    };
    let lines: Vec<[String; 6]> = [heading.map(str::to_owned)]
        .into_iter()
        .chain(rows.iter().map(cells))
        .collect();
    let widths: [usize; 6] =
        std::array::from_fn(|column| lines.iter().map(|cells| cells[column].len()).max().unwrap_or_default());
    let mut table = String::new();
    for cells in &lines {
        let padded: Vec<String> = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        table.push_str(padded.join("  ").trim_end());
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_calls_without_a_rest_mapping() {
        let document = json!({"x-grpc-only": [{"name": "a.B.Attach", "description": "x"}]});
        assert_eq!(grpc_only(&document).collect::<Vec<_>>(), ["a.B.Attach"]);
        assert_eq!(grpc_only(&json!({})).count(), 0);
    }

    fn document() -> Value {
        json!({"paths": {
            "/runs": {
                "get": {"operationId": "runs.list", "x-constant": "LIST_RUNS"},
                "post": {"operationId": "runs.create", "x-constant": "CREATE_RUN"},
            },
        }})
    }

    fn rows(client: &[(&str, &str)], server: &[(&str, &str)]) -> Vec<Row> {
        let parse = |files: &[(&str, &str)]| files.iter().map(|(name, text)| Source::parse(name, text)).collect();
        find(
            "openai",
            &document(),
            &Sources {
                client: parse(client),
                server: parse(server),
            },
        )
        .unwrap()
    }

    const CLIENT_HANDLES: (&str, &str) = ("handles", "impl Client { pub fn runs(&self) -> Runs { Runs } }");
    const RUNS: (&str, &str) = (
        "runs",
        "impl Runs {
            pub fn create(&self) -> Call { self.client.call(op::CREATE_RUN) }
            pub fn list(&self) -> Call { self.client.list(operations::LIST_RUNS) }
        }",
    );
    const STREAM: (&str, &str) = (
        "stream",
        "impl Runs { pub fn stream(&self) -> Call { StreamCall::new(self.create()) } }",
    );
    const ROUTES: (&str, &str) = (
        "routes",
        "fn r() { x.mount(&op::CREATE_RUN, runs::create).mount(&op::LIST_RUNS, runs::list) }",
    );

    #[test]
    fn lists_both_sides_of_every_operation() {
        let rows = rows(&[CLIENT_HANDLES, STREAM, RUNS], &[ROUTES]);
        assert_eq!(missing(&rows), [""; 0]);
        let want = [
            "provider  operation    method  path   client                        route",
            "openai    runs.list    GET     /runs  runs().list                   runs::list",
            "openai    runs.create  POST    /runs  runs().create, runs().stream  runs::create",
        ];
        assert_eq!(table(&rows).lines().collect::<Vec<_>>(), want);
        assert_eq!(
            serde_json::to_value(&rows[0]).unwrap(),
            json!({
                "provider": "openai", "operation": "runs.list", "method": "GET", "path": "/runs",
                "client": "runs().list", "route": "runs::list",
            })
        );
    }

    #[test]
    fn names_the_operation_and_the_missing_side() {
        assert_eq!(
            missing(&rows(
                &[CLIENT_HANDLES, RUNS],
                &[("routes", "fn r() { x.mount(&op::LIST_RUNS, runs::list) }")]
            )),
            ["openai runs.create: no server route mounts `CREATE_RUN` in crates/assistants-local/src"]
        );
        assert_eq!(
            missing(&rows(&[CLIENT_HANDLES], &[ROUTES])),
            [
                "openai runs.list: no client method uses `LIST_RUNS` in crates/assistants-blocking/src",
                "openai runs.create: no client method uses `CREATE_RUN` in crates/assistants-blocking/src",
            ]
        );
        assert_eq!(
            table(&rows(&[CLIENT_HANDLES], &[])).lines().nth(1),
            Some("openai    runs.list    GET     /runs  -       -")
        );
    }

    #[test]
    fn a_type_without_a_handle_does_not_count() {
        assert_eq!(missing(&rows(&[RUNS], &[ROUTES])).len(), 2);
        let other = RUNS.1.replace("impl Runs", "impl Others");
        assert_eq!(missing(&rows(&[CLIENT_HANDLES, ("runs", &other)], &[ROUTES])).len(), 2);
    }

    #[test]
    fn an_operation_without_a_constant_is_an_error() {
        let document = json!({"paths": {"/a": {"get": {"operationId": "a.list"}}}});
        let error = find("openai", &document, &Sources::default()).unwrap_err();
        assert_eq!(error, "openai a.list: x-constant is missing");
    }
}
