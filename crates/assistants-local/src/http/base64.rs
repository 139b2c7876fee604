//! An incremental base64 decoder.

/// Marks for characters that occur in only one of the alphabets. A byte with both marks is in neither.
const STANDARD: u8 = 0x40;
const URL_SAFE: u8 = 0x80;
const BOTH: u8 = STANDARD | URL_SAFE;

/// The value of each byte, with its marks.
const VALUES: [u8; 256] = {
    let shared = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut values = [BOTH; 256];
    let mut value = 0;
    while value < shared.len() {
        values[shared[value] as usize] = value as u8;
        value += 1;
    }
    values[b'+' as usize] = 62 | STANDARD;
    values[b'/' as usize] = 63 | STANDARD;
    values[b'-' as usize] = 62 | URL_SAFE;
    values[b'_' as usize] = 63 | URL_SAFE;
    values
};

/// Decodes both alphabets of RFC 4648, with or without padding. A text that mixes the alphabets is an error.
///
/// Like the decoder in `assistants-types`, it ignores surplus bits in the last character.
#[derive(Debug, Default)]
pub(super) struct Base64 {
    /// Bits of characters that do not form a complete byte yet.
    bits: u32,
    /// The number of characters in the current group of four.
    characters: u8,
    padding: u8,
    /// The union of the marks of all characters so far.
    marks: u8,
}

/// The text is not base64.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotBase64;

impl Base64 {
    /// Decodes `piece` and appends the result to `bytes`.
    pub(super) fn decode(&mut self, mut piece: &[u8], bytes: &mut Vec<u8>) -> Result<(), NotBase64> {
        loop {
            if self.characters == 0 {
                piece = self.decode_groups(piece, bytes);
            }
            let Some((character, behind)) = piece.split_first() else {
                return Ok(());
            };
            self.add(*character, bytes)?;
            piece = behind;
        }
    }

    /// Decodes complete groups of four up to the first special character, and returns the rest. This is the fast path.
    fn decode_groups<'a>(&mut self, mut piece: &'a [u8], bytes: &mut Vec<u8>) -> &'a [u8] {
        while let Some((group, behind)) = piece.split_first_chunk::<4>() {
            let values = group.map(|character| VALUES[usize::from(character)]);
            let marks = self.marks | (values[0] | values[1] | values[2] | values[3]) & BOTH;
            if marks == BOTH || self.padding > 0 {
                break;
            }
            self.marks = marks;
            let bits = values
                .iter()
                .fold(0, |bits, value| bits << 6 | u32::from(value & !BOTH));
            bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
            piece = behind;
        }
        piece
    }

    fn add(&mut self, character: u8, bytes: &mut Vec<u8>) -> Result<(), NotBase64> {
        if character == b'=' {
            self.padding += 1;
            let is_due = self.characters >= 2 && self.characters + self.padding <= 4;
            return if is_due { Ok(()) } else { Err(NotBase64) };
        }
        let value = VALUES[usize::from(character)];
        self.marks |= value & BOTH;
        if self.marks == BOTH || self.padding > 0 {
            return Err(NotBase64);
        }
        self.bits = self.bits << 6 | u32::from(value & !BOTH);
        self.characters = (self.characters + 1) % 4;
        if self.characters != 1 {
            let surplus = (4 - self.characters) % 4 * 2;
            bytes.push((self.bits >> surplus).to_le_bytes()[0]);
        }
        Ok(())
    }

    /// Checks that the text may end here.
    pub(super) fn finish(&self) -> Result<(), NotBase64> {
        if self.characters == 1 { Err(NotBase64) } else { Ok(()) }
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
            // `CreateFile` treats an empty file as a missing one.
            prop_assume!(!text.is_empty());
            let whole = serde_json::from_value::<CreateFile>(json!({"folderId": "f", "content": text})).ok();
            let seen = decode(&text, step).ok();
            prop_assert_eq!(seen.as_deref(), whole.as_ref().map(|file| file.content.0.as_slice()));
        }
    }
}
