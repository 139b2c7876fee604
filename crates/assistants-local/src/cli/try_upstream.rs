//! The command `try-upstream`, which reports what a server can do.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;

use super::config_file::ConfigOption;
use super::upstream::UpstreamOptions;

#[derive(Args, Debug)]
pub(crate) struct TryUpstream {
    #[command(flatten)]
    upstreams: UpstreamOptions,

    #[command(flatten)]
    config: ConfigOption,

    /// Model to ask. The default is the first one that the server lists.
    #[arg(long, value_name = "MODEL")]
    ask: Option<String>,
}

impl TryUpstream {
    /// Exits with code 1 if a server gave no answer at all.
    pub(crate) fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        let file = self.config.read()?;
        let Some(catalog) = self.upstreams.catalog(file.upstreams, file.models)? else {
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
