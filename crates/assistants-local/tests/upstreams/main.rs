//! Answers of upstream servers as they were seen: each file beside this one is a quirk of some server, played by a peer over
//! a socket, with what the run has to become.
//!
//! A file contains:
//!
//! | member | meaning |
//! | --- | --- |
//! | `quirk`, `seen` | what the server does, and who does it |
//! | `flags`, `owner` | flags of the upstream server; the `owned_by` of its models |
//! | `dialect` | the protocol in which the upstream server is asked: `chat` (default) or `responses` |
//! | `unreachable` | true: nothing listens at the address of the upstream server |
//! | `functions` | names of the run's functions, each with an object `{a: integer}` as its parameters |
//! | `earlier` | messages of the thread before the question, as in `POST /messages` |
//! | `exchanges` | the requests for completions in their order, each with its response |
//! | `then` | further turns on the same thread |
//! | `cut_prompts` | how many prompts the upstream server has cut without an error; 0 unless given |
//!
//! The file itself is the first turn. A turn contains:
//!
//! | member | meaning |
//! | --- | --- |
//! | `via` | `run` (default), or `chat` and `chat_stream` for a chat completion of the server |
//! | `question` | the content of the user's message (`Question`) |
//! | `run` | members of the request for the run or the completion |
//! | `outputs` | the outputs that the client submits, one list per round of calls |
//! | `ends` | the end of the run: `status`, `text`, `calls` as pairs of name and arguments, `last_error` as the code and texts in the message, `usage` as prompt and completion tokens, `incomplete` |
//!
//! The `status` of a chat completion is its finish reason, or the status of the error response as text. In contents, the
//! text `words:N` stands for N words, and the file id `image` for an uploaded PNG of 8 bytes.
//!
//! An exchange has `sent`, what the request must contain (objects are compared member by member, lists item by item, and
//! `{"$contains": "…"}` is a text with this part), `unsent`, JSON pointers that must not exist in it, and a response: `status`,
//! `headers`, and either `body` or `chunks`. A chunk is the data of an event, or as a string a line of the stream as it is.
//! `[DONE]` follows unless `done` is false. With `cut`, the connection is closed before the response is complete. With
//! `pieces`, the response is sent in pieces of so many bytes.
//!
//! Failed requests are repeated without a noticeable wait, and servers can ask for a wait of up to 0.1 s.
//! `FIXTURE=part-of-a-name` selects files.

mod code;
mod fixture;
mod leaving;
mod over_itself;
mod play;
mod probe;
mod program;
mod restart;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use fixture::Fixture;

/// Most of the time of a fixture is spent waiting for the other side.
const THREADS: usize = 12;

fn check(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let fixture: Fixture = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
    assert!(!fixture.quirk.is_empty() && !fixture.seen.is_empty());
    play::play(&fixture);
}

#[test]
fn every_quirk_has_its_outcome() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upstreams");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    assert!(!files.is_empty());
    if let Ok(only) = std::env::var("FIXTURE") {
        files.retain(|path| path.to_string_lossy().contains(&only));
    }
    let (files, failed) = (Mutex::new(files.into_iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let Some(path) = files.lock().unwrap().next() else {
                        break;
                    };
                    // All are tried, so that one run shows every difference.
                    if let Err(panic) = std::panic::catch_unwind(|| check(&path)) {
                        let text = panic.downcast_ref::<String>().cloned();
                        let text = text.or_else(|| Some((*panic.downcast_ref::<&str>()?).to_owned()));
                        let name = path.file_name().unwrap().to_string_lossy();
                        failed
                            .lock()
                            .unwrap()
                            .push(format!("{name}: {}", text.unwrap_or_default()));
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
