//! A program for `--code-interpreter` that follows commands instead of executing code: the counterpart of the scripted model.
//!
//! It executes nothing on the machine, and keeps its files in memory.
//!
//! | line of the code | effect |
//! | --- | --- |
//! | `print TEXT` | writes the text to the logs |
//! | `repeat N` | writes N words to the logs |
//! | `set NAME TEXT`, `get NAME` | keeps a text in the session, and writes it to the logs |
//! | `write NAME TEXT` | creates a file; an image if its name ends with `.png` |
//! | `fill NAME N` | creates a file of N bytes |
//! | `read NAME` | writes the text of a file to the logs |
//! | `list` | writes the names and the sizes of the files to the logs |
//! | `sleep MS` | waits |
//! | `exit` | ends the process |
//! | `raw TEXT` | writes the text in place of a line of the protocol |

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// The maximum size of all files, in bytes.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The number of bytes of a file in a line.
const PIECE: usize = 48 * 1024;

/// A session: what is kept between executions.
#[derive(Debug, Default)]
struct Session {
    texts: BTreeMap<String, String>,
    files: BTreeMap<String, Vec<u8>>,
}

/// Executes what the lines of standard input request.
pub(crate) fn run() -> io::Result<ExitCode> {
    let (lines, next) = mpsc::channel();
    // The end of the input means that the server has ended, or does not need the session any more, whatever is executed.
    thread::Builder::new().spawn(move || {
        for line in io::stdin().lock().lines() {
            if line
                .and_then(|line| lines.send(line).map_err(io::Error::other))
                .is_err()
            {
                break;
            }
        }
        std::process::exit(0);
    })?;
    let mut session = Session::default();
    send(&json!({"type": "ready"}))?;
    for line in next {
        let request: Value = serde_json::from_str(&line)?;
        let text = |name: &str| request[name].as_str().unwrap_or_default();
        if request["type"] == "file" {
            let data = BASE64_STANDARD.decode(text("data")).map_err(io::Error::other)?;
            session.receive(text("name"), request["offset"] == 0, &data)?;
            continue;
        }
        for line in text("code").lines() {
            let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
            if verb == "exit" {
                return Ok(ExitCode::SUCCESS);
            }
            session.execute(verb, rest)?;
        }
        send(&json!({"type": "done"}))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Session {
    fn receive(&mut self, name: &str, is_first: bool, data: &[u8]) -> io::Result<()> {
        let total: usize = self.files.values().map(Vec::len).sum();
        if total + data.len() > MAX_BYTES {
            return Err(io::Error::other("the files are too large"));
        }
        let file = self.files.entry(name.to_owned()).or_default();
        if is_first {
            file.clear();
        }
        file.extend_from_slice(data);
        Ok(())
    }

    fn execute(&mut self, verb: &str, rest: &str) -> io::Result<()> {
        let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
        match verb {
            "print" => print(rest),
            "repeat" => print(&"word ".repeat(rest.parse().unwrap_or_default())),
            "set" => {
                self.texts.insert(name.to_owned(), text.to_owned());
                Ok(())
            }
            "get" => match self.texts.get(name) {
                Some(text) => print(text),
                None => print(&format!("NameError: name '{name}' is not defined")),
            },
            "write" => self.write(name, text.as_bytes().to_vec()),
            "fill" => self.write(name, vec![b'.'; text.parse().unwrap_or_default()]),
            "read" => match self.files.get(name) {
                Some(file) => print(&String::from_utf8_lossy(file)),
                None => print(&format!("FileNotFoundError: '{name}'")),
            },
            "list" => {
                let files = self.files.iter();
                let files: Vec<String> = files.map(|(name, file)| format!("{name}={}", file.len())).collect();
                print(&files.join(" "))
            }
            "sleep" => {
                thread::sleep(Duration::from_millis(rest.parse().unwrap_or_default()));
                Ok(())
            }
            "raw" => {
                let mut stdout = io::stdout().lock();
                writeln!(stdout, "{rest}")?;
                stdout.flush()
            }
            _ => print(&format!("SyntaxError: {verb}")),
        }
    }

    fn write(&mut self, name: &str, data: Vec<u8>) -> io::Result<()> {
        let kind = if name.ends_with(".png") { "image" } else { "file" };
        let mut offset = 0;
        loop {
            let end = (offset + PIECE).min(data.len());
            let piece = BASE64_STANDARD.encode(&data[offset..end]);
            send(&json!({"type": kind, "name": name, "offset": offset, "data": piece}))?;
            offset = end;
            if offset == data.len() {
                break;
            }
        }
        self.files.insert(name.to_owned(), data);
        Ok(())
    }
}

fn print(text: &str) -> io::Result<()> {
    send(&json!({"type": "logs", "text": format!("{text}\n")}))
}

fn send(response: &Value) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{response}")?;
    stdout.flush()
}
