//! Data on disk: permissions, the pairing of database and folder, and complete deletion.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use assistants_local::LocalServer;
use serde_json::{Value, json};

use super::binary::{PROGRAM, Program};
use super::client::{Client, id, start};
use super::files::{form, upload};

/// How long after a deletion nothing is left, with room for slow machines. The documentation promises 5 seconds.
const GONE: Duration = Duration::from_secs(30);

fn folder_of(database: &Path) -> PathBuf {
    let name = database.file_name().unwrap().to_str().unwrap();
    database.with_file_name(format!("{name}.files"))
}

fn bytes_of(database: &Path, file: &Value) -> PathBuf {
    folder_of(database).join(id(file))
}

/// How long a refused start may take, with room for slow machines.
const REFUSED: Duration = Duration::from_secs(60);

/// Starts a server that must refuse to start, and returns its output. A server that starts anyway is killed.
fn refused(database: &Path) -> String {
    let mut server = Command::new(PROGRAM)
        .args(["serve", "--listen", "127.0.0.1:0", "--database"])
        .arg(database)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The pipe closes when the server has ended.
    let mut stderr = server.stderr.take().unwrap();
    let (sender, printed) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let _ = sender.send(stderr.read_to_string(&mut text).map(|_| text));
    });
    let printed = printed.recv_timeout(REFUSED);
    let _ = server.kill();
    let status = server.wait().unwrap();
    let text = printed.expect("the server is refused and ends").unwrap();
    assert_eq!(status.code(), Some(1), "{text}");
    text
}

#[test]
fn a_start_without_the_database_removes_no_files() {
    let directory = tempfile::tempdir().unwrap();
    let (database, away) = (directory.path().join("a.db"), directory.path().join("away.db"));
    let (server, client) = start(LocalServer::builder().database(&database));
    let file = upload(&client, "words");
    drop(server);
    fs::rename(&database, &away).unwrap();
    let message = refused(&database);
    assert!(message.contains("a.db is missing"), "{message}");
    assert!(message.contains("put the database back"), "{message}");
    assert!(!database.exists());
    fs::rename(&away, &database).unwrap();
    let (_server, client) = start(LocalServer::builder().database(&database));
    assert_eq!(client.get(&format!("/files/{}", id(&file))).ok(), file);
    assert_eq!(fs::read_to_string(bytes_of(&database, &file)).unwrap(), "words");
}

#[test]
fn an_older_database_loses_no_files() {
    let directory = tempfile::tempdir().unwrap();
    let (database, older) = (directory.path().join("a.db"), directory.path().join("older.db"));
    let (server, client) = start(LocalServer::builder().database(&database));
    let first = upload(&client, "first");
    drop(server);
    fs::copy(&database, &older).unwrap();
    let (server, client) = start(LocalServer::builder().database(&database));
    let second = upload(&client, "second");
    drop(server);
    fs::rename(&older, &database).unwrap();
    let (server, client) = start(LocalServer::builder().database(&database));
    assert_eq!(client.get(&format!("/files/{}", id(&first))).status, 200);
    assert_eq!(client.get(&format!("/files/{}", id(&second))).status, 404);
    drop(server);
    let lost = folder_of(&database).join("lost+found").join(id(&second));
    assert_eq!(fs::read_to_string(lost).unwrap(), "second");
    // The next start does not remove it either.
    drop(start(LocalServer::builder().database(&database)));
    assert!(folder_of(&database).join("lost+found").join(id(&second)).exists());
}

#[test]
fn a_folder_of_another_database_is_rejected() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (directory.path().join("one.db"), directory.path().join("other.db"));
    for database in [&one, &other] {
        let (_server, client) = start(LocalServer::builder().database(database));
        upload(&client, "words");
    }
    fs::rename(&other, &one).unwrap();
    let message = refused(&one);
    assert!(message.contains("belongs to another database"), "{message}");
    assert!(message.contains("check --adopt"), "{message}");
    assert_eq!(
        fs::read_dir(folder_of(&one)).unwrap().count(),
        3,
        "the file and what the folder has of its own"
    );
    // An empty folder is not taken for the one whose files are known.
    fs::remove_dir_all(folder_of(&one)).unwrap();
    let message = refused(&one);
    assert!(
        message.contains("lists 1 files") && message.contains("is missing"),
        "{message}"
    );
}

