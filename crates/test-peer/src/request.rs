//! Received requests.

use std::borrow::Cow;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::PATIENCE;

/// A complete request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, such as `GET`.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Names and values, in the order in which they were sent.
    pub headers: Vec<(String, String)>,
    /// The body, without the framing of a chunked one.
    pub body: Vec<u8>,
    head: String,
}

impl Request {
    /// Parses a head, including its empty line.
    pub(crate) fn parse(head: String) -> Self {
        let mut lines = head.lines();
        let mut first = lines.next().unwrap_or_default().split(' ');
        let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect();
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body: Vec::new(),
            head,
        }
    }

    /// The first header with this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Method and target, as in `GET /v1/models?limit=2`.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// Head and body as one text; invalid UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        let body: Cow<'_, str> = String::from_utf8_lossy(&self.body);
        format!("{}{body}", self.head)
    }

    /// Sends the request to a plain HTTP server and returns the bytes of its response. With it, a script can act as a proxy
    /// between client and server.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached, or takes longer than [`PATIENCE`].
    pub fn forward(&self, server: SocketAddr) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let ours = ["connection", "content-length", "transfer-encoding"];
        let mut bytes = format!("{} HTTP/1.1\r\n", self.line());
        for (name, value) in &self.headers {
            if !ours.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
                bytes += &format!("{name}: {value}\r\n");
            }
        }
        bytes += &format!("Connection: close\r\nContent-Length: {}\r\n\r\n", self.body.len());
        stream.write_all(&[bytes.as_bytes(), &self.body].concat())?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response)?;
        Ok(response)
    }

    pub(crate) fn length(&self) -> Option<usize> {
        let value = self.header("content-length")?;
        Some(value.parse().unwrap_or_else(|_| panic!("content-length: {value}")))
    }

    pub(crate) fn is_chunked(&self) -> bool {
        self.header("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    }
}
