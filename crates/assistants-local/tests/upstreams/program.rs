//! The options of the program for upstream servers.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;
use test_peer::{Peer, Response};

use crate::probe::respond;

fn try_upstream(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_assistants-local"));
    // Settings of the machine that runs the test are not those of the test.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ASSISTANTS_LOCAL_")) {
        command.env_remove(name);
    }
    command
        .env("TEST_UPSTREAM_KEY", "sk-secret")
        .arg("try-upstream")
        .args(arguments);
    command.output().unwrap()
}

fn peer() -> Peer {
    let models =
        json!({"object": "list", "data": [{"id": "m", "object": "model", "created": 0, "owned_by": "someone"}]});
    Peer::serve(move |request| {
        if request.line() == "GET /v1/models" {
            return vec![Response::json(&models.to_string()).into()];
        }
        vec![respond(request).into()]
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_program_reports_what_a_server_can_do() {
    let peer = peer();
    let output = try_upstream(&[
        "--upstream",
        &peer.url("/v1"),
        "--upstream-key-env",
        "TEST_UPSTREAM_KEY",
    ]);
    let (printed, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{printed}{errors}");
    for line in [
        "  models: m",
        "  asking m",
        "  yes text: Hello.",
        "  no  a call of a function: Hello.",
        "  needs --upstream-flag tool_choice=strings",
    ] {
        assert!(
            printed.lines().any(|printed| printed == line),
            "{line:?} is not in\n{printed}"
        );
    }
    assert!(!printed.contains("sk-secret") && !errors.contains("sk-secret"));
    let keys = peer.finish();
    let sent = |key| {
        keys.iter()
            .filter(|request| request.header("Authorization") == Some(key))
            .count()
    };
    assert_eq!(sent("Bearer sk-secret"), keys.len());
}

#[test]
fn servers_and_flags_come_from_a_file() {
    let peer = peer();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("models.toml");
    let config = format!(
        "[upstreams.here]\nurl = \"{}\"\nflags = {{ tool_choice = \"strings\" }}\n",
        peer.url("/v1")
    );
    fs::write(&file, config).unwrap();
    let output = try_upstream(&["--config", file.to_str().unwrap()]);
    let printed = text(&output.stdout);
    assert!(printed.starts_with("here at http://127.0.0.1:"), "{printed}");
    assert!(!printed.contains("needs"), "{printed}");
    peer.finish();
}

/// The program fails and names the setting.
#[track_caller]
fn check_error(arguments: &[&str], want: &str) {
    let output = try_upstream(arguments);
    let errors = text(&output.stderr);
    assert!(!output.status.success());
    assert!(errors.starts_with("error: ") && errors.contains(want), "{errors}");
}

#[test]
fn a_wrong_setting_is_named() {
    let url = "http://127.0.0.1:9/v1";
    check_error(&[], "Give --upstream or --config");
    check_error(&["--upstream-flag", "strict=true"], "need --upstream");
    check_error(&["--upstream", url, "--upstream-flag", "strikt=true"], "strikt");
    check_error(&["--upstream", url, "--upstream-flag", "images"], "NAME=VALUE");
    check_error(
        &["--upstream", url, "--upstream-key-env", "TEST_NO_SUCH_KEY"],
        "TEST_NO_SUCH_KEY",
    );
    check_error(&["--upstream", "nowhere"], "needs a scheme and a host");
    check_error(&["--model", "a=b"], "need an upstream server");
    check_error(&["--config", "/no/such/file.toml"], "/no/such/file.toml");
    let folder = tempfile::tempdir().unwrap();
    let check_file = |contents: &str, want: &str| {
        let file = folder.path().join("models.toml");
        fs::write(&file, contents).unwrap();
        check_error(&["--config", path(&file)], want);
    };
    check_file("[upstream.a]\nurl = \"http://127.0.0.1:9\"\n", "upstream");
    check_file("[upstreams.a]\n", "url");
    check_file(
        "[upstreams.a]\nurl = \"http://127.0.0.1:9\"\nflags = { images = \"png\" }\n",
        "png",
    );
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}
