//! Responses, valid and invalid.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// How the end of a response body is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// By a `Content-Length`, which may be wrong.
    Length(Option<usize>),
    Chunked,
    /// By the end of the connection.
    Close,
}

/// A response to be sent; [`Self::bytes`] is what goes over the connection.
#[derive(Clone, Debug)]
pub struct Response {
    informational: usize,
    status: String,
    headers: String,
    body: Vec<u8>,
    framing: Framing,
}

impl Response {
    /// A response without a body; `status` is code and reason, such as `204 No Content`.
    #[must_use]
    pub fn new(status: &str) -> Self {
        Self {
            informational: 0,
            status: status.to_owned(),
            headers: String::new(),
            body: Vec::new(),
            framing: Framing::Length(None),
        }
    }

    /// `200 OK` with a JSON body.
    #[must_use]
    pub fn json(body: &str) -> Self {
        Self::new("200 OK")
            .header("Content-Type", "application/json")
            .body(body)
    }

    /// A redirect; `status` is one of 301 to 308.
    #[must_use]
    pub fn redirect(status: &str, location: &str) -> Self {
        Self::new(status).header("Location", location)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        body.as_ref().clone_into(&mut self.body);
        self
    }

    /// Sends this `Content-Length`, whatever the length of the body.
    #[must_use]
    pub fn length(mut self, bytes: usize) -> Self {
        self.framing = Framing::Length(Some(bytes));
        self
    }

    /// Sends the body as one chunk and the final empty one.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.framing = Framing::Chunked;
        self
    }

    /// Marks the end of the body by that of the connection, which the script must close.
    #[must_use]
    pub fn until_close(mut self) -> Self {
        self.framing = Framing::Close;
        self
    }

    /// Compresses the body, and sets `Content-Encoding`.
    #[must_use]
    pub fn gzip(mut self) -> Self {
        self.body = gzip(&self.body);
        self.header("Content-Encoding", "gzip")
    }

    /// Sends this many `103 Early Hints` first.
    #[must_use]
    pub fn after_informational(mut self, count: usize) -> Self {
        self.informational = count;
        self
    }

    /// Everything before the body.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let mut head = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(self.informational);
        head += &format!("HTTP/1.1 {}\r\n{}", self.status, self.headers);
        match self.framing {
            // A length is forbidden here, and some clients reject it.
            Framing::Length(None) if self.status.starts_with("204") => {}
            Framing::Length(said) => head += &format!("Content-Length: {}\r\n", said.unwrap_or(self.body.len())),
            Framing::Chunked => head += "Transfer-Encoding: chunked\r\n",
            Framing::Close => head += "Connection: close\r\n",
        }
        (head + "\r\n").into_bytes()
    }

    /// The complete response.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        if self.framing == Framing::Chunked {
            if !self.body.is_empty() {
                bytes.extend_from_slice(format!("{:x}\r\n", self.body.len()).as_bytes());
                bytes.extend_from_slice(&self.body);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        } else {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

/// `bytes`, compressed with gzip.
#[must_use]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("a Vec takes everything");
    encoder.finish().expect("a Vec takes everything")
}
