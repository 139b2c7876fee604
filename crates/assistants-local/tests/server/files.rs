//! Files: forms as various programs encode them, and the data on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Instant;

use assistants_local::LocalServer;
use serde_json::{Value, json};

use super::binary::Program;
use super::client::{Client, id};

fn client(server: &LocalServer) -> Client {
    Client::new(server.base_url())
}

/// Encodes a form from these parts: the parameters of the disposition, further headers, and the value.
pub(super) fn form(client: &Client, parts: &[(&str, &str, &str)]) -> (Client, String) {
    let mut body = String::new();
    for (disposition, headers, value) in parts {
        body.push_str(&format!(
            "--XX\r\ncontent-disposition: form-data; {disposition}\r\n{headers}\r\n{value}\r\n"
        ));
    }
    let client = client.header("content-type", "multipart/form-data; boundary=XX");
    (client, body + "--XX--")
}

pub(super) fn upload(client: &Client, text: &str) -> Value {
    let parts = [
        ("name=purpose", "", "assistants"),
        ("name=file; filename=a.txt", "content-type: text/plain\r\n", text),
    ];
    let (client, body) = form(client, &parts);
    client.call("POST", "/files", &body).ok()
}

fn content(client: &Client, file: &Value) -> String {
    let response = ureq::get(format!("{}/files/{}/content", client.base_url, id(file)))
        .call()
        .unwrap();
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    response.into_body().read_to_string().unwrap()
}

#[test]
fn reads_forms_of_other_programs() {
    let server = LocalServer::builder().start().unwrap();
    let file = ("name=\"file\"; filename=\"b.txt\"", "", "text");
    let purpose = ("name=\"purpose\"", "", "batch");
    let anchor = ("name=\"expires_after[anchor]\"", "", "created_at");
    let seconds = ("name=\"expires_after[seconds]\"", "", "3600");
    let object = ("name=expires_after", "", r#"{"anchor": "created_at", "seconds": 7200}"#);
    for (parts, lifetime) in [
        (&[purpose, file][..], None),
        (&[file, purpose], None),
        (&[purpose, anchor, seconds, file], Some(3600)),
        (&[file, object, purpose], Some(7200)),
    ] {
        let (client, body) = form(&client(&server), parts);
        let made = client.call("POST", "/files", &body).ok();
        assert_eq!(made["filename"], "b.txt");
        assert_eq!((&made["purpose"], &made["bytes"]), (&json!("batch"), &json!(4)));
        let lived = made["expires_at"]
            .as_i64()
            .map(|at| at - made["created_at"].as_i64().unwrap());
        assert_eq!(lived, lifetime);
    }
}

#[test]
fn rejects_incomplete_forms() {
    let server = LocalServer::builder().start().unwrap();
    let file = ("name=file; filename=b.txt", "", "text");
    let purpose = ("name=purpose", "", "batch");
    for (parts, want) in [
        (
            &[purpose][..],
            "400 file missing_required_parameter: Missing required parameter: 'file'.",
        ),
        (
            &[file],
            "400 purpose missing_required_parameter: Missing required parameter: 'purpose'.",
        ),
        (&[file, purpose, file], "400 file -: The form has more than one 'file'."),
        (
            &[("name=file; filename=b", "", ""), purpose],
            "400 file empty_file: 'file' is empty, and empty files are not accepted.",
        ),
    ] {
        let (client, body) = form(&client(&server), parts);
        assert_eq!(client.call("POST", "/files", &body).error(), want);
    }
    let cut = client(&server).header("content-type", "multipart/form-data; boundary=XX");
    let answer = cut.call(
        "POST",
        "/files",
        "--XX\r\ncontent-disposition: form-data; name=file\r\n\r\nhalf",
    );
    assert!(
        answer.error().starts_with("400 - -: The form could not be read: "),
        "{}",
        answer.error()
    );
    let none = client(&server).header("content-type", "multipart/form-data");
    assert_eq!(none.call("POST", "/files", "").status, 400);
    let (as_form, body) = form(&client(&server), &[purpose]);
    let error = as_form.call("POST", "/assistants", &body).error();
    assert!(error.starts_with("415 - unsupported_content_type: "), "{error}");
    assert_eq!(client(&server).get("/files").ok()["data"], json!([]));
}

fn stored(database: &Path) -> Vec<String> {
    let folder = database.with_file_name("a.db.files");
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !["identity", "backup.lock"].contains(&name.as_str()))
        .collect()
}

