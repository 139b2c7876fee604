//! Causes of errors, whatever library they come from, and what may be shown of them.

use std::error::Error as StdError;
use std::io;

use super::text::{Printable, is_printable};
use crate::auth::secrets::Secrets;

/// The cause of an error.
pub(super) type Source = Box<dyn StdError + Send + Sync>;

/// Removes secrets and control characters: a cause whose text or `Debug` output has any is replaced by its printable text.
pub(super) fn clean_io(source: &mut io::Error, secrets: &Secrets) {
    if let Some(text) = shown(source, secrets) {
        *source = io::Error::new(source.kind(), text);
    }
}

/// As [`clean_io`].
pub(super) fn clean_source(source: &mut Source, secrets: &Secrets) {
    if let Some(text) = shown(&**source, secrets) {
        *source = text.into();
    }
}

/// A copy of a cause and of its own causes, without what must not be shown.
fn shown(source: &(dyn StdError + 'static), secrets: &Secrets) -> Option<String> {
    let mut debug = format!("{source:?}");
    let mut text = source.to_string();
    let mut cause = source.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        debug += &format!("{error:?}");
        cause = error.source();
    }
    let printable = secrets.redact(&text) == text && secrets.redact(&debug) == debug && is_printable(&text);
    (!printable).then(|| Printable(&secrets.redact(&text)).to_string())
}
