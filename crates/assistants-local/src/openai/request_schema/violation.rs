//! What is wrong with a request, and where.

use std::fmt;

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) message: String,
    /// The parameter: `tools[3].function.name`; `None` when it is the whole body.
    pub(crate) param: Option<String>,
    /// The kind of violation: `string_above_max_length`.
    pub(crate) code: &'static str,
}

/// The way from the body to the value at hand; made into text only for a violation.
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
