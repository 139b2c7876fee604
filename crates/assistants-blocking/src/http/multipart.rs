//! Forms with a file, as `multipart/form-data` (RFC 7578), which are written while they are sent.

use std::fmt;
use std::io::{self, Cursor, Read};

use serde_json::Value;
use ureq::http::header::HeaderValue;

use crate::error::{Error, Result};
use crate::http::file_source::FileSource;
use crate::http::outgoing::Source;
use crate::http::progress::{Observed, Progress};

/// Fields and one file.
#[derive(Clone)]
pub(crate) struct Form {
    fields: Vec<(String, String)>,
    /// The name of the field that holds the file.
    part: &'static str,
    pub(crate) source: FileSource,
    /// The name of the file, instead of that of the source.
    pub(crate) file_name: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) progress: Option<Progress>,
}

impl Form {
    pub(crate) fn new(part: &'static str, source: FileSource) -> Self {
        Self {
            fields: Vec::new(),
            part,
            source,
            file_name: None,
            content_type: None,
            progress: None,
        }
    }

    /// Sets a field in place of an earlier value. Members of objects become fields of their own: `name[member]`.
    pub(crate) fn set(&mut self, name: &str, value: &Value) {
        let nested = format!("{name}[");
        self.fields
            .retain(|(other, _)| other != name && !other.starts_with(&nested));
        self.add(name, value);
    }

    fn add(&mut self, name: &str, value: &Value) {
        match value {
            Value::Null => {}
            Value::Object(members) => members
                .iter()
                .for_each(|(key, value)| self.add(&format!("{name}[{key}]"), value)),
            Value::Array(items) => items.iter().for_each(|value| self.add(&format!("{name}[]"), value)),
            Value::String(text) => self.fields.push((name.to_owned(), text.clone())),
            other => self.fields.push((name.to_owned(), other.to_string())),
        }
    }

    /// The form as it is sent.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the file cannot be sent, [`Error::Config`] for an invalid content type.
    pub(crate) fn encode(self, boundary: String) -> Result<Multipart> {
        let file_length = self.source.length()?;
        let content_type = self.content_type.as_deref().unwrap_or("application/octet-stream");
        if HeaderValue::try_from(content_type).is_err() {
            return Err(Error::config(format!(
                "the content type of {} contains a line break or control character",
                self.source.name()
            )));
        }
        let mut head = String::new();
        for (name, value) in &self.fields {
            head.push_str(&format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{value}\r\n",
                quoted(name)
            ));
        }
        let name = quoted(self.file_name.as_deref().unwrap_or(self.source.name()));
        head.push_str(&format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{name}\"\r\nContent-Type: \
             {content_type}\r\n\r\n",
            self.part
        ));
        let tail = format!("\r\n--{boundary}--\r\n");
        Ok(Multipart {
            head: head.into_bytes(),
            tail: tail.into_bytes(),
            file_length,
            boundary,
            source: self.source,
            progress: self.progress,
        })
    }
}

/// A quoted string in a header of a part, as browsers write it.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form")
            .field("fields", &self.fields)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// A form as it is sent.
pub(crate) struct Multipart {
    head: Vec<u8>,
    tail: Vec<u8>,
    file_length: u64,
    boundary: String,
    source: FileSource,
    progress: Option<Progress>,
}

impl Multipart {
    pub(crate) fn content_type(&self) -> HeaderValue {
        HeaderValue::try_from(format!("multipart/form-data; boundary={}", self.boundary))
            .expect("a boundary is letters, digits and dashes")
    }
}

impl Source for Multipart {
    fn length(&self) -> u64 {
        // The announced length of a reader may be any number; it is checked while reading.
        (self.head.len() as u64 + self.tail.len() as u64).saturating_add(self.file_length)
    }

    fn is_whole(&self) -> bool {
        self.source.is_whole()
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        let file = self.source.open(self.file_length)?;
        let (head, tail) = (Cursor::new(&self.head[..]), Cursor::new(&self.tail[..]));
        Ok(match &self.progress {
            Some(progress) => {
                let file = Observed::new(file, progress, self.file_length);
                Box::new(head.chain(file).chain(tail))
            }
            None => Box::new(head.chain(file).chain(tail)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::{Arc, Mutex};

    #[test]
    fn writes_fields_before_the_file() {
        let mut form = Form::new("file", FileSource::bytes("a \"b\"\n.txt", "hello"));
        form.set("purpose", &json!("batch"));
        form.set("purpose", &json!("assistants"));
        form.set("expires_after", &json!({"anchor": "created_at", "seconds": 3600}));
        form.set("none", &json!(null));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        form.progress = Some(Progress::new(move |sent, total| {
            log.lock().unwrap().push((sent, total));
        }));
        let multipart = form.encode("xyz".to_owned()).unwrap();
        let want = "--xyz\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nassistants\r\n\
            --xyz\r\nContent-Disposition: form-data; name=\"expires_after[anchor]\"\r\n\r\ncreated_at\r\n\
            --xyz\r\nContent-Disposition: form-data; name=\"expires_after[seconds]\"\r\n\r\n3600\r\n\
            --xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a %22b%22%0A.txt\"\r\n\
            Content-Type: application/octet-stream\r\n\r\nhello\r\n--xyz--\r\n";
        for _ in 0..2 {
            let mut text = String::new();
            multipart.open().unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, want);
        }
        assert_eq!(multipart.length(), want.len() as u64);
        assert_eq!(*seen.lock().unwrap(), [(5, 5), (5, 5)]);
    }

    #[test]
    fn a_reader_may_be_said_to_be_of_any_length() {
        let form = Form::new("file", FileSource::reader("endless", u64::MAX, io::empty()));
        assert_eq!(form.encode("xyz".to_owned()).unwrap().length(), u64::MAX);
    }

    #[test]
    fn refuses_a_content_type_that_breaks_the_form() {
        let mut form = Form::new("file", FileSource::bytes("a", "b"));
        form.content_type = Some("text/plain\r\nX: y".to_owned());
        assert!(matches!(form.encode(String::new()), Err(Error::Config(_))));
    }
}
