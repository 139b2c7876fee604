//! The options of `serve` for models: upstream servers and the names of their models.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use assistants_local::model::Catalog;
use assistants_local::model::upstream::{Dialect, Endpoint, Upstream};
use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::code_options::CodeSettings;
use crate::embedding_options::EmbeddingsTable;

/// The name of the upstream server of the command line.
const NAME: &str = "upstream";

#[derive(Args, Debug)]
pub(crate) struct UpstreamOptions {
    /// Server with the models, by the base URL of its chat completions or responses, such as `http://127.0.0.1:11434/v1`. Without an
    /// upstream server, the scripted model serves all requests: it repeats the question.
    #[arg(long, env = "ASSISTANTS_LOCAL_UPSTREAM", value_name = "URL")]
    upstream: Option<String>,

    /// Environment variable that contains the key for the upstream server.
    #[arg(long, env = "ASSISTANTS_LOCAL_UPSTREAM_KEY_ENV", value_name = "VARIABLE")]
    upstream_key_env: Option<String>,

    /// Protocol in which the upstream server is asked: `chat` or `responses`. The default is `responses` for OpenAI and for
    /// Azure's `/openai/v1`, and `chat` for all others.
    #[arg(long, env = "ASSISTANTS_LOCAL_UPSTREAM_DIALECT", value_name = "DIALECT")]
    upstream_dialect: Option<Dialect>,

    /// Difference of the upstream server from the defaults, such as `max_tokens_field=max_completion_tokens`. Can be
    /// repeated; separate flags with commas in the environment variable.
    #[arg(
        long,
        env = "ASSISTANTS_LOCAL_UPSTREAM_FLAG",
        value_delimiter = ',',
        value_name = "NAME=VALUE"
    )]
    upstream_flag: Vec<String>,

    /// Name in requests, and the model that it stands for, such as `gpt-4o=llama3.1:8b`; the name `*` stands for all other
    /// names. Can be repeated; separate names with commas in the environment variable.
    #[arg(
        long,
        env = "ASSISTANTS_LOCAL_MODEL",
        value_delimiter = ',',
        value_name = "NAME=MODEL"
    )]
    model: Vec<String>,

    /// TOML file with upstream servers, names of models, the embeddings server, the code interpreter, and the script.
    #[arg(long, env = "ASSISTANTS_LOCAL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct TryUpstream {
    #[command(flatten)]
    upstreams: UpstreamOptions,

    /// Model to ask. The default is the first one that the server lists.
    #[arg(long, value_name = "MODEL")]
    ask: Option<String>,
}