#[test]
fn only_acknowledged_files_survive_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let program = Program::on(&database);
    let kept = upload(&program.client, "kept words");
    let gone = upload(&program.client, "gone");
    let store = program
        .client
        .post("/vector_stores", json!({"file_ids": [id(&kept)]}))
        .ok();
    program.client.delete(&format!("/files/{}", id(&gone))).ok();
    program.kill();
    // Left by a kill during an upload.
    for name in ["tmp-unfinished", "new-file-unknown"] {
        fs::write(database.with_file_name("a.db.files").join(name), "x").unwrap();
    }

    let program = Program::on(&database);
    let client = &program.client;
    assert_eq!(client.get(&format!("/files/{}", id(&kept))).ok(), kept);
    assert_eq!(content(client, &kept), "kept words");
    assert_eq!(stored(&database), [id(&kept)]);
    // Indexed before the kill or after it.
    let store = client.wait_for(&format!("/vector_stores/{}", id(&store)), "completed");
    let found = client
        .post(
            &format!("/vector_stores/{}/search", id(&store)),
            json!({"query": "words"}),
        )
        .ok();
    assert_eq!(found["data"][0]["content"][0]["text"], "kept words");
    assert_eq!(
        (&found["object"], &found["next_page"]),
        (&json!("vector_store.search_results.page"), &Value::Null)
    );
}

#[test]
fn errors_name_what_a_request_lacks() {
    let server = LocalServer::builder().start().unwrap();
    let client = client(&server);
    let file = upload(&client, "text");
    let store = client.post("/vector_stores", json!({})).ok();
    let path = format!("/vector_stores/{}", id(&store));
    for (place, body, want) in [
        ("/search", json!({}), "400 query missing_required_parameter"),
        (
            "/search",
            json!({"query": "x", "max_num_results": 0}),
            "400 max_num_results integer_below_min_value",
        ),
        (
            "/search",
            json!({"query": "x", "filters": {"type": "eq"}}),
            "400 filters.key missing_required_parameter",
        ),
        ("/files", json!({"file_id": "file-none"}), "404 - -"),
        (
            "/files",
            json!({"file_id": id(&file), "attributes": {"a": null}}),
            "400 attributes.a invalid_type",
        ),
        ("/file_batches", json!({}), "400 file_ids missing_required_parameter"),
        ("/file_batches", json!({"file_ids": []}), "400 file_ids empty_array"),
        (
            "/files",
            json!({"file_id": id(&file), "chunking_strategy": {"type": "static", "static":
                {"max_chunk_size_tokens": 99, "chunk_overlap_tokens": 0}}}),
            "400 chunking_strategy.static.max_chunk_size_tokens integer_below_min_value",
        ),
    ] {
        let error = client.post(&format!("{path}{place}"), body).error();
        assert!(error.starts_with(want), "{error}, not {want}");
    }
    let unknown = client.post("/vector_stores", json!({"file_ids": [id(&file), "file-none"]}));
    assert!(unknown.error().starts_with("400 file_ids[1] "), "{}", unknown.error());
    assert_eq!(client.get("/vector_stores").ok()["data"].as_array().unwrap().len(), 1);
}

