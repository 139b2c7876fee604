//! Estimates how much memory a JSON text will take once it is parsed.
//!
//! A parsed value takes far more memory than its text: `[0],` is four bytes long and becomes about 180. Bodies are
//! therefore measured by the number of their values as well as by their length.

/// The maximum number of values in a body.
pub(super) const MAX_VALUES: usize = 250_000;

/// The memory, in bytes, that one bracket, comma or colon may stand for. The worst case is an object with one member:
/// its three of them require one B-tree node.
const PER_VALUE: usize = 256;

/// Measures a text that arrives in pieces.
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

    /// The approximate number of values: brackets, commas and colons outside of strings.
    pub(super) fn values(&self) -> usize {
        self.values
    }

    /// An upper bound of the memory in bytes: the text itself, its strings once in a `Value` and once in a typed
    /// request, and the values.
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
