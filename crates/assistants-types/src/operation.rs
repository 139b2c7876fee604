//! Operations of a protocol, and the request paths of operations.

use std::fmt;

/// An operation: its name, method and path, and the types of its request and response.
///
/// The tables [`openai::operations`](crate::openai::operations), [`chat::operations`](crate::chat::operations) and
/// [`yandex::operations`](crate::yandex::operations) contain one constant per operation.
///
/// ```
/// use assistants_types::openai::operations::{CREATE_RUN, LIST_RUNS};
///
/// assert_eq!((CREATE_RUN.method, CREATE_RUN.fill(&["thread_1"])?.as_str()), ("POST", "/threads/thread_1/runs"));
/// assert_eq!((CREATE_RUN.request, CREATE_RUN.response), (Some("CreateRun"), Some("Run")));
/// assert_eq!(LIST_RUNS.query, ["limit", "order", "after", "before"]);
/// // An id is one segment of the path, whatever is in it.
/// assert_eq!(LIST_RUNS.fill(&["../a b"])?, "/threads/..%2Fa%20b/runs");
/// # Ok::<(), assistants_types::PathError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Operation {
    /// Resource and verb, such as `threads.create`.
    pub id: &'static str,
    /// The HTTP method, in upper case.
    pub method: &'static str,
    /// The path below the base URL, with the name of each identifier in braces.
    pub path: &'static str,
    /// The names of the query parameters.
    pub query: &'static [&'static str],
    /// The type of the request body, such as `CreateRun`; `None` if there is none.
    pub request: Option<&'static str>,
    /// The type of the response, such as `Run` or `Page<Run>`; `None` if it is not JSON or only streamed.
    pub response: Option<&'static str>,
    /// The type of the streamed values, such as `StreamEvent`; `None` if the operation does not stream.
    pub stream: Option<&'static str>,
}

impl Operation {
    /// The path with the names in braces replaced by `ids`, in order.
    ///
    /// Each identifier becomes one path segment. Characters that a segment cannot contain, such as a slash, are
    /// percent-encoded.
    ///
    /// # Errors
    ///
    /// If an identifier is missing, superfluous or empty, or is `.` or `..`, which would change the path.
    pub fn fill(&self, ids: &[&str]) -> Result<String, PathError> {
        fill_path(self.path, ids)
    }
}

/// Replaces the names in braces of any path, as [`Operation::fill`] does: `fill_path("/threads/{thread_id}", &["thread_1"])`.
///
/// # Errors
///
/// As [`Operation::fill`].
pub fn fill_path(template: &str, ids: &[&str]) -> Result<String, PathError> {
    let fault = |name: &str, fault: Fault| PathError {
        template: template.to_owned(),
        name: name.to_owned(),
        fault,
    };
    let mut path = String::with_capacity(template.len() + ids.iter().map(|id| id.len()).sum::<usize>());
    let mut ids = ids.iter();
    let mut rest = template;
    while let Some((before, named)) = rest.split_once('{') {
        // Without a closing brace there is no name to replace.
        let (name, after) = named.split_once('}').unwrap_or((named, ""));
        let id = *ids.next().ok_or_else(|| fault(name, Fault::Missing))?;
        match id {
            "" => return Err(fault(name, Fault::Empty)),
            "." => return Err(fault(name, Fault::Dots("."))),
            ".." => return Err(fault(name, Fault::Dots(".."))),
            _ => {}
        }
        path.push_str(before);
        push_segment(&mut path, id);
        rest = after;
    }
    path.push_str(rest);
    match ids.next() {
        None => Ok(path),
        Some(_) => Err(fault("", Fault::TooMany)),
    }
}

/// Appends a text as a path segment. RFC 3986 `pchar` (unreserved characters, sub-delims, `:` and `@`) is kept; all
/// other bytes are percent-encoded.
fn push_segment(path: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push('%');
            path.push(char::from(HEX[usize::from(byte >> 4)]));
            path.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// Why a path could not be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    template: String,
    name: String,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Missing,
    Empty,
    Dots(&'static str),
    TooMany,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { template, name, fault } = self;
        match fault {
            Fault::Missing => write!(f, "`{name}` of {template} is missing"),
            Fault::Empty => write!(f, "`{name}` of {template} is empty"),
            Fault::Dots(id) => write!(f, "`{name}` of {template} must not be `{id}`"),
            Fault::TooMany => write!(f, "too many ids for {template}"),
        }
    }
}

impl std::error::Error for PathError {}

#[cfg(test)]
mod tests {
    use crate::openai::operations::{CREATE_THREAD, RETRIEVE_RUN, RETRIEVE_THREAD};

    #[test]
    fn an_id_is_one_segment() {
        for (id, want) in [
            ("thread_abc123", "thread_abc123"),
            ("a/b?c#d", "a%2Fb%3Fc%23d"),
            ("a%2Fb", "a%252Fb"),
            ("../x", "..%2Fx"),
            ("%2e%2e", "%252e%252e"),
            ("-._~!$&'()*+,;=:@", "-._~!$&'()*+,;=:@"),
            ("a b\r\n", "a%20b%0D%0A"),
            ("ключ", "%D0%BA%D0%BB%D1%8E%D1%87"),
            ("...", "..."),
        ] {
            assert_eq!(RETRIEVE_THREAD.fill(&[id]).unwrap(), format!("/threads/{want}"));
        }
        assert_eq!(RETRIEVE_RUN.fill(&["t", "r"]).unwrap(), "/threads/t/runs/r");
        assert_eq!(CREATE_THREAD.fill(&[]).unwrap(), "/threads");
    }

    #[test]
    fn rejects_an_id_that_changes_the_path() {
        for (operation, ids, want) in [
            (
                RETRIEVE_THREAD,
                &[""][..],
                "`thread_id` of /threads/{thread_id} is empty",
            ),
            (
                RETRIEVE_THREAD,
                &["."],
                "`thread_id` of /threads/{thread_id} must not be `.`",
            ),
            (
                RETRIEVE_RUN,
                &["t", ".."],
                "`run_id` of /threads/{thread_id}/runs/{run_id} must not be `..`",
            ),
            (RETRIEVE_THREAD, &[], "`thread_id` of /threads/{thread_id} is missing"),
            (CREATE_THREAD, &["x"], "too many ids for /threads"),
        ] {
            assert_eq!(operation.fill(ids).unwrap_err().to_string(), want);
        }
    }
}
