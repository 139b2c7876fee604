//! Any bytes as a form.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| assistants_local::fuzz::form(input));
