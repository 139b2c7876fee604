//! A local server in a process of its own.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// The server; it ends when this is dropped.
pub struct Server {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Server {
    /// Starts `program` with a database in the system's folder for temporary files (`TMPDIR`) and these further arguments.
    pub fn start(program: &str, args: &[&str]) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--database"])
            .arg(folder.path().join("load.db"))
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{program}: {error}"))?;
        let output = child.stdout.take().ok_or("the server has no output")?;
        let mut said = String::new();
        BufReader::new(output).read_line(&mut said)?;
        let url = said.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.ok_or_else(|| format!("the server said {said:?}"))?.to_owned();
        Ok(Self {
            child,
            url,
            _folder: folder,
        })
    }

    /// The base URL of the OpenAI protocol.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The resident memory, in KiB.
    pub fn memory(&self) -> Result<u64, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or("no VmRSS in the status of the process")?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
