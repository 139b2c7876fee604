//! Load on the local server, as clients see it.
//!
//! `SERVER` is the path of a release build of `assistants-local`.
//!
//! - `load first-token SERVER` measures how much later the first token of a run arrives through the server than from the
//!   upstream server itself.
//! - `load messages SERVER` counts the messages that several connections create in a second.
//! - `load reads SERVER` measures how long a request takes that reads an object while the server does something large.

mod first_token;
mod messages;
mod reads;
mod server;
mod times;
mod upstream;

use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let measured: Result<(), Box<dyn Error>> = match args.as_slice() {
        ["first-token", program] => first_token::measure(program),
        ["messages", program] => messages::measure(program),
        ["reads", program] => reads::measure(program),
        _ => Err("usage: load first-token|messages|reads SERVER".into()),
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