impl TryUpstream {
    /// Exits with code 1 if a server gave no answer at all.
    pub(crate) fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        let Some(catalog) = self.upstreams.models()?.catalog else {
            return Err("which server? Give --upstream or --config".into());
        };
        let mut output = io::stdout().lock();
        let mut works = true;
        for upstream in catalog.upstreams() {
            writeln!(output, "{} at {}", upstream.name(), upstream.url())?;
            writeln!(output, "  dialect: {}", upstream.dialect())?;
            let models = upstream.models();
            match &models {
                Some(models) => writeln!(output, "  models: {}", models.join(", "))?,
                None => writeln!(output, "  models: the server does not list them")?,
            }
            let first = models.and_then(|models| models.into_iter().next());
            let Some(model) = self.ask.clone().or(first) else {
                writeln!(output, "  no model to ask: name one with --ask")?;
                works = false;
                continue;
            };
            writeln!(output, "  asking {model}")?;
            let probe = upstream.probe(&model);
            for finding in &probe.findings {
                let outcome = if finding.works { "yes" } else { "no" };
                writeln!(output, "  {outcome:3} {}: {}", finding.request, finding.answer)?;
            }
            for (name, value) in &probe.flags {
                writeln!(
                    output,
                    "  needs --upstream-flag {name}={}",
                    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
                )?;
            }
            works &= probe.findings.iter().any(|finding| finding.works);
        }
        Ok(if works { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What the options and the configuration file say together.
#[derive(Debug)]
pub(crate) struct Models {
    /// `None` if no upstream server is configured.
    pub(crate) catalog: Option<Catalog>,
    /// What the configuration file says about embeddings.
    pub(crate) embeddings: Option<EmbeddingsTable>,
    /// What the configuration file says about the code interpreter.
    pub(crate) code: CodeSettings,
    /// The script that the configuration file names.
    pub(crate) script: Option<PathBuf>,
}

/// The contents of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    /// Relative to the folder of the configuration file.
    script: Option<PathBuf>,
    /// The servers by name, in the order of their names.
    upstreams: BTreeMap<String, Server>,
    models: BTreeMap<String, String>,
    embeddings: Option<EmbeddingsTable>,
    code_interpreter: Option<String>,
    /// In seconds.
    code_interpreter_time_limit: Option<NonZeroU32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    url: String,
    key_env: Option<String>,
    key_header: Option<String>,
    dialect: Option<Dialect>,
    #[serde(default)]
    flags: Map<String, Value>,
}

impl UpstreamOptions {
    /// Reads the configuration file.
    pub(crate) fn models(&self) -> Result<Models, Box<dyn Error>> {
        let mut file = match &self.config {
            Some(path) => read(path)?,
            None => File::default(),
        };
        let script = file.script.take();
        let embeddings = file.embeddings.take();
        let code = CodeSettings {
            command: file.code_interpreter.take(),
            time_limit: file.code_interpreter_time_limit,
        };
        Ok(Models {
            catalog: self.catalog(file)?,
            embeddings,
            code,
            script,
        })
    }

    fn catalog(&self, file: File) -> Result<Option<Catalog>, Box<dyn Error>> {
        let mut upstreams = Vec::new();
        if let Some(url) = &self.upstream {
            let server = Server {
                url: url.clone(),
                key_env: self.upstream_key_env.clone(),
                key_header: None,
                dialect: self.upstream_dialect,
                flags: self
                    .upstream_flag
                    .iter()
                    .map(|flag| parse_flag(flag))
                    .collect::<Result<_, _>>()?,
            };
            upstreams.push(server.start(NAME)?);
        } else if self.upstream_key_env.is_some() || self.upstream_dialect.is_some() || !self.upstream_flag.is_empty() {
            return Err("--upstream-key-env, --upstream-dialect and --upstream-flag need --upstream".into());
        }
        for (name, server) in file.upstreams {
            upstreams.push(server.start(&name)?);
        }
        let mut names = file.models;
        for name in &self.model {
            let (name, model) = pair(name)?;
            names.insert(name.to_owned(), model.to_owned());
        }
        if upstreams.is_empty() {
            return if names.is_empty() {
                Ok(None)
            } else {
                Err("names of models need an upstream server: --upstream, or [upstreams] in the file".into())
            };
        }
        Ok(Some(Catalog::new(upstreams, names)))
    }
}

impl Server {
    fn start(self, name: &str) -> Result<Upstream, Box<dyn Error>> {
        let mut endpoint = Endpoint::new(self.url);
        if let Some(variable) = self.key_env {
            let key = env::var(&variable)
                .map_err(|error| format!("upstream server '{name}': the key variable {variable}: {error}"))?;
            endpoint.key = Some(key);
        }
        endpoint.key_header = self.key_header;
        endpoint.dialect = self.dialect;
        endpoint.flags = self.flags;
        Ok(Upstream::new(name, endpoint)?)
    }
}

fn read(path: &Path) -> Result<File, Box<dyn Error>> {
    let failed = |error: &dyn Error| format!("{}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
    let mut file: File = toml::from_str(&text).map_err(|error| failed(&error))?;
    file.script = file.script.map(|script| match path.parent() {
        Some(folder) => folder.join(script),
        None => script,
    });
    Ok(file)
}

fn pair(text: &str) -> Result<(&str, &str), String> {
    let pair = text
        .split_once('=')
        .filter(|(name, value)| !name.is_empty() && !value.is_empty());
    pair.ok_or_else(|| format!("'{text}' is not of the form NAME=VALUE"))
}

/// A value that is not JSON, such as a name, is a string.
fn parse_flag(text: &str) -> Result<(String, Value), String> {
    let (name, value) = pair(text)?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}
