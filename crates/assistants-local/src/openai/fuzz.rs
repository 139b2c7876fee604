//! Properties that hold for any request body, as functions shared by the fuzz targets and the property tests.

use std::sync::{Arc, LazyLock};

use assistants_types::chat::CreateChatCompletion;
use assistants_types::openai::*;
use assistants_types::responses::CreateResponse;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::error::ApiError;
use super::request;
use super::router;
use crate::http::{Form, Frontend, Limits, Origins};
use crate::openai::request_schema::Schemas;
use crate::storage::blobs::FileStore;

/// The maximum size of a file in a test case, in bytes.
const MAX_FILE: u64 = 4096;

/// The result of reading a form: its fields, the name and length of its file, and its digest.
type Outcome = Result<(Value, Option<String>, u64, String), ApiError>;

/// Checks that reading a form gives the same result, or a client error, however the form is split into pieces.
///
/// The first two bytes of the input are the lengths of the pieces in two attempts. The boundary is `x`.
pub(crate) fn form(input: &[u8]) {
    let [first, second, bytes @ ..] = input else { return };
    let want = receive(bytes, *first);
    if let Err(error) = &want {
        assert!(error.status.is_client_error(), "{error:?}");
    }
    let (got, want) = (receive(bytes, *second), want);
    match (&got, &want) {
        // Where a malformed form is found to be so depends on what has arrived, and so does the message.
        (Err(got), Err(want)) if got.status == StatusCode::BAD_REQUEST => assert_eq!(got.status, want.status),
        _ => assert_eq!(got, want),
    }
}

fn receive(bytes: &[u8], longest: u8) -> Outcome {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime for the forms of all cases")
    });
    static FRONT: LazyLock<Arc<Frontend>> =
        LazyLock::new(|| Frontend::new(None, Origins::default(), "", Limits::default()));
    static STORE: LazyLock<FileStore> = LazyLock::new(|| FileStore::temporary().expect("a folder for the files"));
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("multipart/form-data; boundary=x"),
    );
    let pieces: Vec<_> = bytes
        .chunks(usize::from(longest).max(1))
        .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
        .collect();
    let body = Body::from_stream(tokio_stream::iter(pieces));
    let form = Form {
        file: "file",
        most: MAX_FILE,
    };
    let received = RUNTIME.block_on(FRONT.read_form(&headers, body, form, &STORE))?;
    assert!(received.file.length() <= MAX_FILE && received.file.length() > 0);
    Ok((
        received.fields,
        received.file_name,
        received.file.length(),
        received.digest,
    ))
}

/// Checks a body and parses it.
type Read = fn(&Schemas, Value) -> Result<(), ApiError>;

macro_rules! bodies {
    ($($name:ident,)+) => {
        &[$(|schemas, body| read::<$name>(schemas, stringify!($name), body)),+]
    };
}

/// All bodies that handlers expect.
const BODIES: &[Read] = bodies!(
    CreateAssistant,
    UpdateAssistant,
    CreateAssistantFile,
    CreateThread,
    UpdateThread,
    CreateThreadAndRun,
    CreateMessage,
    UpdateMessage,
    CreateRun,
    UpdateRun,
    SubmitToolOutputs,
    CreateVectorStore,
    UpdateVectorStore,
    SearchVectorStore,
    CreateVectorStoreFile,
    UpdateVectorStoreFile,
    CreateVectorStoreFileBatch,
    CreateUpload,
    CompleteUpload,
    CreateChatCompletion,
    CreateResponse,
);

fn read<T: DeserializeOwned>(schemas: &Schemas, name: &str, body: Value) -> Result<(), ApiError> {
    request::checked::<T>(schemas, name, body).map(drop)
}

/// Checks that a body is either accepted, or rejected with a message and a code. Whatever passes the checks can be
/// parsed.
///
/// The first byte of the input selects the schema; the rest is JSON.
pub(crate) fn request(input: &[u8]) {
    if let Some((which, text)) = input.split_first()
        && let Ok(body) = serde_json::from_slice::<Value>(text)
    {
        check(usize::from(*which) % BODIES.len(), body);
    }
}

