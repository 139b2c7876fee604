//! The options of `serve` for the code interpreter.

use std::num::NonZeroU32;
use std::time::Duration;

use assistants_local::CodeInterpreter;
use clap::Args;

use super::config_file::ConfigFile;

#[derive(Args, Debug)]
pub(crate) struct CodeOptions {
    /// Program that executes the code of the tool `code_interpreter`, with its arguments, separated by spaces. No shell reads
    /// it, and there are no quotes. Without this option, runs with the tool fail. The program has to isolate the code: see
    /// `docs/code-interpreter.md`.
    #[arg(long, env = "ASSISTANTS_LOCAL_CODE_INTERPRETER", value_name = "COMMAND")]
    code_interpreter: Option<String>,

    /// Number of seconds that code may run, 120 by default.
    #[arg(
        long,
        env = "ASSISTANTS_LOCAL_CODE_INTERPRETER_TIME_LIMIT",
        value_parser = clap::value_parser!(u32).range(1..),
        value_name = "SECONDS"
    )]
    code_interpreter_time_limit: Option<u32>,
}

impl CodeOptions {
    /// Returns the code interpreter; `None` if none is configured. Options take precedence over the configuration file.
    pub(crate) fn code_interpreter(&self, file: &ConfigFile) -> Result<Option<CodeInterpreter>, String> {
        let command = self.code_interpreter.as_ref().or(file.code_interpreter.as_ref());
        let seconds = file.code_interpreter_time_limit.map(NonZeroU32::get);
        let time_limit = self.code_interpreter_time_limit.or(seconds);
        let Some(command) = command else {
            return match time_limit {
                Some(_) => Err("--code-interpreter-time-limit needs --code-interpreter".to_owned()),
                None => Ok(None),
            };
        };
        let mut words = command.split_whitespace();
        let program = words.next().ok_or("--code-interpreter names no program")?;
        let mut interpreter = CodeInterpreter::new(program).args(words);
        if let Some(seconds) = time_limit {
            interpreter = interpreter.time_limit(Duration::from_secs(seconds.into()));
        }
        Ok(Some(interpreter))
    }
}
