//! The options of `serve` for models: upstream servers and the names of their models.

use std::collections::BTreeMap;
use std::error::Error;

use assistants_local::model::Catalog;
use assistants_local::model::upstream::{Dialect, Endpoint, Upstream};
use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::key;

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
}

/// A server in the table `upstreams` of the configuration file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    url: String,
    key_env: Option<String>,
    key_header: Option<String>,
    dialect: Option<Dialect>,
    #[serde(default)]
    flags: Map<String, Value>,
}

impl UpstreamOptions {
    /// Returns the models; `None` if no upstream server is configured. `servers` and `names` are those of the configuration
    /// file.
    pub(crate) fn catalog(
        &self,
        servers: BTreeMap<String, Server>,
        mut names: BTreeMap<String, String>,
    ) -> Result<Option<Catalog>, Box<dyn Error>> {
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
        for (name, server) in servers {
            upstreams.push(server.start(&name)?);
        }
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
        endpoint.key = key::of(self.key_env, &format!("upstream server '{name}'"))?;
        endpoint.key_header = self.key_header;
        endpoint.dialect = self.dialect;
        endpoint.flags = self.flags;
        Ok(Upstream::new(name, endpoint)?)
    }
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
