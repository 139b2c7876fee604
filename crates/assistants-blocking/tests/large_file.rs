//! Uploads and downloads a file that is larger than the memory permitted for it. The only test of its program, because it
//! measures the memory of the whole process, client and server together.

use std::io::{self, Read, Write};

use assistants_blocking::FileSource;
use assistants_blocking::openai::Client;
use assistants_local::LocalServer;

const LENGTH: u64 = 256 * 1024 * 1024;

/// Bytes that are generated when read, or compared when written.
#[derive(Default)]
struct Pattern {
    at: u64,
}

impl Pattern {
    /// A pattern with a prime period, so that swapped or missing bytes are detected.
    fn fill(&mut self, into: &mut [u8]) {
        for byte in into {
            *byte = u8::try_from(self.at % 251).expect("below 251");
            self.at += 1;
        }
    }
}

impl Read for Pattern {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.fill(into);
        Ok(into.len())
    }
}

impl Write for Pattern {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut want = vec![0; bytes.len()];
        self.fill(&mut want);
        if want == bytes {
            Ok(bytes.len())
        } else {
            Err(io::Error::other(format!("other bytes before {}", self.at)))
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The peak memory of the process, in KiB; `None` if the system does not report it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let server = LocalServer::builder().start().unwrap();
    let client = Client::builder().base_url(server.base_url()).build().unwrap();
    let small = client
        .files()
        .upload(FileSource::bytes("small", "x"), "assistants")
        .send()
        .unwrap();
    client.files().content(&small).send().unwrap();

    let before = peak();
    let source = FileSource::reopen("large", LENGTH, || Ok(Pattern::default()));
    let file = client.files().upload(source, "assistants").send().unwrap();
    assert_eq!(file.bytes.unsigned_abs(), LENGTH);
    assert_eq!(
        client.files().content(&file).write_to(&mut Pattern::default()).unwrap(),
        LENGTH
    );
    if let (Some(before), Some(after)) = (before, peak()) {
        let grown = (after - before) / 1024;
        assert!(grown < 32, "{grown} MiB for a file of {} MiB", LENGTH / 1024 / 1024);
    }
}
