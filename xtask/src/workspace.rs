//! The root of the workspace.

use std::path::{Path, PathBuf};

/// The root of the workspace that contains the current directory.
///
/// It is determined at run time rather than at build time, because a binary may outlive the checkout in which it was
/// built, or be shared with another one.
pub(crate) fn root() -> Result<PathBuf, String> {
    let here = std::env::current_dir().map_err(|error| format!("the current directory: {error}"))?;
    let is_root = |folder: &&Path| folder.join("xtask").is_dir() && folder.join("spec").is_dir();
    match here.ancestors().find(is_root) {
        Some(root) => Ok(root.to_owned()),
        None => Err(format!("{} is not inside the workspace", here.display())),
    }
}
