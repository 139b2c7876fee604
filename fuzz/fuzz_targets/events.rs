//! Any bytes as the events of a run, the chunks of a chat, the events of a response or of a Yandex run, depending on the first byte.
#![no_main]

use assistants_blocking::fuzz::{chat_chunks, response_events, run_events, yandex_events};

libfuzzer_sys::fuzz_target!(|input: &[u8]| match input {
    [b'r', bytes @ ..] => run_events(bytes),
    [b'c', bytes @ ..] => chat_chunks(bytes),
    [b's', bytes @ ..] => response_events(bytes),
    [b'y', bytes @ ..] => yandex_events(bytes),
    _ => {}
});
