//! Tokens of the command line tool `yc`.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::auth::api_key::ApiKey;
use crate::auth::token::{Source, Token};
use crate::error::{Error, Result};
use crate::http::log;
use crate::http::watch::{SLICE, Watch};

/// The limit on one run of the tool, which makes requests of its own.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The tool and its settings.
#[derive(Clone)]
pub(super) struct Tool {
    pub(super) program: String,
    pub(super) profile: Option<String>,
    /// The endpoint of the cloud, if it is not the default one.
    pub(super) endpoint: Option<String>,
}

impl Default for Tool {
    fn default() -> Self {
        Self {
            program: "yc".to_owned(),
            profile: None,
            endpoint: None,
        }
    }
}

impl Tool {
    /// Returns a token if the tool is installed and configured for this endpoint.
    pub(super) fn probe(&self) -> Result<Token> {
        let watch = Watch::default();
        if let Some(endpoint) = &self.endpoint {
            let configured = self.last_line(&["config", "get", "endpoint"], false, &watch)?;
            if configured != *endpoint {
                return Err(Error::config("yc: is configured for another endpoint"));
            }
        }
        self.fetch(&watch)
    }

    /// Runs the tool, and returns the last line of its output.
    fn last_line(&self, arguments: &[&str], with_endpoint: bool, watch: &Watch) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(arguments);
        if let Some(endpoint) = self.endpoint.as_ref().filter(|_| with_endpoint) {
            command.args(["--endpoint", endpoint]);
        }
        if let Some(profile) = &self.profile {
            command.args(["--profile", profile]);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Error::config(format!("yc: cannot be started: {error}")))?;
        let output = Running(child).output(watch)?;
        let output = String::from_utf8_lossy(&output);
        let line = output.lines().map(str::trim).rfind(|line| !line.is_empty());
        line.map(str::to_owned)
            .ok_or_else(|| Error::config("yc: printed nothing"))
    }
}

impl Source for Tool {
    fn fetch(&self, watch: &Watch) -> Result<Token> {
        let token = self.last_line(&["iam", "create-token", "--no-user-output"], true, watch)?;
        Ok(Token::new(ApiKey::new(token)?, None))
    }

    fn origin(&self) -> &'static str {
        "it was sent a token of the tool yc"
    }
}

/// A running process, which is killed when this is dropped.
struct Running(Child);

impl Running {
    /// The output of the process, if it ends successfully.
    fn output(mut self, watch: &Watch) -> Result<Vec<u8>> {
        let broken = |error: io::Error| Error::config(format!("yc: its output cannot be read: {error}"));
        let started = Instant::now();
        let check = || {
            watch.check(|| "yc iam create-token".to_owned())?;
            if started.elapsed() > TIMEOUT {
                return Err(Error::config(format!("yc: printed no token within {TIMEOUT:?}")));
            }
            Ok(())
        };
        let mut stdout = self.0.stdout.take().expect("stdout was set to a pipe");
        let (sender, receiver) = mpsc::channel();
        let read = move || {
            let mut output = Vec::new();
            let read = stdout.read_to_end(&mut output).map(|_| output);
            if sender.send(read).is_err() {
                log::trace!("yc ended after its caller had stopped waiting");
            }
        };
        thread::Builder::new()
            .name("yc".to_owned())
            .spawn(read)
            .map_err(broken)?;
        let output = loop {
            match receiver.recv_timeout(SLICE) {
                Ok(output) => break output.map_err(broken)?,
                Err(RecvTimeoutError::Timeout) => check()?,
                Err(RecvTimeoutError::Disconnected) => return Err(Error::config("yc: its output cannot be read")),
            }
        };
        let status = loop {
            match self.0.try_wait().map_err(broken)? {
                Some(status) => break status,
                None => check()?,
            }
            thread::sleep(Duration::from_millis(1));
        };
        if status.success() {
            Ok(output)
        } else {
            Err(Error::config(format!("yc: ended with {status}")))
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let ended = self.0.kill().and_then(|()| self.0.wait());
            if let Err(error) = ended {
                log::debug!("yc could not be killed: {error}");
            }
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    /// The shell stands in for the tool; arguments are appended to the script's and ignored by it.
    fn tool(script: &str) -> Tool {
        use std::os::unix::fs::PermissionsExt as _;
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("yc-test-{}-{number}", std::process::id()));
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        Tool {
            program: path.to_str().unwrap().to_owned(),
            ..Tool::default()
        }
    }

    #[test]
    fn takes_the_last_line_of_a_tool_that_ends_well() {
        let token = |script: &str| {
            let tool = tool(script);
            let token = tool.fetch(&Watch::default()).map(|token| token.key.expose().to_owned());
            std::fs::remove_file(tool.program).unwrap();
            token.map_err(|error| error.to_string())
        };
        assert_eq!(token("echo news; echo t1.x; echo trouble >&2").unwrap(), "t1.x");
        assert_eq!(token("echo \"$*\"").unwrap(), "iam create-token --no-user-output");
        assert!(token("echo t1.x; exit 3").unwrap_err().contains("ended with"));
        assert_eq!(token("true").unwrap_err(), "yc: printed nothing");
    }

    #[test]
    fn a_tool_that_is_not_there_is_an_error() {
        let tool = Tool {
            program: "/nowhere/yc".into(),
            ..Tool::default()
        };
        assert!(matches!(tool.probe(), Err(Error::Config(_))));
    }

    #[test]
    fn a_tool_for_another_endpoint_does_not_count() {
        let made = tool("case \"$*\" in config*) echo api.cloud.yandex.net:443;; *) echo \"$*\";; esac");
        let here = Tool {
            endpoint: Some("api.cloud.yandex.net:443".into()),
            profile: Some("p".into()),
            ..made.clone()
        };
        assert_eq!(
            here.probe().unwrap().key.expose(),
            "iam create-token --no-user-output --endpoint api.cloud.yandex.net:443 --profile p"
        );
        let elsewhere = Tool {
            endpoint: Some("other:443".into()),
            ..made
        };
        assert!(elsewhere.probe().is_err());
        std::fs::remove_file(here.program).unwrap();
    }

    #[test]
    fn a_tool_that_hangs_can_be_cancelled() {
        let made = tool("exec sleep 600");
        let cancel = crate::CancelToken::new();
        cancel.cancel();
        let started = Instant::now();
        let error = made.fetch(&Watch::new(Some(cancel), None)).err().unwrap();
        assert!(matches!(error, Error::Cancelled(_)), "{error}");
        assert!(started.elapsed() < Duration::from_secs(10));
        std::fs::remove_file(made.program).unwrap();
    }
}
