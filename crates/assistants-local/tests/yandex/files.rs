//! Files.

use assistants_local::LocalServer;
use assistants_types::yandex::CreateFile;
use serde_json::{Value, json};

use crate::client::{Client, id, serve, start};

#[test]
fn a_file_can_be_fetched_by_anyone_with_its_url() {
    let (_server, client) = start(LocalServer::builder().api_key("secret"));
    let keyed = client.header("authorization", "Api-Key secret");
    let body = json!({"folderId": "fld", "name": "greeting", "content": "aGVsbG8=", "labels": {"a": "b"}});
    let file = keyed.post("/files/v1/files", body).ok();
    assert_eq!(file["mimeType"], "text/plain");
    let url = keyed.get(&format!("/files/v1/files:getUrl?fileId={}", id(&file))).ok();
    let url = url["url"].as_str().unwrap();
    let fetched = client.get(url);
    assert_eq!((fetched.status, fetched.text.as_str()), (200, "hello"));
    assert_eq!(fetched.headers["content-type"], "text/plain");
    assert_eq!(fetched.headers["content-disposition"], "attachment");
    let other = if url.ends_with('x') { 'y' } else { 'x' };
    let guessed = format!("{}{other}", &url[..url.len() - 1]);
    assert!(client.get(&guessed).error().starts_with("404 5: "));

    let path = format!("/files/v1/files/{}", id(&file));
    assert_eq!(keyed.get(&path).ok(), file);
    let changed = keyed.patch(&path, json!({"updateMask": "name", "name": "other"})).ok();
    assert_eq!(
        (&changed["name"], &changed["labels"]),
        (&"other".into(), &json!({"a": "b"}))
    );
    assert_eq!(
        keyed.get("/files/v1/files?folderId=fld").ok(),
        json!({"files": [changed]})
    );
    assert_eq!(keyed.delete(&path).ok(), json!({}));
    assert_eq!(client.get(url).status, 404);
    assert_eq!(keyed.get(&path).status, 404);
}

#[test]
fn a_file_is_one_file_for_both_protocols() {
    let (server, client) = serve();
    let body = json!({"folderId": "fld", "name": "greeting", "content": "aGVsbG8"});
    let file = id(&client.post("/files/v1/files", body).ok());
    let other = Client::new(server.base_url());
    let seen = other.get(&format!("/files/{file}")).ok();
    assert_eq!((&seen["filename"], &seen["bytes"]), (&"greeting".into(), &5.into()));
    assert_eq!(other.get(&format!("/files/{file}/content")).text, "hello");
    other.delete(&format!("/files/{file}")).ok();
    assert_eq!(client.get("/files/v1/files?folderId=fld").ok(), json!({}));
}

#[test]
fn content_must_be_base64() {
    let (_server, client) = serve();
    let file = |content: &str| client.post("/files/v1/files", json!({"folderId": "fld", "content": content}));
    assert!(file("???").error().starts_with("400 3: The body is not valid"));
    let twice = r#"{"folderId": "fld", "content": "YQ==", "content": "YQ=="}"#;
    let twice = client.call("POST", "/files/v1/files", twice);
    assert!(twice.error().contains("more than one file"), "{}", twice.error());
    // Either alphabet, with or without padding.
    assert_eq!(file("_-8").ok()["mimeType"], "application/octet-stream");
}

/// Polls an operation until it is done.
#[track_caller]
fn wait_for(client: &Client, operation: &Value) -> Value {
    assert!(operation.get("done").is_none(), "{operation}");
    let start = std::time::Instant::now();
    loop {
        let seen = client.get(&format!("/operations/{}", id(operation))).ok();
        if seen["done"] == true {
            return seen;
        }
        assert!(start.elapsed().as_secs() < 120, "the operation does not end: {seen}");
    }
}

#[track_caller]
fn upload(client: &Client, name: &str, base64: &str) -> String {
    let body = json!({"folderId": "fld", "name": name, "content": base64});
    id(&client.post("/files/v1/files", body).ok())
}

/// "The moon orbits the earth."
const MOON: &str = "VGhlIG1vb24gb3JiaXRzIHRoZSBlYXJ0aC4=";
/// "Bread is made of flour."
const BREAD: &str = "QnJlYWQgaXMgbWFkZSBvZiBmbG91ci4=";

