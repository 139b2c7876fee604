//! Uploads in parts against the local server.

use std::io::{self, Cursor};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use assistants_blocking::openai::{Client, CompleteUpload, CreateUpload, FilePurpose, Upload, UploadStatus, Uploads};
use assistants_blocking::{Error, FileErrorKind, FileSource};
use assistants_local::LocalServer;

fn world() -> (Client, LocalServer) {
    let server = LocalServer::builder().start().unwrap();
    (Client::builder().base_url(server.base_url()).build().unwrap(), server)
}

fn begin(uploads: &Uploads, bytes: i64) -> Upload {
    let params = CreateUpload::new("whole.txt", FilePurpose::Assistants, bytes, "text/plain");
    uploads.create(params).send().unwrap()
}

#[test]
fn parts_become_a_file_in_the_requested_order() {
    let (client, _server) = world();
    let uploads = client.uploads();
    let upload = begin(&uploads, 11);
    assert_eq!((&upload.status, &upload.file), (&UploadStatus::Pending, &None));
    assert_eq!(
        (upload.expires_at.unwrap() - upload.created_at.unwrap()).whole_seconds(),
        3600
    );
    let part = |text: &str| {
        uploads
            .add_part(&upload, FileSource::bytes("p", text))
            .send()
            .unwrap()
            .id
    };
    let (world, hello, surplus) = (part("world"), part("hello "), part("surplus"));
    let complete = |ids: &[&str], md5: &str| {
        let params = CompleteUpload::new(ids.iter().copied()).md5(md5);
        uploads.complete(&upload, params).send()
    };
    let right = "5eb63bbbe01eeed093cb22bb8f5acdc3"; // of "hello world"
    for (ids, md5, param) in [
        (&[&*hello][..], right, "part_ids"),
        (&[&hello, &surplus], right, "part_ids"),
        (&[&hello, &world, &world], right, "part_ids[2]"),
        (&[&hello, "part_none"], right, "part_ids[1]"),
        (&[&hello, &world], "00", "md5"),
    ] {
        match complete(ids, md5) {
            Err(Error::Api(error)) => {
                assert_eq!(
                    (error.status, error.param.as_deref()),
                    (Some(400), Some(param)),
                    "{error}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    let done = complete(&[&hello, &world], right).unwrap();
    assert_eq!(done.status, UploadStatus::Completed);
    let file = done.file.unwrap();
    assert_eq!((file.filename.as_str(), file.bytes), ("whole.txt", 11));
    assert_eq!(client.files().content(&file).send().unwrap(), b"hello world");
    assert!(complete(&[&hello, &world], right).is_err(), "it is over");
    assert!(uploads.cancel(&upload).send().is_err());
}

#[test]
fn a_cancelled_upload_accepts_no_parts() {
    let (client, _server) = world();
    let uploads = client.uploads();
    let upload = begin(&uploads, 5);
    assert_eq!(uploads.cancel(&upload).send().unwrap().status, UploadStatus::Cancelled);
    let refused = uploads.add_part(&upload, FileSource::bytes("p", "hello")).send();
    assert_eq!(refused.unwrap_err().status(), Some(400));
    assert_eq!(uploads.cancel("upload_none").send().unwrap_err().status(), Some(404));
    let params = CreateUpload::new("a", FilePurpose::Assistants, 9 * 1024 * 1024 * 1024, "text/plain");
    assert_eq!(uploads.create(params).send().unwrap_err().status(), Some(400));
}

#[test]
fn a_repeated_completion_gets_the_same_response() {
    let (client, _server) = world();
    let uploads = client.uploads();
    let upload = begin(&uploads, 5);
    let part = uploads
        .add_part(&upload, FileSource::bytes("p", "hello"))
        .send()
        .unwrap();
    let complete = || {
        uploads
            .complete(&upload, CompleteUpload::new([&part.id]))
            .idempotency_key("k")
            .send()
    };
    assert_eq!(complete().unwrap(), complete().unwrap());
    assert_eq!(client.files().list().into_iter().count(), 1);
}

#[test]
fn a_file_is_uploaded_in_parts() {
    let (client, _server) = world();
    let text = "0123456789".repeat(25);
    let length = text.len() as u64;
    let reader = FileSource::reader("r.txt", length, Cursor::new(text.clone()));
    for source in [FileSource::bytes("b.txt", &text), reader] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let mut upload = client
            .uploads()
            .upload_in_parts(source, "assistants")
            .part_bytes(100)
            .on_progress(move |sent, total| log.lock().unwrap().push((sent, total)));
        let file = upload.send().unwrap();
        assert_eq!(upload.part_ids().len(), 3);
        assert_eq!(*seen.lock().unwrap(), [(100, 250), (200, 250), (250, 250)]);
        assert_eq!(client.files().content(&file).send().unwrap(), text.as_bytes());
    }
}

#[test]
fn an_upload_continues_where_it_failed() {
    let (client, _server) = world();
    let text = "0123456789".repeat(25);
    let works = Arc::new(AtomicBool::new(false));
    let (gate, copy) = (Arc::clone(&works), text.clone());
    let opened = Arc::new(Mutex::new(0));
    let count = Arc::clone(&opened);
    let source = FileSource::reopen("o.txt", 250, move || {
        let mut count = count.lock().unwrap();
        *count += 1;
        if *count == 3 && !gate.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk is away"));
        }
        Ok(Cursor::new(copy.clone()))
    });
    let mut upload = client.uploads().upload_in_parts(source, "assistants").part_bytes(100);
    match upload.send() {
        Err(Error::File(error)) => assert_eq!(error.kind, FileErrorKind::Read),
        other => panic!("{other:?}"),
    }
    assert_eq!(upload.part_ids().len(), 2);
    works.store(true, Ordering::Relaxed);
    // In another program that knows the ids of the upload and its parts.
    let (id, parts) = (upload.upload_id().unwrap().to_owned(), upload.part_ids().to_vec());
    let mut resumed = client
        .uploads()
        .upload_in_parts(FileSource::bytes("o.txt", &text), "assistants")
        .part_bytes(100)
        .resume(&id, &parts);
    let file = resumed.send().unwrap();
    assert_eq!(client.files().content(&file).send().unwrap(), text.as_bytes());
    assert_eq!(resumed.part_ids()[..2], parts);
    // Or in the same one; here the upload has already ended.
    assert_eq!(upload.send().unwrap_err().status(), Some(400));
}
