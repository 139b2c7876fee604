//! Requests as they arrived.

use std::borrow::Cow;

/// A request as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, such as `GET`.
    pub method: String,
    /// Path and query as they were sent.
    pub target: String,
    /// Names and values in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body, without the framing of a chunked one.
    pub body: Vec<u8>,
    head: String,
}

impl Request {
    /// Takes apart a head that ends with its empty line.
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

    /// The first header of that name, in any case.
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

    /// Head and body as one text; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        let body: Cow<'_, str> = String::from_utf8_lossy(&self.body);
        format!("{}{body}", self.head)
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
