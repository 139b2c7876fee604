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

/// The source, formatted by rustfmt.
pub(super) fn rustfmt(source: &str) -> Result<String, String> {
    let broken = |error: std::io::Error| format!("rustfmt: {error}");
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
        .map_err(broken)?;
    let mut input = child.stdin.take().ok_or("rustfmt takes no input")?;
    let text = source.to_owned();
    // In a separate thread, because both pipes have a limited capacity.
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().map_err(broken)?;
    writer
        .join()
        .map_err(|_| "the thread that feeds rustfmt died".to_owned())?
        .map_err(broken)?;
    if !output.status.success() {
        return Err(format!("rustfmt refuses generated code:\n{source}"));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