/// Uploads bytes under this name.
pub(super) fn upload_bytes(client: &Client, name: &str, bytes: &[u8]) -> String {
    let head = format!(
        "--XX\r\ncontent-disposition: form-data; name=purpose\r\n\r\nassistants\r\n\
         --XX\r\ncontent-disposition: form-data; name=file; filename={name}\r\n\r\n"
    );
    let body = [head.as_bytes(), bytes, b"\r\n--XX--"].concat();
    let request = ureq::post(format!("{}/files", client.base_url));
    let request = request.header("content-type", "multipart/form-data; boundary=XX");
    let made = request.send(&body).unwrap().into_body().read_to_string().unwrap();
    id(&serde_json::from_str(&made).unwrap())
}

/// Uploads bytes and adds them to a new vector store. Returns the ids of the store and the file.
pub(super) fn index(client: &Client, name: &str, bytes: &[u8]) -> (String, String) {
    let file = upload_bytes(client, name, bytes);
    let store = client.post("/vector_stores", json!({"file_ids": [file]})).ok();
    (id(&store), file)
}

const TWO_PAGES: &[u8] = include_bytes!("../fixtures/two_pages.pdf");
const LOCKED: &[u8] = include_bytes!("../fixtures/locked.pdf");

#[test]
fn the_text_of_a_pdf_is_found_cited_and_shown() {
    let server = LocalServer::builder().start().unwrap();
    let client = client(&server);
    let (store, file) = index(&client, "skagen.pdf", TWO_PAGES);
    client.wait_for(&format!("/vector_stores/{store}/files/{file}"), "completed");
    let content = client.get(&format!("/vector_stores/{store}/files/{file}/content")).ok();
    let text = content["data"][0]["text"].as_str().unwrap();
    assert_eq!(
        text,
        "The lighthouse of Skagen was lit in 1858.\nIts lamp stands 46 metres above the sea.\n\n\
         Visitors find a café and a musée in the keeper's house."
    );

    let body = json!({
        "model": "test",
        "tools": [{"type": "file_search"}],
        "tool_resources": {"file_search": {"vector_store_ids": [store]}},
    });
    let assistant = id(&client.post("/assistants", body).ok());
    let thread = client.thread("When was the lighthouse lit?");
    let run = client
        .post(&format!("/threads/{thread}/runs"), json!({"assistant_id": assistant}))
        .ok();
    client.wait_for(&format!("/threads/{thread}/runs/{}", id(&run)), "completed");
    let messages = client.get(&format!("/threads/{thread}/messages")).ok();
    let answer = &messages["data"][0]["content"][0]["text"];
    assert!(
        answer["value"].as_str().unwrap().contains("was lit in 1858."),
        "{answer}"
    );
    let citation = &answer["annotations"][0];
    assert_eq!(
        (&citation["type"], &citation["file_citation"]["file_id"]),
        (&json!("file_citation"), &json!(file))
    );
}

#[test]
fn a_new_thread_shows_the_vector_store_of_its_attachments() {
    let server = LocalServer::builder().start().unwrap();
    let client = client(&server);
    let file = upload_bytes(&client, "a.txt", b"text");
    let attached = json!([{"file_id": file, "tools": [{"type": "file_search"}]}]);
    let message = json!({"role": "user", "content": "Hello", "attachments": attached});
    let thread = client.post("/threads", json!({"messages": [message]})).ok();
    let stores = &thread["tool_resources"]["file_search"]["vector_store_ids"];
    assert_eq!(stores.as_array().unwrap().len(), 1, "{thread}");
    assert_eq!(client.get(&format!("/threads/{}", id(&thread))).ok(), thread);

    // The resources of the run do not replace it: the files are added to the store that they name.
    let store = id(&client.post("/vector_stores", json!({})).ok());
    let body = json!({
        "assistant_id": client.assistant(),
        "thread": {"messages": [message]},
        "tool_resources": {"file_search": {"vector_store_ids": [store]}},
    });
    client.post("/threads/runs", body).ok();
    let files = client.get(&format!("/vector_stores/{store}/files")).ok();
    assert_eq!(files["data"][0]["id"], json!(file));
}

#[test]
fn a_file_has_no_status_details() {
    let server = LocalServer::builder().start().unwrap();
    let client = client(&server);
    let file = upload(&client, "text");
    assert_eq!(file.get("status_details"), None);
    assert_eq!(client.get(&format!("/files/{}", id(&file))).ok(), file);
}

