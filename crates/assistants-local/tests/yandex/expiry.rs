//! Objects that expire, and what extends their expiry.

use std::collections::BTreeMap;
use std::path::Path;

use assistants_local::LocalServer;
use assistants_types::yandex::User;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::client::{Client, content, id, start};

/// The collections of objects that expire.
const KINDS: [&str; 5] = [
    "/assistants/v1/assistants",
    "/assistants/v1/threads",
    "/users/v1/users",
    "/assistants/v1/searchIndex",
    "/files/v1/files",
];

/// Creates one object of each kind with this policy. Returns their paths, in the order of [`KINDS`].
fn one_of_each(client: &Client, policy: &str) -> [String; 5] {
    let mut made = KINDS.map(|kind| {
        let mut body = json!({"folderId": "f", "expirationConfig": {"expirationPolicy": policy, "ttlDays": 3}});
        match kind.rsplit('/').next() {
            Some("assistants") => body["modelUri"] = json!("gpt://f/m/latest"),
            Some("searchIndex") => body["textSearchIndex"] = json!({}),
            Some("files") => body["content"] = json!("d29yZHM="),
            _ => {}
        }
        format!("{kind}/{}", id(&client.post(kind, body).ok()))
    });
    // The creation of an index returns an operation.
    let indices = client.get(&format!("{}?folderId=f", KINDS[3])).ok();
    made[3] = format!("{}/{}", KINDS[3], id(&indices["indices"][0]));
    made
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// Returns when each object expires according to the database, in seconds.
fn noted(database: &Path) -> BTreeMap<String, i64> {
    let stored = rusqlite::Connection::open(database).unwrap();
    let mut statement = stored.prepare("SELECT id, at FROM expiries").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Returns when an object expires according to the server.
fn told(client: &Client, path: &str) -> OffsetDateTime {
    let told = client.get(path).ok();
    // All kinds use the same format.
    let any: User = serde_json::from_value(json!({"id": "u", "expiresAt": told["expiresAt"]})).unwrap();
    any.expires_at.unwrap()
}

#[test]
fn objects_are_deleted_when_they_expire() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let (server, client) = start(LocalServer::builder().database(&database));
    let made = one_of_each(&client, "STATIC");
    let message = json!({"threadId": last(&made[1]), "content": content("hello")});
    let message = id(&client.post("/assistants/v1/messages", message).ok());
    let wanted: Vec<i64> = made.iter().map(|path| told(&client, path).unix_timestamp()).collect();
    let other = client.post("/v1/assistants", json!({"model": "m"})).ok();
    // An update over this protocol does not make an object expire that was created over the OpenAI protocol.
    let renamed = client.patch(
        &format!("{}/{}", KINDS[0], id(&other)),
        json!({"updateMask": "name", "name": "n"}),
    );
    assert_eq!(renamed.ok().get("expiresAt"), None);
    drop(server);
    let times = noted(&database);
    let found: Vec<i64> = made.iter().map(|path| times[last(path)]).collect();
    assert_eq!((found, times.len()), (wanted, 5));
    let bytes = directory.path().join("a.db.files").join(last(&made[4]));
    assert!(bytes.exists());
    let stored = rusqlite::Connection::open(&database).unwrap();
    stored.execute("UPDATE expiries SET at = 1", []).unwrap();
    drop(stored);

    let (_server, client) = start(LocalServer::builder().database(&database));
    for path in &made {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
    for kind in KINDS {
        let list = client.get(&format!("{kind}?folderId=f")).ok();
        let lists = list.as_object().unwrap().values();
        assert!(lists.filter_map(Value::as_array).all(Vec::is_empty), "{list}");
    }
    assert!(!bytes.exists());
    let gone = format!("/assistants/v1/messages/{message}?threadId={}", last(&made[1]));
    assert_eq!(client.get(&gone).status, 404);
    for (path, want) in [
        (format!("/v1/assistants/{}", last(&made[0])), 404),
        (format!("/v1/threads/{}", last(&made[1])), 404),
        (format!("/v1/vector_stores/{}", last(&made[3])), 404),
        (format!("/v1/files/{}", last(&made[4])), 404),
        (format!("/v1/assistants/{}", id(&other)), 200),
    ] {
        assert_eq!(client.get(&path).status, want, "{path}");
    }
}

#[test]
fn use_extends_the_expiry_since_last_active() {
    let directory = tempfile::tempdir().unwrap();
    for policy in ["SINCE_LAST_ACTIVE", "STATIC"] {
        let database = directory.path().join(policy);
        let (server, client) = start(LocalServer::builder().database(&database));
        let made = one_of_each(&client, policy);
        let times = || -> Vec<OffsetDateTime> { made.iter().map(|path| told(&client, path)).collect() };
        let is_later = |before: &[OffsetDateTime], after: &[OffsetDateTime]| -> Vec<bool> {
            before.iter().zip(after).map(|(before, after)| after > before).collect()
        };
        let moves = policy == "SINCE_LAST_ACTIVE";
        let created = times();
        let message = json!({"threadId": last(&made[1]), "content": content("hello")});
        client.post("/assistants/v1/messages", message).ok();
        let spoken = times();
        assert_eq!(is_later(&created, &spoken), [false, moves, false, false, false]);
        let run = json!({"assistantId": last(&made[0]), "threadId": last(&made[1]), "tools": [
            {"searchIndex": {"searchIndexIds": [last(&made[3])]}}]});
        let run = id(&client.post("/assistants/v1/runs", run).ok());
        client.wait_for(&run, "COMPLETED");
        let worked = times();
        assert_eq!(is_later(&spoken, &worked), [moves, moves, false, moves, false]);
        let file = json!({"folderId": "f", "content": "d29yZHM="});
        let files =
            json!({"searchIndexId": last(&made[3]), "fileIds": [id(&client.post("/files/v1/files", file).ok())]});
        client.post("/assistants/v1/searchIndexFile:batchCreate", files).ok();
        let indexed = times();
        assert_eq!(is_later(&worked, &indexed), [false, false, false, moves, false]);
        // A search over the OpenAI protocol does not extend the expiry of the index.
        let search = format!("/v1/vector_stores/{}/search", last(&made[3]));
        client.post(&search, json!({"query": "words"})).ok();
        drop(server);
        let noted = noted(&database);
        let found: Vec<i64> = made.iter().map(|path| noted[last(path)]).collect();
        let wanted: Vec<i64> = indexed.iter().map(|time| time.unix_timestamp()).collect();
        assert_eq!(found, wanted, "{policy}");
    }
}
