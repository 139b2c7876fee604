//! Files: forms as other programs write them, and what is on the disk.

use std::fs;
use std::path::Path;

use assistants_local::LocalServer;
use serde_json::{Value, json};

use super::binary::Program;
use super::client::{Client, id};

fn client(server: &LocalServer) -> Client {
    Client::new(server.base_url())
}

/// A form with these parts: the parameters of the disposition, more headers, the value.
fn form(client: &Client, parts: &[(&str, &str, &str)]) -> (Client, String) {
    let mut body = String::new();
    for (disposition, headers, value) in parts {
        body.push_str(&format!(
            "--XX\r\ncontent-disposition: form-data; {disposition}\r\n{headers}\r\n{value}\r\n"
        ));
    }
    let client = client.header("content-type", "multipart/form-data; boundary=XX");
    (client, body + "--XX--")
}

fn upload(client: &Client, text: &str) -> Value {
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
fn reads_forms_as_others_write_them() {
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
fn refuses_forms_that_lack_something() {
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
    assert_eq!(error, "400 - -: The body must be JSON, not a form.");
    assert_eq!(client(&server).get("/files").ok()["data"], json!([]));
}

fn stored(database: &Path) -> Vec<String> {
    let folder = database.with_file_name("a.db.files");
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn what_was_answered_survives_a_kill_and_nothing_else_stays() {
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
    // What a kill in the middle of an upload leaves behind.
    for name in ["tmp-unfinished", "file-unknown"] {
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
fn the_server_says_what_a_request_lacks() {
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
        (
            "/file_batches",
            json!({"file_ids": []}),
            "400 file_ids array_below_min_length",
        ),
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

/// Uploads bytes under that name.
fn upload_bytes(client: &Client, name: &str, bytes: &[u8]) -> String {
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

const TWO_PAGES: &[u8] = include_bytes!("../fixtures/two_pages.pdf");
const ENCRYPTED: &[u8] = include_bytes!("../fixtures/encrypted.pdf");

#[test]
fn the_text_of_a_pdf_is_found_cited_and_shown() {
    let server = LocalServer::builder().start().unwrap();
    let client = client(&server);
    let file = upload_bytes(&client, "skagen.pdf", TWO_PAGES);
    let store = id(&client.post("/vector_stores", json!({"file_ids": [file]})).ok());
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
fn a_pdf_that_cannot_be_read_says_why() {
    let server = LocalServer::builder().start().unwrap();
    let client = client(&server);
    let cut = &TWO_PAGES[..TWO_PAGES.len() / 2];
    for (name, bytes, code, message) in [
        (
            "encrypted.pdf",
            ENCRYPTED,
            "unsupported_file",
            "The PDF cannot be read: it is encrypted.",
        ),
        (
            "cut.pdf",
            cut,
            "invalid_file",
            "The PDF is damaged: its end is missing.",
        ),
    ] {
        let file = upload_bytes(&client, name, bytes);
        let store = id(&client.post("/vector_stores", json!({"file_ids": [file]})).ok());
        let seen = client.wait_for(&format!("/vector_stores/{store}/files/{file}"), "failed");
        assert_eq!(seen["last_error"], json!({"code": code, "message": message}));
        assert_eq!(
            client.get(&format!("/vector_stores/{store}")).ok()["file_counts"]["failed"],
            1
        );
    }
}
