//! Violations of the spec, and the path of the value that causes one.

use std::fmt;

/// A violation of the spec by a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) message: String,
    /// The path of the parameter, such as `tools[3].function.name`; `None` for the whole body.
    pub(crate) param: Option<String>,
    /// The error code, such as `string_above_max_length`.
    pub(crate) code: &'static str,
}

/// The path from the body to a value. It is formatted only for a violation.
#[derive(Debug)]
pub(crate) enum Path<'a> {
    Body,
    Member(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => Ok(()),
            Self::Member(Self::Body, name) => formatter.write_str(name),
            Self::Member(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Item(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}