#[test]
fn an_unreadable_pdf_reports_the_reason() {
    let server = LocalServer::builder().start().unwrap();
    let client = client(&server);
    let cut = &TWO_PAGES[..TWO_PAGES.len() / 2];
    for (name, bytes, code, message) in [
        (
            "locked.pdf",
            LOCKED,
            "unsupported_file",
            "The PDF cannot be read: it is encrypted.",
        ),
        (
            "cut.pdf",
            cut,
            "invalid_file",
            "The PDF is damaged: its object table is broken, and no text was found without it.",
        ),
    ] {
        let (store, file) = index(&client, name, bytes);
        let seen = client.wait_for(&format!("/vector_stores/{store}/files/{file}"), "failed");
        assert_eq!(seen["last_error"], json!({"code": code, "message": message}));
        assert_eq!(
            client.get(&format!("/vector_stores/{store}")).ok()["file_counts"]["failed"],
            1
        );
    }
}

/// A file of half a megabyte that claims to contain 20,000 objects of 100,000 bytes, all at the same position.
fn hostile() -> Vec<u8> {
    let stream = format!(
        "1 0 obj\n<</Length 100000>>stream\n{}\nendstream\nendobj\n",
        "a".repeat(100_000)
    );
    let body = format!("%PDF-1.7\n{stream}");
    let table = "0000000009 00000 n \n".repeat(20_000);
    let trailer = format!(
        "trailer\n<</Size 20000/Root 1 0 R>>\nstartxref\n{}\n%%EOF\n",
        body.len()
    );
    format!("{body}xref\n0 20000\n{table}{trailer}").into_bytes()
}

#[cfg(target_os = "linux")]
#[test]
fn a_pdf_that_exhausts_memory_fails_alone() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::on(&directory.path().join("a.db"));
    let client = &program.client;
    let (store, file) = index(client, "hostile.pdf", &hostile());
    let seen = client.wait_for(&format!("/vector_stores/{store}/files/{file}"), "failed");
    let message = "Reading the PDF requires more time or memory than is allowed.";
    assert_eq!(seen["last_error"], json!({"code": "invalid_file", "message": message}));
    // Later files are read as usual, and errors in them are reported by the program that reads them.
    let (store, file) = index(client, "skagen.pdf", TWO_PAGES);
    client.wait_for(&format!("/vector_stores/{store}/files/{file}"), "completed");
    let found = client
        .post(&format!("/vector_stores/{store}/search"), json!({"query": "lamp"}))
        .ok();
    let text = found["data"][0]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("Its lamp stands 46 metres above the sea."), "{text}");
    let (store, file) = index(client, "locked.pdf", LOCKED);
    let seen = client.wait_for(&format!("/vector_stores/{store}/files/{file}"), "failed");
    assert_eq!(
        seen["last_error"],
        json!({"code": "unsupported_file", "message": "The PDF cannot be read: it is encrypted."})
    );
}

/// Creates a program from lines of shell script. Another process writes it: a file that is open for writing cannot be
/// executed, and what this process has open is briefly inherited by every process that other tests start.
#[cfg(unix)]
fn script(path: PathBuf, lines: &str) -> PathBuf {
    let write = "printf '#!/bin/sh\n%s\n' \"$1\" >\"$0\" && chmod +x \"$0\"";
    let written = Command::new("sh").args(["-c", write]).arg(&path).arg(lines).status();
    assert!(written.unwrap().success());
    path
}

