//! Collects what an execution writes, within limits.

use super::broken::Broken;
use super::protocol::Piece;
use crate::storage::blobs::{FileStore, Unfinished};

/// The maximum length of the logs of an execution, in bytes.
const MAX_LOGS: usize = 256 * 1024;

/// The maximum number of files of an execution.
const MAX_FILES: usize = 20;

/// The maximum size of all files of an execution, in bytes: that of a file of the protocol.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// The maximum length of the name of a file, in bytes.
const MAX_NAME: usize = 255;

/// A file that an execution has written.
#[derive(Debug)]
pub(crate) struct Produced {
    pub(crate) name: String,
    pub(crate) is_image: bool,
    pub(crate) contents: Unfinished,
}

/// What an execution has written.
#[derive(Debug)]
pub(crate) struct Executed {
    pub(crate) logs: String,
    pub(crate) files: Vec<Produced>,
}

/// What an execution has written so far.
#[derive(Debug, Default)]
pub(super) struct Collector {
    logs: String,
    logs_are_cut: bool,
    files: Vec<Produced>,
    bytes: u64,
    /// The name of the file whose pieces are dropped, as there are too many files or too many bytes.
    dropping: Option<String>,
    /// The number of files that were dropped.
    dropped: usize,
}

impl Collector {
    pub(super) fn push_logs(&mut self, text: &str) {
        let mut end = text.len().min(MAX_LOGS - self.logs.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.logs.push_str(&text[..end]);
        self.logs_are_cut |= end < text.len();
    }

    /// Adds a piece of a file.
    pub(super) fn push_piece(&mut self, piece: &Piece, is_image: bool, store: &FileStore) -> Result<(), Broken> {
        let data = piece
            .data()
            .ok_or_else(|| Broken::Ended("it sent a file that is not base64"))?;
        if piece.offset == 0 {
            self.begin(&piece.name, is_image, store)?;
        }
        if self.dropping.as_ref() == Some(&piece.name) {
            return Ok(());
        }
        let Some(file) = self.files.last_mut().filter(|file| file.name == piece.name) else {
            return Err(Broken::Ended("it sent a piece of a file that it had not begun"));
        };
        if file.contents.length() != piece.offset {
            return Err(Broken::Ended("it sent the pieces of a file in the wrong order"));
        }
        self.bytes = self.bytes.saturating_add(data.len() as u64);
        if self.bytes > MAX_BYTES {
            self.files.pop();
            self.drop_file(&piece.name);
            return Ok(());
        }
        file.contents.write(&data)?;
        Ok(())
    }

    fn begin(&mut self, name: &str, is_image: bool, store: &FileStore) -> Result<(), Broken> {
        if name.is_empty() || name.len() > MAX_NAME || name.contains(char::is_control) {
            return Err(Broken::Ended("it sent a file without a proper name"));
        }
        self.dropping = None;
        self.files.retain(|file| file.name != name);
        if self.files.len() == MAX_FILES || self.bytes >= MAX_BYTES {
            self.drop_file(name);
            return Ok(());
        }
        self.files.push(Produced {
            name: name.to_owned(),
            is_image,
            contents: store.create()?,
        });
        Ok(())
    }

    fn drop_file(&mut self, name: &str) {
        self.dropping = Some(name.to_owned());
        self.dropped += 1;
    }

    /// Returns the logs and the files. `lost` says why the session is lost: it ends the logs, and there are no files, because
    /// the last one can be incomplete.
    pub(super) fn finish(mut self, lost: Option<&str>) -> Executed {
        if lost.is_some() {
            self.files.clear();
        }
        let cut = self
            .logs_are_cut
            .then(|| format!("The output was longer than {MAX_LOGS} bytes, and is cut off here."));
        let dropped = (self.dropped > 0).then(|| {
            format!(
                "{} of the files were not kept: an execution can write {MAX_FILES} files of {MAX_BYTES} bytes in total.",
                self.dropped
            )
        });
        for note in [cut.as_deref(), dropped.as_deref(), lost].into_iter().flatten() {
            if !self.logs.is_empty() && !self.logs.ends_with('\n') {
                self.logs.push('\n');
            }
            self.logs.push_str(&format!("[{note}]"));
        }
        Executed {
            logs: self.logs,
            files: self.files,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[Produced]) -> Vec<&str> {
        files.iter().map(|file| file.name.as_str()).collect()
    }

    #[test]
    fn logs_are_cut_between_characters() {
        let mut collector = Collector::default();
        collector.push_logs(&"é".repeat(MAX_LOGS));
        collector.push_logs("more");
        let Executed { logs, .. } = collector.finish(Some("The session ended."));
        assert_eq!(logs.matches('é').count(), MAX_LOGS / 2);
        assert!(
            logs.contains("cut off here.]\n[The session ended.]"),
            "{}",
            &logs[MAX_LOGS..]
        );
    }

    #[test]
    fn a_file_is_collected_from_its_pieces() {
        let store = FileStore::temporary().unwrap();
        let mut collector = Collector::default();
        collector.push_piece(&Piece::new("a", 0, b"12"), false, &store).unwrap();
        collector.push_piece(&Piece::new("a", 2, b"3"), false, &store).unwrap();
        collector.push_piece(&Piece::new("b", 0, b""), true, &store).unwrap();
        // Written again in the same execution: only the last contents count.
        collector.push_piece(&Piece::new("a", 0, b"4"), false, &store).unwrap();
        for (name, offset) in [("a", 5), ("c", 1), ("", 0), ("x\ny", 0)] {
            let piece = Piece::new(name, offset, b"5");
            assert!(matches!(
                collector.push_piece(&piece, false, &store),
                Err(Broken::Ended(_))
            ));
        }
        let Executed { files, .. } = collector.finish(None);
        assert_eq!(names(&files), ["b", "a"]);
        assert_eq!((files[0].is_image, files[1].contents.length()), (true, 1));
    }

    #[test]
    fn further_files_are_not_kept() {
        let store = FileStore::temporary().unwrap();
        let mut collector = Collector::default();
        for name in 0..=MAX_FILES {
            let piece = Piece::new(&name.to_string(), 0, b"1");
            collector.push_piece(&piece, false, &store).unwrap();
        }
        let Executed { logs, files } = collector.finish(None);
        assert_eq!(files.len(), MAX_FILES);
        assert!(logs.starts_with("[1 of the files were not kept"), "{logs}");
    }
}
