//! A violation of a rule.

use std::fmt;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The file, with a line or the name of a function if there is one; or a crate.
    pub(super) at: String,
    what: String,
}

impl Fault {
    pub(super) fn new(at: &str, what: String) -> Self {
        Self {
            at: at.to_owned(),
            what,
        }
    }

    pub(super) fn at_line(path: &str, line: usize, what: String) -> Self {
        Self::new(&format!("{path}:{line}"), what)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}