#[cfg(unix)]
#[test]
fn the_exit_of_the_pdf_reader_determines_the_status_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let too_much = "Reading the PDF requires more time or memory than is allowed.";
    for (number, (lines, code, message)) in [
        ("printf Never.; exit 20", "unsupported_file", "Never."),
        ("printf Broken.; exit 21", "invalid_file", "Broken."),
        ("printf Half.; exit 22", "invalid_file", too_much),
        ("printf Half.; kill -9 $$", "invalid_file", too_much),
        ("exec yes", "invalid_file", too_much),
        (
            "printf Half.; exit 1",
            "server_error",
            "The server could not index the file.",
        ),
        (
            "exec no-such-program",
            "server_error",
            "The server could not index the file.",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let reader = script(directory.path().join(number.to_string()), lines);
        let server = LocalServer::builder().pdf_reader(reader).start().unwrap();
        let client = client(&server);
        let (store, file) = index(&client, "a.pdf", TWO_PAGES);
        let seen = client.wait_for(&format!("/vector_stores/{store}/files/{file}"), "failed");
        assert_eq!(seen["last_error"], json!({"code": code, "message": message}), "{lines}");
    }
}

/// The environment of a server contains its API key.
#[cfg(unix)]
#[test]
fn the_reader_of_pdfs_does_not_get_the_environment_of_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let reader = script(directory.path().join("reader"), "echo environment; exec env");
    let server = LocalServer::builder().pdf_reader(reader).start().unwrap();
    let client = client(&server);
    let (store, file) = index(&client, "a.pdf", TWO_PAGES);
    let path = format!("/vector_stores/{store}/files/{file}");
    client.wait_for(&path, "completed");
    let content = client.get(&format!("{path}/content")).ok();
    let text = content["data"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("environment"), "{text}");
    // Set by the shell itself.
    let known = ["PATH", "LD_LIBRARY_PATH", "PWD", "OLDPWD", "SHLVL", "_"];
    for line in text.lines().skip(1) {
        let (name, _) = line.split_once('=').unwrap_or((line, ""));
        assert!(known.contains(&name), "{line}");
    }
    let ours: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    assert!(
        ours.iter().any(|name| !known.contains(&name.as_str())),
        "there was nothing to leave out"
    );
}

#[test]
fn errors_name_no_path_of_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let server = LocalServer::builder()
        .database(directory.path().join("a.db"))
        .start()
        .unwrap();
    let client = client(&server);
    let file = upload_bytes(&client, "a.txt", b"words");
    std::fs::remove_dir_all(directory.path().join("a.db.files")).unwrap();
    let reading = client.get(&format!("/files/{file}/content")).error();
    let parts = [
        ("name=purpose", "", "assistants"),
        ("name=file; filename=b.txt", "", "words"),
    ];
    let (sending, body) = form(&client, &parts);
    let writing = sending.call("POST", "/files", &body).error();
    let path = directory.path().to_str().unwrap();
    for error in [reading, writing] {
        assert!(error.starts_with("500 "), "{error}");
        assert!(!error.contains(path), "{error}");
    }
}

/// A PDF reader that counts its starts. Unless a file `go` exists beside it, it waits until the test opens its pipe for
/// writing and closes it again. Its text has 300 words.
#[cfg(unix)]
fn waiting_reader(folder: &Path) -> PathBuf {
    let made = Command::new("mkfifo").arg(folder.join("reader.pipe")).status();
    assert!(made.unwrap().success());
    let lines = "echo >>\"$0.count\"; [ -e \"$0.go\" ] || cat <\"$0.pipe\"; \
                 i=0; while [ $i -lt 300 ]; do echo lighthouse; i=$((i+1)); done";
    script(folder.join("reader"), lines)
}

