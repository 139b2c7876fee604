//! Files: uploads and downloads against the local server, and faults on the way.

use std::fs;
use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use assistants_blocking::openai::{Client, File, FileExpiration, FileExpirationAnchor, FilePurpose, FileStatus};
use assistants_blocking::{Error, FileErrorKind, FileSource};
use assistants_local::LocalServer;
use serde_json::json;
use test_peer::{Peer, Scheme};

fn world() -> (Client, LocalServer) {
    let server = LocalServer::builder().start().unwrap();
    (Client::builder().base_url(server.base_url()).build().unwrap(), server)
}

fn peer_client(peer: &Peer) -> Client {
    Client::builder().base_url(peer.url("/v1")).build().unwrap()
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[track_caller]
fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> FileErrorKind {
    match result {
        Err(Error::File(error)) => error.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_is_downloaded_as_it_was_uploaded() {
    let (client, _server) = world();
    let files = client.files();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("отчёт \"1\".txt");
    let text = "line\r\n--form\r\n\0\u{1}é".repeat(1000);
    fs::write(&path, &text).unwrap();
    let length = text.len() as u64;
    let reader = FileSource::reader("r.txt", length, Cursor::new(text.clone()));
    let again = text.clone();
    let reopened = FileSource::reopen("o.txt", length, move || Ok(Cursor::new(again.clone())));
    for (source, name) in [
        (FileSource::from(&path), "отчёт %221%22.txt"),
        (FileSource::bytes("b.txt", &text), "b.txt"),
        (reader, "r.txt"),
        (reopened, "o.txt"),
    ] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let file = files
            .upload(source, FilePurpose::Assistants)
            .on_progress(move |sent, total| log.lock().unwrap().push((sent, total)))
            .send()
            .unwrap();
        assert_eq!((file.bytes.unsigned_abs(), file.filename.as_str()), (length, name));
        assert_eq!(
            (&file.purpose, &file.status),
            (&FilePurpose::Assistants, &FileStatus::Processed)
        );
        assert!(file.id.starts_with("file-") && file.created_at.is_some() && file.expires_at.is_none());
        let seen = seen.lock().unwrap();
        assert_eq!(seen.last(), Some(&(length, length)));
        assert!(seen.is_sorted());

        assert_eq!(files.retrieve(&file).send().unwrap(), file);
        assert_eq!(files.wait_for_processing(&file).send().unwrap(), file);
        assert_eq!(files.content(&file).send().unwrap(), text.as_bytes());
        let mut written = Vec::new();
        assert_eq!(files.content(&file).write_to(&mut written).unwrap(), length);
        assert_eq!(written, text.as_bytes());
        let target = folder.path().join("back.txt");
        assert_eq!(files.content(&file).save_to(&target).unwrap(), length);
        assert_eq!(fs::read(&target).unwrap(), text.as_bytes());
        assert!(files.delete(&file).send().unwrap().deleted);
        assert_eq!(files.content(&file).send().unwrap_err().status(), Some(404));
        assert_eq!(files.delete(&file).send().unwrap_err().status(), Some(404));
    }
    assert_eq!(names(folder.path()).len(), 2, "no temporary file is left");
}

#[test]
fn the_fields_of_an_upload_arrive() {
    let (client, _server) = world();
    let expiration = FileExpiration::new(FileExpirationAnchor::CreatedAt, 3600);
    let file = client
        .files()
        .upload(FileSource::bytes("a", "x"), "batch")
        .file_name("b.jsonl")
        .content_type("application/jsonl")
        .expires_after(expiration)
        .send()
        .unwrap();
    assert_eq!((file.filename.as_str(), file.purpose.as_str()), ("b.jsonl", "batch"));
    assert_eq!(
        file.expires_at.unwrap() - file.created_at.unwrap(),
        Duration::from_secs(3600)
    );
}

#[test]
fn lists_files_by_purpose() {
    let (client, _server) = world();
    let files = client.files();
    let upload = |purpose: &str| files.upload(FileSource::bytes("a", "x"), purpose).send().unwrap().id;
    let ids: Vec<String> = ["assistants", "batch", "assistants", "vision"].map(upload).into();
    let walk = |call: assistants_blocking::ListCall<File>| -> Vec<String> {
        call.into_iter().map(|file| file.unwrap().id).collect()
    };
    assert_eq!(walk(files.list().order("asc").limit(3)), ids);
    assert_eq!(
        walk(files.list().purpose("assistants")),
        [ids[2].clone(), ids[0].clone()]
    );
    assert_eq!(walk(files.list().order("asc").after(&ids[1])), ids[2..]);
    assert!(files.list().limit(10_000).send().is_ok());
    assert_eq!(files.list().limit(10_001).send().unwrap_err().status(), Some(400));
}

#[test]
fn errors_of_the_server_are_returned() {
    let (client, _server) = world();
    let files = client.files();
    let source = || FileSource::bytes("a", "x");
    for (call, code, param) in [
        (files.upload(source(), "poetry"), "invalid_value", "purpose"),
        (files.upload(source(), "assistants_output"), "invalid_value", "purpose"),
        (
            files
                .upload(source(), "batch")
                .body_field("expires_after", json!({"anchor": "created_at", "seconds": 1})),
            "integer_below_min_value",
            "expires_after.seconds",
        ),
    ] {
        match call.send() {
            Err(Error::Api(error)) => {
                assert_eq!(
                    (error.status, error.code.as_deref()),
                    (Some(400), Some(code)),
                    "{error}"
                );
                assert_eq!(error.param.as_deref(), Some(param), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    let error = files.upload(source(), "poetry").send().unwrap_err().to_string();
    assert!(error.contains("'poetry'") && error.contains("POST /files"), "{error}");
    let error = client.request("POST", "/files").send().unwrap_err();
    assert!(error.to_string().contains("must be a form"), "{error}");
    assert_eq!(
        files.list().into_iter().count(),
        0,
        "nothing is kept of what was refused"
    );
}

#[test]
fn errors_name_what_cannot_be_sent() {
    let (client, _server) = world();
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.txt");
    fs::write(&empty, "").unwrap();
    let upload = |source: FileSource| client.files().upload(source, "assistants").send();
    let missing = folder.path().join("missing.txt");
    let error = upload(FileSource::from(&missing)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}: there is no such file", missing.display())
    );
    for (source, name, want) in [
        (FileSource::from(&missing), "missing.txt", FileErrorKind::NotFound),
        (
            folder.path().into(),
            folder.path().to_str().unwrap(),
            FileErrorKind::NotAFile,
        ),
        (FileSource::from(&empty), "empty.txt", FileErrorKind::Empty),
        (
            // A length that differs from the number of bytes.
            FileSource::reopen("cut.txt", 500_000, || Ok(Cursor::new(vec![b'x'; 300_000]))),
            "cut.txt",
            FileErrorKind::Shrunk {
                expected: 500_000,
                found: 300_000,
            },
        ),
        (
            FileSource::reopen("broken.txt", 5, || Ok(io::empty().chain(Broken))),
            "broken.txt",
            FileErrorKind::Read,
        ),
    ] {
        let Err(Error::File(error)) = upload(source) else {
            panic!("{name}")
        };
        assert_eq!(error.kind, want);
        assert!(
            error.name.ends_with(name) && error.to_string().contains(name),
            "{error}"
        );
    }
    assert_eq!(client.files().list().into_iter().count(), 0);
}

#[test]
fn a_file_that_is_truncated_while_it_is_sent_is_named() {
    const LENGTH: usize = 8 << 20;
    let (client, _server) = world();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.txt");
    fs::write(&path, vec![b'x'; LENGTH]).unwrap();
    let cut = path.clone();
    let sent = client
        .files()
        .upload(&path, "assistants")
        .max_retries(0)
        // Another process empties the file once its first bytes have been sent.
        .on_progress(move |_, _| fs::write(&cut, "").unwrap())
        .send();
    let Err(Error::File(error)) = sent else {
        panic!("{sent:?}")
    };
    assert_eq!(error.name, path.display().to_string());
    let FileErrorKind::Shrunk { expected, found } = error.kind else {
        panic!("{error}")
    };
    assert_eq!(expected, LENGTH as u64);
    assert!((1..expected).contains(&found), "{error}");
    assert_eq!(client.files().list().into_iter().count(), 0);
}

#[test]
fn a_download_of_a_missing_file_leaves_nothing() {
    let (client, _server) = world();
    let folder = tempfile::tempdir().unwrap();
    let content = || client.files().content("file-none");
    let mut written = Vec::new();
    for got in [
        content().save_to(folder.path().join("a.txt")).map(drop),
        content().write_to(&mut written).map(drop),
        content().send().map(drop),
    ] {
        let error = got.unwrap_err();
        assert_eq!(error.status(), Some(404), "{error}");
        assert!(error.to_string().contains("file-none"), "{error}");
    }
    assert!(written.is_empty() && names(folder.path()).is_empty());
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("bad disk"))
    }
}

#[test]
fn a_retry_reopens_the_file() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut bodies = Vec::new();
        for status in ["503 Service Unavailable", "200 OK"] {
            let mut connection = listener.accept();
            bodies.push(connection.request());
            let headers = [
                "Content-Type: application/json",
                "Retry-After-Ms: 1",
                "Connection: close",
            ];
            connection.answer(status, &headers, r#"{"id":"file-1","filename":"a"}"#);
        }
        let tail = |request: &str| request.split_once("\r\n\r\n").unwrap().1.to_owned();
        let key = |request: &str| {
            let line = request.lines().find(|line| line.starts_with("idempotency-key:"));
            line.unwrap().to_owned()
        };
        assert_eq!(tail(&bodies[0]), tail(&bodies[1]));
        assert_eq!(key(&bodies[0]), key(&bodies[1]));
    });
    let opened = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&opened);
    let source = FileSource::reopen("a", 5, move || {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(Cursor::new("hello"))
    });
    let file = peer_client(&peer).files().upload(source, "assistants").send().unwrap();
    assert_eq!((file.id.as_str(), opened.load(Ordering::Relaxed)), ("file-1", 2));
    peer.finish();
}

