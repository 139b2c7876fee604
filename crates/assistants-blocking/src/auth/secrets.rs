//! The secrets of a call, and how they are redacted.
//!
//! A server may repeat a key in anything that it sends, so every error and every log line passes through [`Secrets`].

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use crate::error::text::OneLine;

/// What replaces a secret.
const MASK: &str = "***";

/// Shorter keys are not redacted: they may be words of the message, which would be garbled.
const SHORTEST: usize = 7;

/// The secrets of a call: the key or token of each attempt, and headers and query parameters of the caller whose names
/// indicate a secret. Cheap to clone.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Secrets(Option<Arc<Vec<Box<str>>>>);

impl Secrets {
    /// A call without any.
    pub(crate) const NONE: &'static Self = &Self(None);

    /// Adds one, unless it is too short to be redacted.
    pub(crate) fn add(&mut self, secret: &str) {
        let list = self.0.as_deref().map(Vec::as_slice).unwrap_or_default();
        if secret.len() >= SHORTEST && !list.iter().any(|known| &**known == secret) {
            Arc::make_mut(self.0.get_or_insert_default()).push(secret.into());
        }
    }

    /// Adds the value of a header or query parameter if its name indicates a secret. In a value with a scheme, such as
    /// `Bearer sk-1`, the secret is what follows the scheme.
    pub(crate) fn add_named(&mut self, name: &str, value: &str) {
        if is_secret(name) {
            self.add(value.trim().rsplit(' ').next().unwrap_or_default());
        }
    }

