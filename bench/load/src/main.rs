//! Load on the local server, as clients see it.
//!
//! `load first-token SERVER`, with the path of a release build of `assistants-local`, measures how much later the first token
//! of a run arrives through the server than from the upstream server itself.

mod first_token;
mod server;
mod upstream;

use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let measured: Result<(), Box<dyn Error>> = match args.as_slice() {
        ["first-token", program] => first_token::measure(program),
        _ => Err("usage: load first-token SERVER".into()),
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
