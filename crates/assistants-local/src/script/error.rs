//! Why a script cannot be used.

use std::io;
use std::path::{Path, PathBuf};

/// A script cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("reading the script {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The script has a syntax error, an unknown member or an invalid value.
    #[error("{}: {message}", path.as_ref().map_or_else(|| "the script".to_owned(), |path| path.display().to_string()))]
    Invalid {
        /// The file, if the script is from a file.
        path: Option<PathBuf>,
        /// What is wrong, with the line and the name of the member.
        message: String,
    },
}

impl ScriptError {
    pub(super) fn in_file(self, file: &Path) -> Self {
        match self {
            Self::Invalid { message, .. } => Self::Invalid {
                path: Some(file.to_owned()),
                message,
            },
            read @ Self::Read { .. } => read,
        }
    }
}
