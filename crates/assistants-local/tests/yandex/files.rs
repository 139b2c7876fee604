//! Files.

use assistants_local::LocalServer;
use serde_json::json;

use crate::client::{Client, id, serve, start};

#[test]
fn a_file_can_be_fetched_by_whoever_has_its_address() {
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
    let guessed = format!("{}x", &url[..url.len() - 1]);
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
    assert!(
        file("???")
            .error()
            .starts_with("400 3: The body is not what was expected")
    );
    // Either alphabet, also without padding.
    assert_eq!(file("_-8").ok()["mimeType"], "application/octet-stream");
}
