//! The configuration file.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use super::embeddings::EmbeddingsTable;
use super::upstream::Server;

#[derive(Args, Debug)]
pub(crate) struct ConfigOption {
    /// TOML file with upstream servers, names of models, the embeddings server, the code interpreter, and the script.
    #[arg(long, env = "ASSISTANTS_LOCAL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The contents of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConfigFile {
    /// Relative to the folder of the configuration file; [`ConfigOption::read`] adds that.
    pub(crate) script: Option<PathBuf>,
    /// The servers by name, in the order of their names.
    pub(crate) upstreams: BTreeMap<String, Server>,
    pub(crate) models: BTreeMap<String, String>,
    pub(crate) embeddings: EmbeddingsTable,
    pub(crate) code_interpreter: Option<String>,
    /// In seconds.
    pub(crate) code_interpreter_time_limit: Option<NonZeroU32>,
}

impl ConfigOption {
    /// Reads the file. Without one, everything is absent.
    pub(crate) fn read(&self) -> Result<ConfigFile, Box<dyn Error>> {
        match &self.config {
            Some(path) => Ok(read(path).map_err(|error| format!("{}: {error}", path.display()))?),
            None => Ok(ConfigFile::default()),
        }
    }
}

fn read(path: &Path) -> Result<ConfigFile, Box<dyn Error>> {
    let mut file: ConfigFile = toml::from_str(&fs::read_to_string(path)?)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    file.script = file.script.map(|script| folder.join(script));
    Ok(file)
}
