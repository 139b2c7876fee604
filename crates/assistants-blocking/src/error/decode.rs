//! JSON that does not match the protocol.

use serde::de::DeserializeOwned;

use super::api::excerpt;
use super::source::{Source, clean_source};
use super::text::Printable;
use crate::auth::secrets::Secrets;

/// A response or event that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: unexpected json at `{}`, near `{}`", Printable(.what), Printable(.path), Printable(.excerpt))]
#[non_exhaustive]
pub struct DecodeError {
    /// What was being read, for example `GET /assistants`.
    pub what: String,
    /// The place in the document, for example `data[3].created_at`; `.` is the document itself.
    pub path: String,
    /// A few characters of the document around that place.
    pub excerpt: String,
    /// The id under which the server logged the request, if there was a response.
    pub request_id: Option<String>,
    pub(super) source: Source,
}

/// Reads `json` as a `T`. The error names the place in the document, and shows nothing of `secrets`.
///
/// `what` says what is read, for example `POST /threads`.
pub(crate) fn decode<T: DeserializeOwned>(
    json: &[u8],
    secrets: &Secrets,
    what: impl FnOnce() -> String,
) -> Result<T, DecodeError> {
    // The plain parser first: it is faster than the one that keeps track of where it is.
    serde_json::from_slice(json)
        .map_err(|error| DecodeError::locate(json, error, secrets, what(), |json| T::deserialize(json)))
}

/// A JSON parser that tracks its place in the document.
type Tracked<'t, 'd, 'j> =
    serde_path_to_error::Deserializer<'t, 't, &'d mut serde_json::Deserializer<serde_json::de::SliceRead<'j>>>;

impl DecodeError {
    /// The error of a response that contains secrets and must not be shown.
    pub(crate) fn hidden(what: String, path: &str) -> Self {
        Self {
            what,
            path: path.to_owned(),
            excerpt: "(not shown)".to_owned(),
            request_id: None,
            source: "missing or of another type".into(),
        }
    }

    /// The error of a response about another object than the requested one.
    pub(crate) fn another_object(what: &str, asked: &str, found: &str) -> Self {
        Self {
            what: what.to_owned(),
            path: "id".to_owned(),
            excerpt: excerpt(found),
            request_id: None,
            source: format!("the response is about another object than `{asked}`").into(),
        }
    }

    /// Reads again, with `read`, through a parser that keeps track of the place. The error shows nothing of `secrets`.
    pub(crate) fn locate<T>(
        json: &[u8],
        error: serde_json::Error,
        secrets: &Secrets,
        what: String,
        read: impl FnOnce(Tracked<'_, '_, '_>) -> serde_json::Result<T>,
    ) -> Self {
        let mut document = serde_json::Deserializer::from_slice(json);
        let mut track = serde_path_to_error::Track::new();
        let (path, error) = match read(serde_path_to_error::Deserializer::new(&mut document, &mut track)) {
            Err(error) => (track.path().to_string(), error),
            // What was read is valid, but something follows it.
            Ok(_) => (".".to_owned(), error),
        };
        let line_start = json
            .split_inclusive(|byte| *byte == b'\n')
            .take(error.line().saturating_sub(1));
        let at = line_start.map(<[u8]>::len).sum::<usize>() + error.column();
        let near = secrets.window(json, at.saturating_sub(60).min(json.len())..(at + 20).min(json.len()));
        let excerpt = excerpt(String::from_utf8_lossy(&near).trim_matches(char::REPLACEMENT_CHARACTER));
        let mut error = Self {
            what,
            path,
            excerpt,
            request_id: None,
            source: error.into(),
        };
        error.redact(secrets);
        error
    }

    pub(super) fn redact(&mut self, secrets: &Secrets) {
        let shown = [&mut self.what, &mut self.path, &mut self.excerpt];
        shown
            .into_iter()
            .chain(&mut self.request_id)
            .for_each(|text| secrets.clean(text));
        clean_source(&mut self.source, secrets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;
    use std::error::Error as StdError;

    #[derive(Debug, Deserialize)]
    struct Page {
        #[expect(dead_code, reason = "only its reading is tested")]
        data: Vec<BTreeMap<String, i64>>,
    }

    #[test]
    fn a_decode_error_names_the_place() {
        let json = "{\"data\":[{\"a\":1},\n{\"a\":2,\"created_at\":\"soon\"}]}";
        let error = decode::<Page>(json.as_bytes(), Secrets::NONE, || "GET /assistants".to_owned()).unwrap_err();
        assert_eq!(error.path, "data[1].created_at");
        assert!(error.excerpt.contains("\"created_at\":\"soon\""), "{}", error.excerpt);
        assert!(
            error
                .to_string()
                .starts_with("GET /assistants: unexpected json at `data[1].created_at`, near `")
        );
        assert!(
            StdError::source(&error)
                .unwrap()
                .to_string()
                .contains("invalid type: string")
        );
    }

    #[test]
    fn decode_errors_of_broken_documents_have_a_place_too() {
        for (json, path) in [
            ("", "."),
            ("<html>", "."),
            ("{\"data\":[", "data"),
            ("{\"data\":[]} x", "."),
            ("{\"data\":[{\"é\":é", "data[0]"),
        ] {
            let error = decode::<Page>(json.as_bytes(), Secrets::NONE, || "GET /x".to_owned()).unwrap_err();
            assert!(error.path.starts_with(path), "{json}: {}", error.path);
        }
    }
}