fn check(which: usize, body: Value) {
    static SCHEMAS: LazyLock<Arc<Schemas>> = LazyLock::new(router::schemas);
    if let Err(error) = BODIES[which](&SCHEMAS, body.clone()) {
        assert!(error.status.is_client_error() && !error.message.is_empty(), "{error:?}");
        assert!(
            error.code.is_some(),
            "it passed the checks and cannot be read: {error:?}\n{body}"
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    const FORM: &[&str] = &[
        "--x\r\n",
        "Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n",
        "content-disposition: form-data; name=\"purpose\"\r\n\r\n",
        "content-disposition: form-data; name=\"expires_after[seconds]\"\r\n\r\n",
        "content-type: text/plain\r\n",
        "assistants",
        "hello",
        "{\"a\":1}",
        "3600",
        "\r\n--x\r\n",
        "\r\n--x--\r\n",
        "\r\n",
        "\n",
        "--x--",
        "-",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_form_does_not_depend_on_how_it_arrives(
            settings in any::<[u8; 2]>(),
            pieces in proptest::collection::vec(proptest::sample::select(FORM), 0..20),
        ) {
            super::form(&[&settings[..], pieces.concat().as_bytes()].concat());
        }

        #[test]
        fn a_whole_form_is_read_however_it_arrives(
            settings in any::<[u8; 2]>(),
            file in proptest::collection::vec(any::<u8>(), 1..500),
            text in "[a-z0-9 ]{0,40}",
        ) {
            let head = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n";
            let next = format!("\r\n--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{text}\r\n--x--\r\n");
            prop_assume!(!file.windows(5).any(|window| window == b"\r\n--x"));
            let body = [head.as_bytes(), &file, next.as_bytes()].concat();
            for longest in settings {
                let (fields, name, length, _) = super::receive(&body, longest).unwrap();
                prop_assert_eq!(&fields["purpose"], &Value::from(text.as_str()));
                prop_assert_eq!((name.as_deref(), length), (Some("a.txt"), file.len() as u64));
            }
        }

        #[test]
        fn a_body_that_passes_the_checks_can_be_read(body in json()) {
            for which in (0..).take(super::BODIES.len()) {
                super::request(&[&[which], body.to_string().as_bytes()].concat());
            }
        }
    }

    const NAMES: &[&str] = &[
        "model",
        "tools",
        "type",
        "function",
        "name",
        "parameters",
        "metadata",
        "messages",
        "role",
        "content",
        "text",
        "attachments",
        "file_id",
        "thread",
        "assistant_id",
        "tool_resources",
        "file_search",
        "vector_store_ids",
        "vector_stores",
        "code_interpreter",
        "file_ids",
        "temperature",
        "response_format",
        "tool_choice",
        "query",
        "filters",
        "key",
        "value",
        "chunking_strategy",
        "static",
        "max_chunk_size_tokens",
        "chunk_overlap_tokens",
        "tool_outputs",
        "output",
        "tool_call_id",
        "stream",
        "bytes",
        "purpose",
        "expires_after",
        "days",
        "anchor",
        "attributes",
        "truncation_strategy",
        "x",
        "stop",
        "stream_options",
        "ranking_options",
    ];
    const TEXTS: &[&str] = &[
        "",
        "a",
        "gpt-4o",
        "function",
        "file_search",
        "user",
        "text",
        "auto",
        "static",
        "json_object",
        "eq",
        "and",
        "last_active_at",
        "assistants",
        "image_url",
    ];

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            proptest::sample::select(TEXTS).prop_map(Value::from),
            proptest::sample::select(&[0_i64, 1, -1, 100, 4096, i64::MAX, i64::MIN][..]).prop_map(Value::from),
            proptest::sample::select(&[0.0, 1.0, 100.0, 0.5, 1e300][..]).prop_map(Value::from),
        ];
        let value = leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                object(inner)
            ]
        });
        object(value)
    }

    fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
        let members = proptest::collection::vec((proptest::sample::select(NAMES), value), 0..6);
        members.prop_map(|members| {
            let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
            members.collect::<Map<_, _>>().into()
        })
    }
}
