//! Base64 that arrives in pieces.

/// Decodes either alphabet of RFC 4648, with or without padding, but not both alphabets in one text. As the types of the
/// protocol do, it takes a last character that says more than there is room for.
#[derive(Debug, Default)]
pub(super) struct Base64 {
    /// The bits of the characters that do not make a byte yet.
    bits: u32,
    /// How many characters the last group of four has.
    characters: u8,
    padding: u8,
    /// Which alphabet it is, once that is known.
    url_safe: Option<bool>,
}

/// The text is no base64.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotBase64;

impl Base64 {
    /// Appends what the next piece says to `bytes`.
    pub(super) fn decode(&mut self, piece: &[u8], bytes: &mut Vec<u8>) -> Result<(), NotBase64> {
        for character in piece {
            if *character == b'=' {
                self.padding += 1;
                if self.characters < 2 || self.characters + self.padding > 4 {
                    return Err(NotBase64);
                }
                continue;
            }
            if self.padding > 0 {
                return Err(NotBase64);
            }
            self.bits = self.bits << 6 | u32::from(self.value(*character)?);
            self.characters = (self.characters + 1) % 4;
            if self.characters != 1 {
                let surplus = (4 - self.characters) % 4 * 2;
                bytes.push((self.bits >> surplus).to_le_bytes()[0]);
            }
        }
        Ok(())
    }

    /// Whether the text may end here.
    pub(super) fn finish(&self) -> Result<(), NotBase64> {
        if self.characters == 1 { Err(NotBase64) } else { Ok(()) }
    }

    fn value(&mut self, character: u8) -> Result<u8, NotBase64> {
        let url_safe = matches!(character, b'-' | b'_');
        if (url_safe || matches!(character, b'+' | b'/')) && *self.url_safe.get_or_insert(url_safe) != url_safe {
            return Err(NotBase64);
        }
        Ok(match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return Err(NotBase64),
        })
    }
}

#[cfg(test)]
mod tests {
    use assistants_types::yandex::CreateFile;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn decode(text: &str, step: usize) -> Result<Vec<u8>, NotBase64> {
        let (mut base64, mut bytes) = (Base64::default(), Vec::new());
        for piece in text.as_bytes().chunks(step) {
            base64.decode(piece, &mut bytes)?;
        }
        base64.finish().map(|()| bytes)
    }

    #[test]
    fn reads_the_examples_of_the_standard() {
        for (text, want) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYmE", "fooba"),
        ] {
            assert_eq!(decode(text, 1).unwrap(), want.as_bytes());
        }
        for text in ["Z", "Z===", "Zg===", "Zm9v=", "=", "Zg==Zg==", "Zm 9v", "+_aa", "Zg=a"] {
            assert_eq!(decode(text, 1), Err(NotBase64), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn agrees_with_the_types(text in "[AQgwx9+/]{0,9}={0,3}|[AQgwx9_-]{0,9}={0,3}|[AQ+/_-]{0,9}|.{0,5}", step in 1_usize..6) {
            // To the type an empty file is a missing one.
            prop_assume!(!text.is_empty());
            let whole = serde_json::from_value::<CreateFile>(json!({"folderId": "f", "content": text})).ok();
            let seen = decode(&text, step).ok();
            prop_assert_eq!(seen.as_deref(), whole.as_ref().map(|file| file.content.0.as_slice()));
        }
    }
}
