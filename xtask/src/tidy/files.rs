//! The files of the workspace.

use std::fs;
use std::path::Path;

/// A file, with its text if it is Rust.
#[derive(Debug)]
pub(super) struct File {
    /// The path from the root, with slashes.
    pub(super) path: String,
    pub(super) text: String,
}

impl File {
    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The name without its extension; for `mod.rs`, the name of the folder.
    pub(super) fn module(&self) -> &str {
        let mut segments = self.path.rsplit('/');
        match segments.next().unwrap_or_default() {
            "mod.rs" => segments.next().unwrap_or_default(),
            name => name.strip_suffix(".rs").unwrap_or(name),
        }
    }

    pub(super) fn is_generated(&self) -> bool {
        self.path.contains("/generated/")
    }
}

/// All files below the root, sorted by path, except the folders of git and cargo.
pub(super) fn read(root: &Path) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    walk(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(root: &Path, folder: &str, files: &mut Vec<File>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{folder}: {error}");
    for entry in fs::read_dir(root.join(folder)).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if [".git", "target"].contains(&name.as_str()) {
            continue;
        }
        let path = if folder.is_empty() {
            name
        } else {
            format!("{folder}/{name}")
        };
        if entry.file_type().map_err(failed)?.is_dir() {
            walk(root, &path, files)?;
            continue;
        }
        let text = if path.ends_with(".rs") {
            fs::read_to_string(entry.path()).map_err(|error| format!("{path}: {error}"))?
        } else {
            String::new()
        };
        files.push(File { path, text });
    }
    Ok(())
}

/// Files for tests.
#[cfg(test)]
pub(super) fn files(files: &[(&str, &str)]) -> Vec<File> {
    files
        .iter()
        .map(|(path, text)| File {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        })
        .collect()
}