#[test]
fn a_repeated_upload_is_stored_once() {
    let (client, _server) = world();
    let upload = |text: &str| {
        let call = client.files().upload(FileSource::bytes("a", text), "assistants");
        call.idempotency_key("one").send()
    };
    let (first, second) = (upload("hello").unwrap(), upload("hello").unwrap());
    assert_eq!(first, second);
    assert_eq!(client.files().content(&second).send().unwrap(), b"hello");
    assert_eq!(client.files().list().into_iter().count(), 1);
    assert_eq!(upload("hellO").unwrap_err().status(), Some(400));
}

#[test]
fn an_interrupted_download_leaves_no_file() {
    const BEGINNINGS: [&str; 2] = [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhalf of it\r\n",
    ];
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.txt");
    fs::write(&target, "what was there before").unwrap();
    for beginning in BEGINNINGS {
        let peer = Peer::start(Scheme::Http, move |listener| {
            for _ in 0..2 {
                let mut connection = listener.accept();
                connection.request();
                connection.send(beginning);
                connection.close();
            }
        });
        let files = peer_client(&peer).files();
        let error = files.content("file-1").save_to(&target).unwrap_err();
        assert!(matches!(error, Error::Transport(_)), "{error:?}");
        assert!(error.to_string().contains("GET /files/file-1/content"), "{error}");
        let mut written = Vec::new();
        files.content("file-1").write_to(&mut written).unwrap_err();
        assert_eq!(written, b"half of it");
        peer.finish();
        assert_eq!(fs::read_to_string(&target).unwrap(), "what was there before");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        connection.request();
        connection.send(BEGINNINGS[0]);
        connection.close();
    });
    let new = folder.path().join("new.txt");
    peer_client(&peer).files().content("file-1").save_to(&new).unwrap_err();
    peer.finish();
    assert_eq!(names(folder.path()), ["a.txt"]);
}

#[test]
fn a_download_that_cannot_be_written_is_named() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (client, _server) = world();
    let file = client
        .files()
        .upload(FileSource::bytes("a", "x"), "assistants")
        .send()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let content = || client.files().content(&file);
    assert_eq!(kind(content().write_to(&mut Full)), FileErrorKind::Write);
    assert_eq!(kind(content().save_to(folder.path())), FileErrorKind::NotAFile);
    assert_eq!(
        kind(content().save_to(folder.path().join("no/such/folder"))),
        FileErrorKind::Write
    );
}