    /// The text with each secret replaced by `***`, even if it is spelled with escapes of JSON or of a URL.
    pub(crate) fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let found = self.find(text.as_bytes());
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut clean = String::with_capacity(text.len());
        let mut rest = 0;
        for secret in found {
            // A match begins and ends with an ASCII character, so these are boundaries.
            clean.push_str(&text[rest..secret.start]);
            clean.push_str(MASK);
            rest = secret.end;
        }
        clean.push_str(&text[rest..]);
        Cow::Owned(clean)
    }

    /// As [`redact`](Self::redact), in place.
    pub(crate) fn clean(&self, text: &mut String) {
        if let Cow::Owned(clean) = self.redact(text) {
            *text = clean;
        }
    }

    /// Redacts every string of a JSON value, including the names of members; true if something was replaced.
    pub(crate) fn clean_json(&self, json: &mut Value) -> bool {
        match json {
            Value::String(text) => {
                let Cow::Owned(clean) = self.redact(text) else {
                    return false;
                };
                *text = clean;
                true
            }
            Value::Array(items) => items
                .iter_mut()
                .fold(false, |changed, item| self.clean_json(item) | changed),
            Value::Object(members) => {
                let mut changed = false;
                for (name, mut value) in std::mem::take(members) {
                    changed |= self.clean_json(&mut value);
                    let clean = self.redact(&name).into_owned();
                    changed |= clean != name;
                    members.insert(clean, value);
                }
                changed
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// The part of `bytes` in `range`, redacted. No part of a secret that crosses a boundary of the range remains.
    pub(crate) fn window(&self, bytes: &[u8], range: Range<usize>) -> Vec<u8> {
        // An escaped character takes at most six bytes.
        let list = self.0.as_deref().map(Vec::as_slice).unwrap_or_default();
        let reach = 6 * list.iter().map(|secret| secret.len()).max().unwrap_or_default();
        let start = range.start.saturating_sub(reach);
        let around = &bytes[start..range.end.saturating_add(reach).min(bytes.len())];
        let mut part = Vec::with_capacity(range.len());
        let mut rest = range.start;
        for secret in self.find(around) {
            let secret = (secret.start + start).max(rest)..(secret.end + start).min(range.end);
            if !secret.is_empty() {
                part.extend_from_slice(&bytes[rest..secret.start]);
                part.extend_from_slice(MASK.as_bytes());
                rest = secret.end;
            }
        }
        part.extend_from_slice(&bytes[rest..range.end]);
        part
    }

    /// What the log may show of `text`: redacted, on one line, without control characters.
    pub(crate) fn line(&self, text: impl fmt::Display) -> String {
        OneLine(&self.redact(&text.to_string())).to_string()
    }

    /// The positions of secrets, in order, without overlaps. The beginning of a secret at the end of the text counts too,
    /// because the text may have been truncated there.
    fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        let Some(list) = self.0.as_deref() else { return found };
        for start in 0..text.len() {
            let ends = list
                .iter()
                .filter_map(|secret| match_at(text, start, secret.as_bytes()));
            let Some(end) = ends.max() else { continue };
            match found.last_mut() {
                Some(last) if start <= last.end => last.end = last.end.max(end),
                _ => found.push(start..end),
            }
        }
        found
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// The end of `secret` in `text` if it begins at `start`, verbatim or escaped.
fn match_at(text: &[u8], start: usize, secret: &[u8]) -> Option<usize> {
    spelt(text, start, secret, |text| Some((*text.first()?, 1))).or_else(|| spelt(text, start, secret, character))
}

fn spelt(text: &[u8], start: usize, secret: &[u8], next: impl Fn(&[u8]) -> Option<(u8, usize)>) -> Option<usize> {
    let mut at = start;
    for (matched, wanted) in secret.iter().enumerate() {
        match next(&text[at..]) {
            Some((found, length)) if found == *wanted => at += length,
            None if matched >= SHORTEST => return Some(at),
            _ => return None,
        }
    }
    Some(at)
}

/// The first character and the number of bytes that spell it: one, or an escape (`\/`, `\u002f`, `%2F`).
fn character(text: &[u8]) -> Option<(u8, usize)> {
    let hex = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    let escape = match text {
        [b'\\', b'u', b'0', b'0', high, low, ..] => hex(&[*high, *low]).map(|byte| (byte, 6)),
        [b'\\', byte @ (b'/' | b'"' | b'\\'), ..] => Some((*byte, 2)),
        [b'%', high, low, ..] => hex(&[*high, *low]).map(|byte| (byte, 3)),
        _ => None,
    };
    escape.or_else(|| Some((*text.first()?, 1)))
}

/// Whether a header or query parameter of this name carries a secret.
fn is_secret(name: &str) -> bool {
    const WORDS: [&str; 9] = [
        "auth",
        "key",
        "token",
        "secret",
        "password",
        "passwd",
        "credential",
        "cookie",
        "signature",
    ];
    // Not secret: these are logged on purpose, or are numbers and cursors.
    const PUBLIC: [&str; 4] = ["idempotency-key", "page_token", "pagetoken", "max_tokens"];
    let name = name.to_ascii_lowercase();
    !PUBLIC.contains(&name.as_str()) && (name == "sig" || WORDS.iter().any(|word| name.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(list: &[&str]) -> Secrets {
        let mut secrets = Secrets::default();
        list.iter().for_each(|secret| secrets.add(secret));
        secrets
    }

    #[test]
    fn every_spelling_of_a_secret_is_replaced() {
        let known = secrets(&["sk-hush/+=1", "other-secret", "short"]);
        for (text, want) in [
            ("no secret", "no secret"),
            ("sk-hush/+=1", "***"),
            ("a sk-hush/+=1, b other-secret.", "a ***, b ***."),
            ("sk-hush/+=1other-secret", "***"),
            (r#"{"k":"sk-hush\/+=1"}"#, r#"{"k":"***"}"#),
            (r"sk-hush\u002f\u002B=1!", "***!"),
            ("k=sk-hush%2F%2b%3D1&x", "k=***&x"),
            ("sk-hush/+=", "***"),
            ("sk-hush/+=2", "sk-hush/+=2"),
            ("sk-hush/", "***"),
            ("sk-hu", "sk-hu"),
            ("éother-secreté", "é***é"),
            ("short", "short"),
            ("%", "%"),
            ("\\", "\\"),
        ] {
            assert_eq!(known.redact(text), want, "{text}");
        }
        assert_eq!(secrets(&["aaaaaaa"]).redact("baaaaaaaaaab"), "b***b");
        assert_eq!(secrets(&["100%25\\key"]).redact("<100%25\\key>"), "<***>");
    }

    #[test]
    fn a_window_shows_no_part_of_a_secret() {
        let known = secrets(&["0123456789"]);
        let text = b"ab0123456789cd";
        for start in 0..text.len() {
            for end in start..=text.len() {
                let part = String::from_utf8(known.window(text, start..end)).unwrap();
                assert!(!part.contains(|c: char| c.is_ascii_digit()), "{start}..{end}: {part}");
            }
        }
        assert_eq!(known.window(text, 1..13), b"b***c");
        assert_eq!(known.window(text, 4..8), b"***");
    }

    #[test]
    fn names_tell_secrets_from_settings() {
        let mut known = Secrets::default();
        for (name, value) in [
            ("Authorization", "Bearer secret-1"),
            ("api-key", "secret-2"),
            ("X-Goog-Api-Key", " secret-3 "),
            ("cookie", "secret-4"),
            ("sig", "secret-5"),
            ("access_token", "secret-6"),
            ("idempotency-key", "visible-1"),
            ("pageToken", "visible-2"),
            ("api-version", "visible-3"),
            ("OpenAI-Organization", "visible-4"),
        ] {
            known.add_named(name, value);
        }
        let shown = known.redact("secret-1 secret-2 secret-3 secret-4 secret-5 secret-6 visible-1 visible-2 visible-3");
        assert_eq!(shown, "*** *** *** *** *** *** visible-1 visible-2 visible-3");
        assert_eq!(format!("{known:?}"), "***");
    }

    #[test]
    fn a_line_of_the_log_is_one_line() {
        let known = secrets(&["sk-hush-hush"]);
        assert_eq!(known.line("a\r\nb sk-hush-hush\u{1b}[2J"), "a\\r\\nb ***\\u{1b}[2J");
    }

    #[test]
    fn json_is_clean_in_values_and_names() {
        let known = secrets(&["sk-hush-hush"]);
        let mut json = serde_json::json!({"sk-hush-hush": ["a sk-hush-hush", 1, null], "b": "c"});
        assert!(known.clean_json(&mut json));
        assert_eq!(json, serde_json::json!({"***": ["a ***", 1, null], "b": "c"}));
        assert!(!known.clean_json(&mut json));
    }
}
