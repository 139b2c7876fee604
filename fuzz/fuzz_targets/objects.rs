//! Any JSON as an object: what parses is written as JSON that parses to the same.
#![no_main]

use assistants_types::openai::{Assistant, CreateRun, Message, Run, RunStep, StreamEvent};
use libfuzzer_sys::fuzz_target;

fn check<T: serde_json_traits::Both>(text: &str) {
    if let Ok(first) = serde_json::from_str::<T>(text) {
        let written = serde_json::to_string(&first).expect("every object has a JSON form");
        let second: T = serde_json::from_str(&written).expect("what was written can be read");
        assert_eq!(first, second);
    }
}

mod serde_json_traits {
    /// What the check needs of a type.
    pub trait Both: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug {}
    impl<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug> Both for T {}
}

fuzz_target!(|text: &str| {
    check::<Assistant>(text);
    check::<CreateRun>(text);
    check::<Message>(text);
    check::<Run>(text);
    check::<RunStep>(text);
    check::<StreamEvent>(text);
});
