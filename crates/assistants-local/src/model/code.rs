//! What executed code has written, as models see it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::request::CompletedCall;

/// The name of the code interpreter where it is a function of a model, and the name of its calls in a conversation.
pub(crate) const CODE_INTERPRETER: &str = "code_interpreter";

/// Where the files of a session are, in links to them, as with the hosted service.
pub(crate) const FOLDER: &str = "sandbox:/mnt/data/";

/// How much of the logs a model sees, in bytes: so much of their beginning, and as much of their end.
const SHOWN_LOGS: usize = 8 * 1024;

/// What code has written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Execution {
    /// What the code has printed, and how it failed, if it did. Up to 256 KiB.
    pub logs: String,
    /// The files that it has created or changed.
    pub files: Vec<GeneratedFile>,
}

/// A file that code has created.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GeneratedFile {
    /// The name. An answer links to the file as `sandbox:/mnt/data/NAME`.
    pub name: String,
    /// The id of the file.
    pub file_id: String,
    /// Whether it is an image, which becomes a part of the next message.
    pub is_image: bool,
}

impl Execution {
    /// Returns the output of the call for a language model.
    #[must_use]
    pub fn for_model(&self) -> String {
        let mut text = shortened(&self.logs);
        for file in &self.files {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            let what = if file.is_image {
                "Image shown to the user"
            } else {
                "File"
            };
            text.push_str(&format!("{what}: {FOLDER}{}", file.name));
        }
        if text.is_empty() {
            "(no output)".to_owned()
        } else {
            text
        }
    }
}

/// Returns an execution as a call of a function with one argument, `code`.
pub(crate) fn completed_call(id: &str, code: &str, execution: &Execution) -> CompletedCall {
    let arguments = json!({"code": code}).to_string();
    CompletedCall::new(id, CODE_INTERPRETER, arguments, execution.for_model())
}

/// Leaves out the middle of long logs: errors are at the end.
fn shortened(logs: &str) -> String {
    if logs.len() <= 2 * SHOWN_LOGS {
        return logs.to_owned();
    }
    let (mut head, mut tail) = (SHOWN_LOGS, logs.len() - SHOWN_LOGS);
    while !logs.is_char_boundary(head) {
        head -= 1;
    }
    while !logs.is_char_boundary(tail) {
        tail += 1;
    }
    let left_out = tail - head;
    format!(
        "{}\n[{left_out} bytes are left out here.]\n{}",
        &logs[..head],
        &logs[tail..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_sees_the_ends_of_long_logs_and_all_files() {
        let file = |name: &str, is_image| GeneratedFile {
            name: name.to_owned(),
            is_image,
            ..GeneratedFile::default()
        };
        let execution = Execution {
            logs: format!("start{}end", "é".repeat(SHOWN_LOGS)),
            files: vec![file("a.csv", false), file("b.png", true)],
        };
        let text = execution.for_model();
        assert!(text.starts_with("starté") && text.contains(" bytes are left out here.]\n"));
        let end = "éend\nFile: sandbox:/mnt/data/a.csv\nImage shown to the user: sandbox:/mnt/data/b.png";
        assert!(text.ends_with(end), "{text}");
        assert_eq!(Execution::default().for_model(), "(no output)");
    }
}