#[cfg(unix)]
#[test]
fn a_file_that_is_attached_again_while_it_is_indexed_gets_the_last_sizes() {
    let directory = tempfile::tempdir().unwrap();
    let reader = waiting_reader(directory.path());
    let server = LocalServer::builder().pdf_reader(reader).start().unwrap();
    let client = client(&server);
    let file = upload_bytes(&client, "a.pdf", TWO_PAGES);
    let store = id(&client.post("/vector_stores", json!({})).ok());
    let files = format!("/vector_stores/{store}/files");
    let attach = |size: u32| {
        let sizes = json!({"max_chunk_size_tokens": size, "chunk_overlap_tokens": 0});
        let body = json!({"file_id": file, "chunking_strategy": {"type": "static", "static": sizes}});
        client.post(&files, body).ok();
    };
    attach(100);
    // Returns once the reader has opened the pipe too, so the file is being indexed.
    let pipe = fs::OpenOptions::new()
        .write(true)
        .open(directory.path().join("reader.pipe"))
        .unwrap();
    attach(150);
    fs::write(directory.path().join("reader.go"), "").unwrap();
    drop(pipe);
    let done = client.wait_for(&format!("{files}/{file}"), "completed");
    assert_eq!(done["chunking_strategy"]["static"]["max_chunk_size_tokens"], 150);
    let content = client.get(&format!("{files}/{file}/content")).ok();
    assert_eq!(content["data"].as_array().unwrap().len(), 2);
}

#[cfg(unix)]
#[test]
fn runs_wait_for_files_being_indexed() {
    let directory = tempfile::tempdir().unwrap();
    let reader = waiting_reader(directory.path());
    let server = LocalServer::builder().pdf_reader(reader).start().unwrap();
    let client = client(&server);
    let (store, _) = index(&client, "a.pdf", TWO_PAGES);
    let assistant = json!({
        "model": "test",
        "tools": [{"type": "file_search"}],
        "tool_resources": {"file_search": {"vector_store_ids": [store]}},
    });
    let assistant = id(&client.post("/assistants", assistant).ok());
    let begin = || {
        let runs = format!("/threads/{}/runs", client.thread("Where is the lighthouse?"));
        let mut events = client.stream(&runs, json!({"assistant_id": assistant, "stream": true}));
        let run = id(&events.skip_to("run.in_progress").data);
        (format!("{runs}/{run}"), events)
    };
    let runs: Vec<_> = (0..8).map(|_| begin()).collect();
    // A cancelled batch does not wait.
    let (cancelled, events) = begin();
    client.post(&format!("{cancelled}/cancel"), json!({})).ok();
    assert_eq!(
        super::client::names(&events.collect::<Vec<_>>()),
        "run.cancelling run.cancelled done"
    );
    let pipe = fs::OpenOptions::new()
        .write(true)
        .open(directory.path().join("reader.pipe"))
        .unwrap();
    fs::write(directory.path().join("reader.go"), "").unwrap();
    drop(pipe);
    for (run, events) in runs {
        let events: Vec<_> = events.collect();
        assert_eq!(events[events.len() - 2].name, "run.completed");
        let steps = client.get(&format!("{run}/steps?order=asc")).ok();
        assert_eq!(steps["data"][0]["step_details"]["tool_calls"][0]["type"], "file_search");
        let text: String = events.iter().filter_map(super::client::Event::text).collect();
        assert!(text.contains("lighthouse"), "{text}");
    }
    let started = fs::read_to_string(directory.path().join("reader.count")).unwrap();
    assert_eq!(started.lines().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_stop_ends_the_reader_of_pdfs_and_the_next_start_reads_again() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    // Ends when its standard input is closed.
    let reader = script(directory.path().join("reader"), ": >\"$0.started\"; exec cat");
    let server = LocalServer::builder()
        .database(&database)
        .pdf_reader(reader)
        .start()
        .unwrap();
    let (store, file) = index(&client(&server), "a.pdf", TWO_PAGES);
    let path = format!("/vector_stores/{store}/files/{file}");
    let start = Instant::now();
    while !directory.path().join("reader.started").exists() {
        assert!(start.elapsed().as_secs() < 120, "the reader is not started");
        thread::yield_now();
    }
    assert_eq!(client(&server).get(&path).ok()["status"], "in_progress");
    drop(server);

    let server = LocalServer::builder().database(&database).start().unwrap();
    client(&server).wait_for(&path, "completed");
    let content = client(&server).get(&format!("{path}/content")).ok();
    assert!(
        content["data"][0]["text"].as_str().unwrap().contains("lighthouse"),
        "{content}"
    );
}
