//! Files in many formats and encodings, found by other forms of their words.

use std::io::{Cursor, Write};

use assistants_local::LocalServer;
use serde_json::json;

use super::client::Client;
use super::files::index;

fn docx(text: &str) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("word/document.xml", options).unwrap();
    write!(
        archive,
        "<w:document><w:body><w:p><w:t>{text}</w:t></w:p></w:body></w:document>"
    )
    .unwrap();
    archive.finish().unwrap().into_inner()
}

#[test]
fn words_are_found_in_every_format() {
    let server = LocalServer::builder().start().unwrap();
    let client = Client::new(server.base_url());
    let wide = "\u{feff}Он гулял с собаками."
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    // "Собаки лают." in Windows-1251.
    let narrow = b"\xd1\xee\xe1\xe0\xea\xe8 \xeb\xe0\xfe\xf2.".to_vec();
    for (name, bytes, query, want) in [
        ("a.docx", docx("Он гулял с собаками."), "собака", "Он гулял с собаками."),
        ("a.txt", wide, "Собака", "Он гулял с собаками."),
        ("b.txt", narrow, "собаками", "Собаки лают."),
        (
            "a.html",
            b"<p>The caf&eacute;<p hidden>runs".to_vec(),
            "cafe",
            "The café\n\nruns",
        ),
        ("b.html", b"<p>The cafe".to_vec(), "Cafés", "The cafe"),
        ("a.md", b"It runs.".to_vec(), "running", "It runs."),
    ] {
        let (store, file) = index(&client, name, &bytes);
        client.wait_for(&format!("/vector_stores/{store}/files/{file}"), "completed");
        let search = format!("/vector_stores/{store}/search");
        let found = client.post(&search, json!({"query": query})).ok();
        assert_eq!(found["data"][0]["content"][0]["text"], want, "{name}");
        let none = client.post(&search, json!({"query": "ship"})).ok();
        assert_eq!(none["data"], json!([]), "{name}");
    }
    let (store, file) = index(&client, "a.docx", &docx("text")[..50]);
    let seen = client.wait_for(&format!("/vector_stores/{store}/files/{file}"), "failed");
    assert_eq!(seen["last_error"]["code"], "invalid_file");
}
