//! Links to files that code has created, in the text of a message: `sandbox:/mnt/data/NAME`.

use std::ops::Range;

use assistants_types::openai::{Annotation, FilePath, FilePathAnnotation, StreamEvent};

use super::deltas::annotation_delta;
use super::generated_files::GeneratedFiles;
use super::live_run::OpenMessage;
use crate::model::code::FOLDER;

/// A piece of the text of a message that can be published.
#[derive(Debug, PartialEq)]
pub(super) struct Segment {
    /// In bytes.
    pub(super) range: Range<usize>,
    /// The id of the file, if the piece is a link.
    pub(super) file_id: Option<String>,
}

/// Divides the text after `from` at its links. Its end is left out while it can become a link, unless the text has `ended`.
pub(super) fn divide(text: &str, from: usize, files: &GeneratedFiles, ended: bool) -> Vec<Segment> {
    let mut segments = Vec::new();
    let (mut from, mut searched) = (from, from);
    let plain = |range: Range<usize>| Segment { range, file_id: None };
    while let Some(at) = text[searched..].find(FOLDER).map(|at| searched + at) {
        let name_at = at + FOLDER.len();
        match file_at(&text[name_at..], files, ended) {
            Found::Undecided => {
                segments.push(plain(from..at));
                return non_empty(segments);
            }
            Found::Nothing => searched = name_at,
            Found::File { length, file_id } => {
                searched = name_at + length;
                segments.push(plain(from..at));
                segments.push(Segment {
                    range: at..searched,
                    file_id: Some(file_id),
                });
                from = searched;
            }
        }
    }
    let held = if ended || files.is_empty() {
        0
    } else {
        begun(&text[searched..])
    };
    segments.push(plain(from..text.len() - held));
    non_empty(segments)
}

fn non_empty(mut segments: Vec<Segment>) -> Vec<Segment> {
    segments.retain(|segment| !segment.range.is_empty());
    segments
}

/// What is in a text behind the folder of a link.
enum Found {
    Nothing,
    /// More text can make it another file.
    Undecided,
    File {
        length: usize,
        file_id: String,
    },
}

fn file_at(rest: &str, files: &GeneratedFiles, ended: bool) -> Found {
    // In links of Markdown, spaces are written like this.
    let names = || {
        let plain = files.iter().map(|(name, id)| (name.to_owned(), id));
        plain.chain(files.iter().map(|(name, id)| (name.replace(' ', "%20"), id)))
    };
    if !ended && names().any(|(name, _)| name.len() > rest.len() && name.starts_with(rest)) {
        return Found::Undecided;
    }
    let longest = names()
        .filter(|(name, _)| rest.starts_with(name.as_str()))
        .max_by_key(|(name, _)| name.len());
    match longest {
        Some((name, id)) => Found::File {
            length: name.len(),
            file_id: id.to_owned(),
        },
        None => Found::Nothing,
    }
}

/// Returns how much of the end of a text can be the beginning of a link, in bytes.
fn begun(text: &str) -> usize {
    let lengths = (1..FOLDER.len()).rev();
    lengths
        .into_iter()
        .find(|length| text.ends_with(&FOLDER[..*length]))
        .unwrap_or_default()
}

/// Adds the annotation of a link to a message, and returns its event, with the text of the link.
pub(super) fn annotate(message: &mut OpenMessage, range: Range<usize>, file_id: String) -> StreamEvent {
    let position = |index: usize| i64::try_from(index).unwrap_or(i64::MAX);
    let start = message.text[..range.start].chars().count();
    let link = message.text[range].to_owned();
    let annotation = Annotation::from(FilePathAnnotation {
        text: link.clone(),
        file_path: FilePath {
            file_id,
            ..FilePath::default()
        },
        start_index: position(start),
        end_index: position(start + link.chars().count()),
        ..FilePathAnnotation::default()
    });
    let index = message.annotations.len();
    let event = annotation_delta(&message.id, message.images.len(), index, &annotation, &link);
    message.annotations.push(annotation);
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GeneratedFile;

    #[track_caller]
    fn check(text: &str, want: &[(&str, &str)]) {
        let mut files = GeneratedFiles::default();
        for name in ["a.csv", "a.csv.gz", "my file.txt", "é.png"] {
            files.add(&[GeneratedFile {
                name: name.to_owned(),
                file_id: format!("file-{name}"),
                ..GeneratedFile::default()
            }]);
        }
        // In pieces of any length, the same is found as at once.
        for step in 1..=text.len() {
            let (mut message, mut published, mut links) = (String::new(), 0, Vec::new());
            while message.len() < text.len() {
                let mut end = (message.len() + step).min(text.len());
                while !text.is_char_boundary(end) {
                    end += 1;
                }
                message.push_str(&text[message.len()..end]);
                for segment in divide(&message, published, &files, end == text.len()) {
                    assert_eq!(segment.range.start, published, "nothing is left out");
                    published = segment.range.end;
                    links.extend(segment.file_id.map(|id| (&text[segment.range], id)));
                }
            }
            assert_eq!(published, text.len(), "{step} bytes at a time");
            let found: Vec<(&str, &str)> = links.iter().map(|(link, id)| (*link, id.as_str())).collect();
            assert_eq!(found, want, "{step} bytes at a time");
        }
    }

    #[test]
    fn text_that_cannot_be_a_link_is_not_held_back() {
        let mut files = GeneratedFiles::default();
        let end = |text: &str, files: &GeneratedFiles| {
            let segments = divide(text, 0, files, false);
            segments.last().map_or(0, |segment| segment.range.end)
        };
        assert_eq!(end("a sandbox:/mnt/data/a", &files), 21);
        files.add(&[GeneratedFile {
            name: "a.csv".to_owned(),
            ..GeneratedFile::default()
        }]);
        for (text, want) in [
            ("words", 4),
            ("word", 4),
            ("a sand", 2),
            ("a sandy", 7),
            ("a sandbox:/mnt/data/a", 2),
            ("a sandbox:/mnt/data/b", 21),
        ] {
            assert_eq!(end(text, &files), want, "{text}");
        }
    }

    #[test]
    fn links_to_known_files_are_found_however_the_text_is_split() {
        check(
            "é [Here](sandbox:/mnt/data/a.csv), sandbox:/mnt/data/a.csv.gz",
            &[
                ("sandbox:/mnt/data/a.csv", "file-a.csv"),
                ("sandbox:/mnt/data/a.csv.gz", "file-a.csv.gz"),
            ],
        );
        check("sandbox:/mnt/data/a.csv", &[("sandbox:/mnt/data/a.csv", "file-a.csv")]);
        check(
            "(sandbox:/mnt/data/my%20file.txt) (sandbox:/mnt/data/my file.txt)(sandbox:/mnt/data/é.png)",
            &[
                ("sandbox:/mnt/data/my%20file.txt", "file-my file.txt"),
                ("sandbox:/mnt/data/my file.txt", "file-my file.txt"),
                ("sandbox:/mnt/data/é.png", "file-é.png"),
            ],
        );
        check("sandbox:/mnt/data/b.csv sandbox:/mnt/data/ /mnt/data/a.csv", &[]);
    }
}