#[test]
fn an_index_is_created_by_an_operation_and_searched_by_a_run() {
    let (_server, client) = serve();
    let moon = upload(&client, "moon.txt", MOON);
    let body = json!({"folderId": "fld", "name": "facts", "fileIds": [moon]});
    let operation = client.post("/assistants/v1/searchIndex", body).ok();
    assert_eq!(operation["description"], "search index creation");
    let done = wait_for(&client, &operation);
    let index = &done["response"];
    assert_eq!(
        index["@type"],
        "type.googleapis.com/yandex.cloud.ai.assistants.v1.searchindex.SearchIndex"
    );
    assert_eq!(
        index["textSearchIndex"],
        json!({
            "chunkingStrategy": {"staticStrategy": {"maxChunkSizeTokens": "800", "chunkOverlapTokens": "400"}},
            "standardTokenizer": {}, "yandexLemmerAnalyzer": {},
        })
    );
    let path = format!("/assistants/v1/searchIndex/{}", id(index));
    assert_eq!(client.get(&path).ok()["name"], "facts");
    let changed = client
        .patch(&path, json!({"updateMask": "name", "name": "all facts"}))
        .ok();
    assert_eq!(
        client.get("/assistants/v1/searchIndex?folderId=fld").ok(),
        json!({"indices": [changed]})
    );

    let bread = upload(&client, "bread.txt", BREAD);
    let body = json!({"searchIndexId": id(index), "fileIds": [bread]});
    let operation = client.post("/assistants/v1/searchIndexFile:batchCreate", body).ok();
    let added = wait_for(&client, &operation);
    assert_eq!(added["response"]["files"][0]["id"], bread);
    let files = format!("/assistants/v1/searchIndexFile/{}", id(index));
    let listed = client.get(&files).ok();
    let listed: Vec<String> = listed["files"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(listed, [bread.clone(), moon.clone()]);
    assert_eq!(
        client.get(&format!("{files}/{moon}")).ok()["searchIndexId"],
        index["id"]
    );

    let thread = client.thread("What does the moon do?");
    let tools = json!([{"searchIndex": {"searchIndexIds": [id(index)], "maxNumResults": "1"}}]);
    let run = json!({"assistantId": client.assistant(), "threadId": thread, "tools": tools});
    let run = id(&client.post("/assistants/v1/runs", run).ok());
    let message = client.wait_for(&run, "COMPLETED")["state"]["completedMessage"].clone();
    let text = message["content"]["content"][0]["text"]["content"].as_str().unwrap();
    assert!(
        text.contains("The moon orbits the earth.") && !text.contains('†'),
        "{text}"
    );
    let chunk = &message["citations"][0]["sources"][0]["chunk"];
    assert_eq!(
        (&chunk["sourceFile"]["name"], &chunk["searchIndex"]["name"]),
        (&"moon.txt".into(), &"all facts".into())
    );
    assert_eq!(
        chunk["content"]["content"][0]["text"]["content"],
        "The moon orbits the earth."
    );
    let event = client.listen(&run, 0).next().unwrap();
    assert_eq!(event["completedMessage"], message);

    // The citation outlives its file.
    client.delete(&format!("/files/v1/files/{moon}")).ok();
    let seen = client
        .get(&format!("/assistants/v1/messages?threadId={thread}"))
        .lines();
    let chunk = &seen[0]["citations"][0]["sources"][0]["chunk"];
    assert_eq!(chunk["sourceFile"], json!({}));
    assert_eq!(client.delete(&path).ok(), json!({}));
    assert_eq!(
        client.get(&path).error(),
        format!("404 5: No search index found with id '{}'.", id(index))
    );
}

#[test]
fn an_index_of_a_file_without_text_fails() {
    let (_server, client) = serve();
    let file = upload(&client, "noise.bin", "AAEC/w==");
    let body = json!({"folderId": "fld", "fileIds": [file]});
    let operation = client.post("/assistants/v1/searchIndex", body).ok();
    let done = wait_for(&client, &operation);
    assert_eq!(done["error"]["code"], 3, "{done}");
    assert!(done.get("response").is_none());
    assert_eq!(client.get("/assistants/v1/searchIndex?folderId=fld").ok(), json!({}));
    let missing = json!({"folderId": "fld", "fileIds": ["no"]});
    let refused = client.post("/assistants/v1/searchIndex", missing).error();
    assert_eq!(refused, "404 5: No file found with id 'no'.");
    let sizes = json!({"chunkingStrategy": {"staticStrategy": {"maxChunkSizeTokens": "50"}}});
    let refused = client.post(
        "/assistants/v1/searchIndex",
        json!({"folderId": "fld", "vectorSearchIndex": sizes}),
    );
    assert_eq!(
        refused.error(),
        "400 3: `maxChunkSizeTokens` must be from 100 to 2048, not 50."
    );
}

#[test]
fn an_index_of_a_pdf_has_its_text() {
    let (server, client) = serve();
    let pdf = include_bytes!("../fixtures/two_pages.pdf");
    // No name indicates the type.
    let params = CreateFile::new("fld", pdf.to_vec());
    let body = serde_json::to_value(&params).unwrap();
    let file = client.post("/files/v1/files", body).ok();
    assert_eq!(file["mimeType"], "application/pdf");
    let body = json!({"folderId": "fld", "fileIds": [id(&file)]});
    let operation = client.post("/assistants/v1/searchIndex", body).ok();
    let index = id(&wait_for(&client, &operation)["response"]);
    let openai = Client::new(server.base_url());
    let found = openai
        .post(&format!("/vector_stores/{index}/search"), json!({"query": "lamp"}))
        .ok();
    let text = found["data"][0]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("Its lamp stands 46 metres above the sea."), "{text}");
}

#[test]
fn an_operation_continues_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let (server, client) = start(LocalServer::builder().database(&database));
    let file = upload(&client, "moon.txt", MOON);
    let body = json!({"folderId": "fld", "fileIds": [file], "hybridSearchIndex": {}});
    let operation = client.post("/assistants/v1/searchIndex", body).ok();
    drop(server);
    let (_server, client) = start(LocalServer::builder().database(&database));
    let index = wait_for(&client, &operation)["response"]["hybridSearchIndex"].clone();
    assert_eq!(
        (
            &index["normalizationStrategy"],
            &index["combinationStrategy"]["meanCombination"]["weights"]
        ),
        (&"MIN_MAX".into(), &json!([0.5, 0.5]))
    );
}
