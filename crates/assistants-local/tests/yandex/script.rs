//! Scripts: the same rules apply to this protocol.

use std::io::Read;

use assistants_local::{LocalServer, Script};
use serde_json::json;

use crate::client::{short, start};

#[test]
fn a_script_answers_runs_and_requests() {
    let script = Script::parse(
        r#"
        [[answers]]
        model = "gpt://*/test/latest"
        prompt = "calls"
        calls = [{ name = "f", arguments = { a = 1 } }]
        [[answers]]
        prompt = "text"
        text = ["one ", "two"]
        [[answers]]
        prompt = "error"
        error = { code = "server_error", message = "Broken." }
        [[requests]]
        path = "/assistants/v1/threads"
        times = 1
        status = 429
        headers = { retry-after = "0" }
        [[requests]]
        path = "/assistants/v1/runs/listen"
        times = 1
        break_stream_after = 1
        "#,
    );
    let (_server, client) = start(LocalServer::builder().script(script.unwrap()));
    let rejected = client.post("/assistants/v1/threads", json!({"folderId": "fld"}));
    assert_eq!(rejected.headers["retry-after"], "0");
    assert_eq!(rejected.error(), "429 8: The script responds with status 429.");

    let run = client.run("text");
    let url = format!("{}/assistants/v1/runs/listen?runId={run}&eventsStartIdx=0", client.url);
    let mut bytes = Vec::new();
    let broken = ureq::get(&url)
        .call()
        .unwrap()
        .into_body()
        .into_reader()
        .read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    assert!(broken.is_err() && text.ends_with('\n'), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert_eq!(short(client.listen(&run, 0)), "0:one  | 1:one two | 2:DONE one two");

    assert_eq!(short(client.listen(&client.run("calls"), 0)), r#"0:CALLS f {"a":1}"#);
    assert_eq!(short(client.listen(&client.run("error"), 0)), "0:ERROR Broken.");
    // Commands in messages stay.
    assert_eq!(short(client.listen(&client.run("call g"), 0)), "0:CALLS g {}");
}
