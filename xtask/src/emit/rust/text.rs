//! Formatting of generated code.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// The maximum width of a comment line, including its indentation.
const DOC_WIDTH: usize = 116;

/// Appends a wrapped doc comment.
pub(super) fn doc(out: &mut String, indent: &str, text: &str) {
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && indent.len() + 4 + line.len() + 1 + word.len() > DOC_WIDTH {
                out.push_str(&format!("{indent}/// {line}\n"));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        out.push_str(format!("{indent}/// {line}").trim_end());
        out.push('\n');
    }
}

/// The doc comment of a setter: the member, and its description unless that only repeats the name.
pub(super) fn setter_doc(key: &str, description: &str) -> String {
    if description.trim_end_matches('.').eq_ignore_ascii_case(key) {
        format!("Sets `{key}`.")
    } else {
        format!("Sets `{key}`. {description}")
    }
}

/// Formats the source with rustfmt.
pub(super) fn rustfmt(source: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("rustfmt: {error}");
    let mut child = Command::new("rustfmt")
        .args([
            "--edition",
            "2024",
            "--config",
            "max_width=120",
            "--emit",
            "stdout",
            "--quiet",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut input = child.stdin.take().ok_or("rustfmt has no standard input")?;
    let text = source.to_owned();
    // In a separate thread, because both pipes have a limited capacity.
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().map_err(failed)?;
    writer
        .join()
        .map_err(|_| "the thread that writes to rustfmt panicked".to_owned())?
        .map_err(failed)?;
    if !output.status.success() {
        return Err(format!("rustfmt rejects the generated code:\n{source}"));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
