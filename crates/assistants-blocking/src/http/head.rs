//! The headers of a request.

use ureq::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, Result};

/// The headers of a request, except `Host`, `Content-Length` and `Transfer-Encoding`.
///
/// A list and not a map, because sending consumes a map: each time the request is sent, [`to_map`](Self::to_map) makes one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head(Vec<(HeaderName, HeaderValue)>);

impl Head {
    /// Sets a header in place of an earlier value.
    pub(crate) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    /// Sets a header of the caller.
    ///
    /// # Errors
    ///
    /// [`Error::Config`], which names the header but does not quote its value.
    pub(crate) fn set_text(&mut self, name: &str, value: &str) -> Result<()> {
        let name = HeaderName::try_from(name)
            .map_err(|_| Error::config(format!("`{}` is not a header name", name.escape_debug())))?;
        let value = HeaderValue::try_from(value).map_err(|_| {
            Error::config(format!(
                "the value of header `{name}` contains a line break or control character"
            ))
        })?;
        self.set(name, value);
        Ok(())
    }

    pub(crate) fn get(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.0
            .iter()
            .find_map(|(known, value)| (known == name).then_some(value))
    }

    pub(crate) fn to_map(&self) -> HeaderMap {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_value_replaces_an_earlier_one() {
        let mut head = Head::default();
        for (name, value) in [("accept", "a"), ("x-mine", "1"), ("Accept", "b")] {
            head.set_text(name, value).unwrap();
        }
        let map = head.to_map();
        assert_eq!(
            (map.len(), &map["accept"], &map["x-mine"]),
            (2, &"b".parse().unwrap(), &"1".parse().unwrap())
        );
        assert_eq!(head.get(&HeaderName::from_static("accept")), map.get("accept"));
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_not_quoted() {
        let error = |name, value| Head::default().set_text(name, value).unwrap_err().to_string();
        assert_eq!(error("x mine", "a"), "`x mine` is not a header name");
        let message = error("x-mine", "hush\r\nx: y");
        assert!(message.contains("`x-mine`") && !message.contains("hush"), "{message}");
    }
}
