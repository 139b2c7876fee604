//! How much memory a JSON text takes once it is parsed, known before it is.
//!
//! A parsed value takes far more than its text: `[0],` are four bytes and become about 180. So bodies are measured by the
//! values that they have, not only by their length.

/// The most values that a body may have.
pub(super) const MOST_VALUES: usize = 250_000;

/// What one bracket, comma or colon may cost in memory, in bytes: the worst case is an object with one member, whose
/// three of them take a node of a tree.
const PER_VALUE: usize = 256;

/// Counts while a text passes by in pieces.
#[derive(Debug, Default)]
pub(super) struct JsonSize {
    bytes: usize,
    values: usize,
    in_string: bool,
    escaped: bool,
}

impl JsonSize {
    pub(super) fn add(&mut self, piece: &[u8]) {
        self.bytes += piece.len();
        for byte in piece {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => self.in_string = true,
                    b'[' | b'{' | b',' | b':' => self.values += 1,
                    _ => {}
                }
            }
        }
    }

    /// Values, roughly: brackets, commas and colons outside of strings.
    pub(super) fn values(&self) -> usize {
        self.values
    }

    /// What the text and its values take at most, in bytes: the text, its strings once as a value and once as a member of
    /// a type, and the values.
    pub(super) fn memory(&self) -> usize {
        3 * self.bytes + self.values * PER_VALUE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_outside_of_strings() {
        for (text, want) in [
            ("", 0),
            ("1", 0),
            ("[]", 1),
            ("[[],[]]", 4),
            (r#"{"a": 1, "b": [2, 3]}"#, 6),
            (r#"{"a,:[{": "x\",[\\"}"#, 2),
            (r#"["\\",1]"#, 2),
        ] {
            for step in 1..=text.len().max(1) {
                let mut size = JsonSize::default();
                text.as_bytes().chunks(step).for_each(|piece| size.add(piece));
                assert_eq!(size.values(), want, "{text}, {step} bytes at a time");
                assert_eq!(size.memory(), 3 * text.len() + want * PER_VALUE);
            }
        }
    }
}