#[cfg(unix)]
#[test]
fn stored_data_is_readable_only_by_its_owner() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let modes = || -> Vec<(String, u32)> {
        let mut modes = Vec::new();
        for folder in [directory.path().to_owned(), folder_of(&database)] {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
                modes.push((entry.file_name().into_string().unwrap(), mode));
            }
        }
        modes
    };
    let serve = |umask: &str| {
        let script = format!("umask {umask}; exec \"$0\" serve --listen 127.0.0.1:0 --database \"$1\"");
        Program::start(Command::new("sh").args(["-c", &script, PROGRAM]).arg(&database))
    };
    let program = serve("000");
    upload(&program.client, "words");
    let found = modes();
    for name in ["a.db", "a.db-wal", "a.db-shm", "a.db.lock", "a.db.files", "identity"] {
        assert!(found.iter().any(|(found, _)| found == name), "{name} in {found:?}");
    }
    let is_private = |(name, mode): &(String, u32)| *mode == if name == "a.db.files" { 0o700 } else { 0o600 };
    assert!(found.iter().all(is_private), "{found:?}");
    program.kill();
    // Left accessible by an earlier version or by someone else.
    for name in ["a.db", "a.db-wal", "a.db-shm"] {
        fs::set_permissions(directory.path().join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    fs::set_permissions(folder_of(&database), fs::Permissions::from_mode(0o755)).unwrap();
    let _program = serve("022");
    let found = modes();
    assert!(found.iter().all(is_private), "{found:?}");
}

#[test]
fn the_next_server_deletes_the_folder_of_one_in_memory_that_was_killed() {
    let temporary = tempfile::tempdir().unwrap();
    let serve = || {
        Program::start(
            Command::new(PROGRAM)
                .args(["serve", "--listen", "127.0.0.1:0", "--in-memory"])
                .env("TMPDIR", temporary.path()),
        )
    };
    let folders = || -> Vec<PathBuf> {
        let entries = fs::read_dir(temporary.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let killed = serve();
    upload(&killed.client, "words");
    let running = serve();
    let file = upload(&running.client, "others");
    assert_eq!(folders().len(), 2);
    killed.kill();
    assert_eq!(folders().len(), 2);
    let _next = serve();
    assert_eq!(folders().len(), 2, "its own, and that of the one that runs");
    let content = running.client.get(&format!("/files/{}", id(&file)));
    assert_eq!(content.status, 200);
    let has_file = |folder: &PathBuf| folder.join(id(&file)).exists();
    assert!(folders().iter().any(has_file));
}

/// Returns where a text occurs in the files of the database and its folder.
fn places(database: &Path, text: &str) -> Vec<String> {
    let mut places = Vec::new();
    let mut folders = vec![database.parent().unwrap().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // It may be removed at this moment.
            let bytes = fs::read(&path).unwrap_or_default();
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                places.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    places
}

/// Creates something that contains the text of a marker, deletes it, and checks that the text is not on disk any more.
/// `make` returns the requests that delete, as methods and paths.
#[track_caller]
fn check_gone(make: impl Fn(&Client, &str) -> Vec<(&'static str, String)>) {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let (_server, client) = start(LocalServer::builder().database(&database));
    // No other word begins with these letters: the index stores only what distinguishes a word from the previous one.
    let marker = "zqxjvkqwyz";
    let before = client.thread("Some words before.");
    let deletions = make(&client, marker);
    client.thread("Some words after.");
    assert!(!places(&database, marker).is_empty(), "nothing was stored");
    for (method, path) in deletions {
        let answer = client.call(method, &path, "{}");
        assert_eq!(answer.status, 200, "{path}: {}", answer.json);
    }
    let start = Instant::now();
    loop {
        let left = places(&database, &marker[1..]);
        if left.is_empty() {
            break;
        }
        assert!(start.elapsed() < GONE, "still in {left:?}");
        std::thread::yield_now();
    }
    assert_eq!(client.get(&format!("/threads/{before}")).status, 200);
}

/// Returns the client with a unique idempotency key, so that the response is stored.
fn keyed(client: &Client) -> Client {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    client.header("idempotency-key", &number.to_string())
}

/// Runs an assistant on a thread until the run is completed.
fn run(client: &Client, thread: &str) {
    let body = json!({"assistant_id": client.assistant()});
    let run = keyed(client).post(&format!("/threads/{thread}/runs"), body).ok();
    client.wait_for(&format!("/threads/{thread}/runs/{}", id(&run)), "completed");
}

#[test]
fn nothing_is_left_of_a_thread() {
    check_gone(|client, marker| {
        let thread = client.thread(marker);
        for number in 0..60 {
            let text = format!("{} {marker}{number} {}", "long ".repeat(number * 40), "end ".repeat(10));
            let message = json!({"role": "user", "content": text, "metadata": {"k": marker}});
            keyed(client).post(&format!("/threads/{thread}/messages"), message).ok();
        }
        run(client, &thread);
        vec![("DELETE", format!("/threads/{thread}"))]
    });
}

#[test]
fn nothing_is_left_of_a_message() {
    check_gone(|client, marker| {
        let thread = client.thread("hello");
        let messages = format!("/threads/{thread}/messages");
        keyed(client)
            .post(&messages, json!({"role": "user", "content": marker}))
            .ok();
        run(client, &thread);
        // The scripted model repeats the user's message.
        let list = client.get(&messages).ok();
        let data = list["data"].as_array().unwrap();
        data.iter()
            .map(|message| ("DELETE", format!("{messages}/{}", id(message))))
            .collect()
    });
}

#[test]
fn nothing_is_left_of_an_assistant() {
    check_gone(|client, marker| {
        let body = json!({"model": "test", "name": marker, "instructions": format!("{marker} again")});
        let assistant = id(&keyed(client).post("/assistants", body).ok());
        let path = format!("/assistants/{assistant}");
        keyed(client).post(&path, json!({"description": marker})).ok();
        vec![("DELETE", path)]
    });
}

#[test]
fn nothing_is_left_of_a_file_and_its_passages() {
    check_gone(|client, marker| {
        let file = id(&upload(&keyed(client), &format!("Some text about {marker} and more.")));
        let store = client.post("/vector_stores", json!({"file_ids": [file]})).ok();
        client.wait_for(&format!("/vector_stores/{}", id(&store)), "completed");
        vec![("DELETE", format!("/files/{file}"))]
    });
}

#[test]
fn nothing_is_left_of_a_vector_store() {
    check_gone(|client, marker| {
        let file = id(&upload(client, "Some text."));
        let body = json!({"name": marker, "metadata": {"k": marker}, "file_ids": [file]});
        let store = id(&keyed(client).post("/vector_stores", body).ok());
        let file = format!("/vector_stores/{store}/files/{file}");
        keyed(client).post(&file, json!({"attributes": {"k": marker}})).ok();
        vec![("DELETE", format!("/vector_stores/{store}"))]
    });
}

/// Starts an upload with one part that contains this text.
fn begin_upload(client: &Client, name: &str, text: &str) -> (String, String) {
    let body = json!({"filename": name, "bytes": text.len(), "mime_type": "text/plain", "purpose": "assistants"});
    let upload = format!("/uploads/{}", id(&keyed(client).post("/uploads", body).ok()));
    let (with_form, body) = form(&keyed(client), &[("name=data; filename=part", "", text)]);
    let part = with_form.call("POST", &format!("{upload}/parts"), &body).ok();
    (upload, id(&part))
}

#[test]
fn nothing_is_left_of_an_upload_that_was_cancelled() {
    check_gone(|client, marker| {
        let (upload, _) = begin_upload(client, "a.txt", &format!("{marker} in a part"));
        vec![("POST", format!("{upload}/cancel"))]
    });
}

#[test]
fn nothing_is_left_of_an_upload_whose_file_was_deleted() {
    check_gone(|client, marker| {
        let (upload, part) = begin_upload(client, &format!("{marker}.txt"), &format!("{marker} in a part"));
        let done = client
            .post(&format!("{upload}/complete"), json!({"part_ids": [part]}))
            .ok();
        vec![("DELETE", format!("/files/{}", id(&done["file"])))]
    });
}

#[test]
fn parts_are_deleted_once_their_upload_is_completed() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let (_server, client) = start(LocalServer::builder().database(&database));
    let (upload, part) = begin_upload(&client, "a.txt", "words");
    let bytes = folder_of(&database).join(&part);
    assert!(bytes.exists());
    client
        .post(&format!("{upload}/complete"), json!({"part_ids": [part]}))
        .ok();
    assert!(!bytes.exists());
}

#[test]
fn a_vector_store_made_for_attachments_is_deleted_with_its_thread_unless_it_is_used() {
    let directory = tempfile::tempdir().unwrap();
    let (_server, client) = start(LocalServer::builder().database(directory.path().join("a.db")));
    let file = id(&upload(&client, "words"));
    let attach = |client: &Client| {
        let attachments = json!([{"file_id": file, "tools": [{"type": "file_search"}]}]);
        let message = json!({"role": "user", "content": "hello", "attachments": attachments});
        let thread = id(&client.post("/threads", json!({"messages": [message]})).ok());
        let seen = client.get(&format!("/threads/{thread}")).ok();
        let store = seen["tool_resources"]["file_search"]["vector_store_ids"][0].clone();
        (thread, store.as_str().unwrap().to_owned())
    };
    let status = |store: &str| client.get(&format!("/vector_stores/{store}")).status;
    let (thread, store) = attach(&client);
    client.delete(&format!("/threads/{thread}")).ok();
    assert_eq!(status(&store), 404);

    let (thread, store) = attach(&client);
    let resources = json!({"file_search": {"vector_store_ids": [store]}});
    let assistant = json!({"model": "test", "tool_resources": resources, "tools": [{"type": "file_search"}]});
    client.post("/assistants", assistant).ok();
    client.delete(&format!("/threads/{thread}")).ok();
    assert_eq!(status(&store), 200);
    // A vector store created by a client is not deleted with the thread.
    let own = id(&client.post("/vector_stores", json!({})).ok());
    let resources = json!({"file_search": {"vector_store_ids": [own]}});
    let thread = id(&client.post("/threads", json!({"tool_resources": resources})).ok());
    client.delete(&format!("/threads/{thread}")).ok();
    assert_eq!(status(&own), 200);
}

#[test]
fn a_key_can_be_reused_after_its_object_was_deleted() {
    let (_server, client) = super::client::serve();
    let keyed = client.header("idempotency-key", "key");
    let first = id(&keyed.post("/threads", json!({})).ok());
    assert_eq!(id(&keyed.post("/threads", json!({})).ok()), first);
    client.delete(&format!("/threads/{first}")).ok();
    let second = id(&keyed.post("/threads", json!({"metadata": {"k": "other"}})).ok());
    assert_ne!(second, first);
}
