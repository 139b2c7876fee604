//! Runs every example and checks its output.

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// The folder into which cargo has built the examples along with this test.
fn folder() -> PathBuf {
    let mut path = env::current_exe().unwrap();
    path.pop(); // …/debug/deps
    path.pop();
    path.join("examples")
}

#[track_caller]
fn check(name: &str, want: &[&str]) {
    check_with(name, &[], want);
}

fn example(name: &str) -> Command {
    let program = folder().join(name).with_extension(env::consts::EXE_EXTENSION);
    let mut command = Command::new(program);
    command
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env_remove("OPENAI_BASE_URL")
        .env_remove("OPENAI_MODEL");
    command
}

#[track_caller]
fn check_with(name: &str, args: &[&str], want: &[&str]) {
    let output = example(name).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("{name}: {error}"));
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
    for text in want {
        assert!(printed.contains(text), "no {text:?} in\n{printed}");
    }
}

#[test]
fn chat() {
    check(
        "chat",
        &["add(2, 40)", "add returned 42", "tokens read", "Thank you very much."],
    );
}

#[test]
fn every_example_is_run_here() {
    let manifest = include_str!("../Cargo.toml");
    let names = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"")?.strip_suffix(".rs\""));
    let run = include_str!("run.rs");
    for name in names {
        assert!(
            run.contains(&format!("(\"{name}\"")) || run.contains(&format!("\"{name}\",")),
            "{name}"
        );
    }
}

#[test]
fn file_search() {
    let question = "How to test the workspace with cargo?";
    check_with(
        "file_search",
        &["README.md", "ARCHITECTURE.md", question],
        &["cargo test --workspace", "README.md"],
    );
}

#[test]
fn yandex() {
    check("yandex", &["add returned 7", "Tokens:"]);
}

#[test]
fn quickstart() {
    check("quickstart", &["count_lines", "Cargo.toml has"]);
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

#[test]
fn structured_output() {
    check("structured_output", &["3 days in Lisbon: Alfama, Belém"]);
}

#[test]
fn typed_tools() {
    check("typed_tools", &[r#"divide returned {"quotient":3.5}"#]);
}

#[test]
fn yandex_chat() {
    check(
        "yandex_chat",
        &[
            "gpt://my-folder/scripted/latest by",
            "\"Nice to meet you.\", Final,",
            "word1 word2 word3 (Final)",
            "4 stars for the kettle",
        ],
    );
}
