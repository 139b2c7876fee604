//! What an operation of the protocol is.

/// One operation: what it is called, and how a request for it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// Resource and verb, such as `threads.create`.
    pub id: &'static str,
    /// The HTTP method in capitals.
    pub method: &'static str,
    /// The path below the base URL, with each id as a name in braces.
    pub path: &'static str,
}
