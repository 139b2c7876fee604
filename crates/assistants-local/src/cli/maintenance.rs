//! The maintenance commands: `backup`, `check` and `restore`.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use assistants_local::maintenance::{self, Report};
use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct Backup {
    /// Folder to copy to; created if it does not exist, else it must be empty.
    dir: PathBuf,

    #[command(flatten)]
    of: Database,
}

#[derive(Args, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    of: Database,

    /// Prints the report as JSON.
    #[arg(long)]
    json: bool,

    /// Deletes the contents of `lost+found` first: files that the database did not know when a server started.
    #[arg(long)]
    remove_lost: bool,

    /// Makes the database and the folder beside it a pair first, for a server that refuses to start on them.
    #[arg(long)]
    adopt: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// Folder written by `backup`.
    dir: PathBuf,

    /// SQLite database file to create, with the folder of files beside it. Existing files are not overwritten.
    #[arg(long, value_name = "FILE")]
    database: PathBuf,
}

#[derive(Args, Debug)]
struct Database {
    /// SQLite database file of the server.
    #[arg(
        long,
        env = "ASSISTANTS_LOCAL_DATABASE",
        default_value = "assistants.db",
        value_name = "FILE"
    )]
    database: PathBuf,
}

impl Backup {
    pub(crate) fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        let copied = maintenance::backup(&self.of.database, &self.dir)?;
        let (from, to) = (self.of.database.display(), self.dir.display());
        writeln!(
            io::stdout(),
            "copied {from} to {to}: {} files with {} bytes",
            copied.files,
            copied.bytes
        )?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Restore {
    pub(crate) fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        let copied = maintenance::restore(&self.dir, &self.database)?;
        let (from, to) = (self.dir.display(), self.database.display());
        writeln!(
            io::stdout(),
            "restored {to} from {from}: {} files with {} bytes",
            copied.files,
            copied.bytes
        )?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Check {
    pub(crate) fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        if self.adopt {
            maintenance::adopt(&self.of.database)?;
        }
        if self.remove_lost {
            maintenance::remove_lost(&self.of.database)?;
        }
        let report = maintenance::check(&self.of.database)?;
        let mut output = io::stdout().lock();
        if self.json {
            writeln!(output, "{}", serde_json::to_string(&report)?)?;
        } else {
            self.print(&report, &mut output)?;
        }
        Ok(if report.faults.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn print(&self, report: &Report, output: &mut impl Write) -> io::Result<()> {
        for fault in &report.faults {
            writeln!(output, "{fault}")?;
        }
        let (database, faults) = (self.of.database.display(), report.faults.len());
        let Report {
            objects, files, bytes, ..
        } = report;
        writeln!(
            output,
            "{database}: {faults} faults in {objects} objects and {files} files with {bytes} bytes"
        )?;
        if report.unfinished > 0 && !report.served {
            writeln!(
                output,
                "{} unfinished files, which the next start of a server removes",
                report.unfinished
            )?;
        }
        if report.removals > 0 {
            writeln!(
                output,
                "{} deleted files whose bytes the server removes once no backup copies",
                report.removals
            )?;
        }
        if report.lost > 0 {
            writeln!(
                output,
                "{} entries in lost+found, which `check --remove-lost` removes",
                report.lost
            )?;
        }
        Ok(())
    }
}
