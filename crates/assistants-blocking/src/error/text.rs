//! Text of a server for people to read, without what a terminal would act on.

use std::fmt;

/// A text with its control characters escaped, as `\u{1b}`, except line breaks and tabs. Unicode characters that change the
/// direction of what follows are escaped too: they can make a text look like another one (CVE-2021-42574).
pub(crate) struct Printable<'t>(pub(crate) &'t str);

/// As [`Printable`], with line breaks and tabs escaped too, so that a line of the log stays one line.
pub(crate) struct OneLine<'t>(pub(crate) &'t str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(f, self.0, |c| matches!(c, '\n' | '\t'))
    }
}

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(f, self.0, |_| false)
    }
}

/// Whether [`Printable`] would change the text.
pub(crate) fn is_printable(text: &str) -> bool {
    !text.contains(|c| acts(c) && !matches!(c, '\n' | '\t'))
}

fn escape(f: &mut fmt::Formatter<'_>, text: &str, keep: impl Fn(char) -> bool) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(|c| acts(c) && !keep(c)) {
        f.write_str(&rest[..at])?;
        let mut tail = rest[at..].chars();
        if let Some(c) = tail.next() {
            match c {
                '\n' | '\r' | '\t' => write!(f, "{}", c.escape_default())?,
                c => write!(f, "{}", c.escape_unicode())?,
            }
        }
        rest = tail.as_str();
    }
    f.write_str(rest)
}

/// Control characters (C0, DEL, C1), line and paragraph separators, and marks that embed, override or isolate a direction.
fn acts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        for (text, printable, line) in [
            ("plain é ключ 😀", "plain é ключ 😀", "plain é ключ 😀"),
            ("a\nb\tc", "a\nb\tc", "a\\nb\\tc"),
            ("\u{1b}[31mred\r", "\\u{1b}[31mred\\r", "\\u{1b}[31mred\\r"),
            (
                "\u{0}\u{7f}\u{9b}2J",
                "\\u{0}\\u{7f}\\u{9b}2J",
                "\\u{0}\\u{7f}\\u{9b}2J",
            ),
            ("a\u{202e}b\u{2066}", "a\\u{202e}b\\u{2066}", "a\\u{202e}b\\u{2066}"),
            ("a\u{2028}b", "a\\u{2028}b", "a\\u{2028}b"),
            ("", "", ""),
        ] {
            assert_eq!(Printable(text).to_string(), printable);
            assert_eq!(OneLine(text).to_string(), line);
            assert_eq!(is_printable(text), printable == text);
        }
    }
}
