//! Patterns for names and paths.

use serde::Deserialize;

/// A text in which `*` stands for any characters, or none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Pattern(String);

impl Pattern {
    pub(super) fn matches(&self, text: &str) -> bool {
        let Some((start, rest)) = self.0.split_once('*') else {
            return self.0 == text;
        };
        let Some(mut text) = text.strip_prefix(start) else {
            return false;
        };
        let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
        // Taking the first occurrence of each part leaves most for those that follow.
        for part in middle.split('*') {
            match text.split_once(part) {
                Some((_, behind)) => text = behind,
                None => return false,
            }
        }
        text.ends_with(end)
    }

    /// Returns the text if it is matched by itself alone.
    pub(super) fn literal(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, matches: &[&str], others: &[&str]) {
        let pattern = Pattern(pattern.to_owned());
        for text in matches {
            assert!(pattern.matches(text), "{pattern:?} does not match {text:?}");
        }
        for text in others {
            assert!(!pattern.matches(text), "{pattern:?} matches {text:?}");
        }
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        check("gpt-4o", &["gpt-4o"], &["gpt-4o-mini", "", "GPT-4o"]);
        check("*", &["", "a"], &[]);
        check("gpt-4*", &["gpt-4", "gpt-4o"], &["gpt-3", "a gpt-4"]);
        check("*/runs", &["/runs", "/v1/threads/t/runs"], &["/runs/", "runs"]);
        check("/t/*/runs", &["/t/1/runs", "/t//runs"], &["/t/runs", "/t/1/runs/2"]);
        check("a*b*c", &["abc", "a.b.b.c"], &["acb", "ac", "ab"]);
        check("a*a", &["aa", "a.a"], &["a"]);
        check("a**", &["a", "ab"], &["b"]);
        check("*a*", &["a", "bac"], &["b"]);
    }
}
