//! Runs every example and checks its output.

use std::collections::BTreeSet;
use std::env;
use std::path::PathBuf;
use std::process::Command;

use assistants_local::LocalServer;
use assistants_local::model::Catalog;
use assistants_local::model::upstream::{Dialect, Endpoint, Upstream};

/// The folder into which cargo has built the examples along with this test.
fn folder() -> PathBuf {
    let mut path = env::current_exe().unwrap();
    path.pop(); // …/debug/deps
    path.pop();
    path.join("examples")
}

fn example(name: &str) -> Command {
    let program = folder().join(name).with_extension(env::consts::EXE_EXTENSION);
    let mut command = Command::new(program);
    command
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env_remove("OPENAI_BASE_URL")
        .env_remove("OPENAI_MODEL")
        .env_remove("YC_FOLDER_ID");
    command
}

/// An example, its arguments, and what it must print.
type Run = (&'static str, &'static [&'static str], &'static [&'static str]);

const RUNS: [Run; 7] = [
    ("quickstart", &[], &["count_lines", "Cargo.toml has"]),
    (
        "chat",
        &[],
        &["add(2, 40)", "add returned 42", "tokens read", "Thank you very much."],
    ),
    (
        "file_search",
        &["README.md", "ARCHITECTURE.md", "How to test the workspace with cargo?"],
        &["cargo test --workspace", "README.md"],
    ),
    ("structured_output", &[], &["3 days in Lisbon: Alfama, Belém"]),
    ("typed_tools", &[], &[r#"divide returned {"quotient":3.5}"#]),
    ("yandex", &[], &["add returned 7", "Tokens:"]),
    (
        "yandex_chat",
        &[],
        &[
            "gpt://my-folder/scripted/latest by",
            "\"Nice to meet you.\", Final,",
            "word1 word2 word3 (Final)",
            "4 stars for the kettle",
        ],
    ),
];

/// Runs all examples, each with this environment.
#[track_caller]
fn run_all(environment: &[(&str, &str)]) {
    for (name, args, want) in RUNS {
        let output = example(name).args(args).envs(environment.iter().copied()).output();
        let output = output.unwrap_or_else(|error| panic!("{name}: {error}"));
        let printed = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} {environment:?}: {printed}{errors}");
        for text in want {
            assert!(
                printed.contains(text),
                "{name} {environment:?}: no {text:?} in\n{printed}"
            );
        }
    }
}

#[test]
fn examples_run_with_a_server_of_their_own() {
    run_all(&[]);
}

/// The examples talk to a server whose model is that of another server.
#[track_caller]
fn run_over(dialect: Dialect) {
    let inner = LocalServer::builder().start().unwrap();
    let mut endpoint = Endpoint::new(inner.base_url());
    endpoint.dialect = Some(dialect);
    let upstream = Upstream::new("inner", endpoint).unwrap();
    let names = ["scripted", "*"].map(|name| (name.to_owned(), "inner/scripted".to_owned()));
    let catalog = Catalog::new(vec![upstream], names.into());
    let server = LocalServer::builder().model(catalog).start().unwrap();
    run_all(&[
        ("OPENAI_BASE_URL", &server.base_url()),
        ("OPENAI_API_KEY", "any"),
        ("OPENAI_MODEL", "scripted"),
        ("YC_API_ENDPOINT", &server.yandex_url()),
        ("YC_FOLDER_ID", "my-folder"),
    ]);
}

#[test]
fn examples_run_with_an_upstream_server_over_chat_completions() {
    run_over(Dialect::Chat);
}

#[test]
fn examples_run_with_an_upstream_server_over_responses() {
    run_over(Dialect::Responses);
}

#[test]
fn every_example_is_run_here() {
    let manifest = include_str!("../Cargo.toml");
    let names = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"")?.strip_suffix(".rs\""));
    let names: BTreeSet<&str> = names.collect();
    assert_eq!(names, RUNS.map(|(name, ..)| name).into());
}

/// Runs a program, because the environment of a test cannot be changed while other tests read it.
#[test]
fn an_invalid_proxy_is_reported() {
    let mut command = example("quickstart");
    for name in ["ALL_PROXY", "all_proxy", "https_proxy", "HTTP_PROXY", "http_proxy"] {
        command.env_remove(name);
    }
    let output = command.env("HTTPS_PROXY", "http://hush@").output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(errors.contains("HTTPS_PROXY is not a valid proxy url"), "{errors}");
    assert!(!errors.contains("hush"), "{errors}");
}
