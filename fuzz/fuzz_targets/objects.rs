//! Any JSON as an object: what parses is written as JSON that parses to the same.
#![no_main]

use std::fmt::Debug;

use assistants_types::openai::{Assistant, CreateRun, Message, Run, RunStep, StreamEvent};
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str) {
    if let Ok(first) = serde_json::from_str::<T>(text) {
        let written = serde_json::to_string(&first).expect("every object has a JSON form");
        let second: T = serde_json::from_str(&written).expect("what was written can be read");
        assert_eq!(first, second);
    }
}

fuzz_target!(|text: &str| {
    check::<Assistant>(text);
    check::<CreateRun>(text);
    check::<Message>(text);
    check::<Run>(text);
    check::<RunStep>(text);
    check::<StreamEvent>(text);
});
