//! The lines that the server and the program exchange.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

/// The maximum length of a line of the program, in bytes.
pub(super) const MAX_LINE: usize = 1024 * 1024;

/// The number of bytes of a file in a line of the server.
pub(super) const PIECE: usize = 48 * 1024;

/// A line that the server writes.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Request<'a> {
    File(Piece),
    Execute {
        code: &'a str,
        /// In seconds.
        time_limit: u64,
    },
}

impl Request<'_> {
    /// Returns the line, with its end.
    pub(super) fn to_line(&self) -> String {
        let mut line = serde_json::to_string(self).expect("a request has a JSON form");
        line.push('\n');
        line
    }
}

/// A line that the program writes.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Response {
    Ready,
    Logs { text: String },
    File(Piece),
    Image(Piece),
    Done,
}

/// A piece of a file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Piece {
    pub(super) name: String,
    /// The position of the piece; 0 begins the file.
    pub(super) offset: u64,
    /// In base64.
    data: String,
}

impl Piece {
    pub(super) fn new(name: &str, offset: u64, data: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            offset,
            data: BASE64_STANDARD.encode(data),
        }
    }

    /// Decodes the data; `None` if it is not base64.
    pub(super) fn data(&self) -> Option<Vec<u8>> {
        BASE64_STANDARD.decode(&self.data).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_documented() {
        let piece = Piece::new("a.csv", 0, b"1,2\n");
        let line: serde_json::Value = serde_json::from_str(&Request::File(piece).to_line()).unwrap();
        let want = serde_json::json!({"type": "file", "name": "a.csv", "offset": 0, "data": "MSwyCg=="});
        assert_eq!(line, want);
        let line = r#"{"data":"MSwyCg==","type":"image","name":"a.png","offset":4,"more":1}"#;
        let Ok(Response::Image(piece)) = serde_json::from_str(line) else {
            panic!("{line}");
        };
        assert_eq!((piece.offset, piece.data().unwrap()), (4, b"1,2\n".to_vec()));
        assert_eq!(
            serde_json::from_str::<Response>(r#"{"type":"done"}"#).unwrap(),
            Response::Done
        );
    }
}
