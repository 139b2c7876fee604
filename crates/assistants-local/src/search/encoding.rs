//! Decodes text files.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How much of a file is searched for a declaration of its encoding, in bytes, as in the HTML standard.
const DECLARATION: usize = 1024;

/// How much of a file its encoding is guessed from, in bytes, beginning where its text is no longer ASCII.
const SAMPLE: usize = 64 * 1024;

/// The minimum length of a text in UTF-16 that is recognized without a byte order mark, in characters.
const MIN_UTF_16: usize = 8;

/// Decodes a file; returns `None` if it is not text.
///
/// A byte order mark decides; characters that are damaged are then replaced. Otherwise the file is UTF-8 if it is valid as
/// such, then UTF-16 if it contains zero bytes, then what it declares itself to be if it is HTML or XML (`is_markup`), and
/// then what its letters suggest: an older encoding such as Windows-1251 or Windows-1252.
pub(super) fn decode(bytes: Vec<u8>, is_markup: bool) -> Option<String> {
    if let Some((encoding, mark)) = Encoding::for_bom(&bytes) {
        let (text, _) = encoding.decode_without_bom_handling(&bytes[mark..]);
        let is_text = if encoding == UTF_8 {
            !text.contains('\0')
        } else {
            is_text(&text)
        };
        return is_text.then(|| text.into_owned());
    }
    let bytes = match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => return Some(text),
        Ok(text) => text.into_bytes(),
        Err(error) => error.into_bytes(),
    };
    if bytes.contains(&0) {
        return [UTF_16LE, UTF_16BE]
            .into_iter()
            .filter_map(|encoding| strictly(encoding, &bytes))
            .find(|text| is_plain(text));
    }
    let declared = if is_markup { declared(&bytes) } else { None };
    declared
        .and_then(|encoding| strictly(encoding, &bytes))
        .or_else(|| strictly(guess(&bytes), &bytes))
}

/// Decodes a file that is text in this encoding, without errors.
fn strictly(encoding: &'static Encoding, bytes: &[u8]) -> Option<String> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    is_text(&text).then(|| text.into_owned())
}

/// Returns whether there are only control characters that texts contain, such as tabs, escapes and the end mark of DOS.
fn is_text(text: &str) -> bool {
    !text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\x0b' | '\x0c' | '\r' | '\x1a' | '\x1b'))
}

/// Returns whether text decoded from UTF-16 is plausible: in most languages, a tenth of it or more are spaces, digits and the
/// like. Wrongly decoded, they would be rare characters of other scripts.
fn is_plain(text: &str) -> bool {
    let all = text.chars().count();
    all >= MIN_UTF_16 && 10 * text.chars().filter(char::is_ascii).count() >= all
}

/// Returns the encoding of `<meta charset="…">`, its older form with `content`, or `<?xml encoding="…"?>`.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(DECLARATION)]).to_ascii_lowercase();
    let (_, rest) = head.split_once("charset").or_else(|| head.split_once("encoding"))?;
    let label = rest.trim_start().strip_prefix('=')?.trim_start();
    let label = label.trim_start_matches(['"', '\'']);
    let end = label.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | ':' | '.' | '+'));
    let encoding = Encoding::for_label(&label.as_bytes()[..end.unwrap_or(label.len())])?;
    // The declaration could not be read in UTF-16.
    encoding.is_ascii_compatible().then_some(encoding)
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let start = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or_default();
    // The characters before it matter as well: a letter such as é is likely within a word.
    let start = start.saturating_sub(16);
    let sample = &bytes[start..bytes.len().min(start + SAMPLE)];
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, start + sample.len() == bytes.len());
    detector.guess(None, Utf8Detection::Deny)
}

#[cfg(test)]
mod tests {
    use encoding_rs::{KOI8_R, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};

    use super::*;

    const RUSSIAN: &str = "Съешь же ещё этих мягких французских булок, да выпей чаю: 12 - 34!\r\n";

    fn utf_16(text: &str, mark: bool, byte: fn(u16) -> [u8; 2]) -> Vec<u8> {
        let mark = mark.then_some(0xfeff);
        mark.into_iter().chain(text.encode_utf16()).flat_map(byte).collect()
    }

    #[test]
    fn texts_are_decoded() {
        let legacy = |encoding: &'static Encoding, text: &str| encoding.encode(text).0.into_owned();
        for text in [RUSSIAN, "Plain words.", "日本語 の テキスト 12345"] {
            for (bytes, what) in [
                (text.as_bytes().to_vec(), "UTF-8"),
                (["\u{feff}", text].concat().into_bytes(), "UTF-8 with a mark"),
                (utf_16(text, true, u16::to_le_bytes), "UTF-16 LE with a mark"),
                (utf_16(text, true, u16::to_be_bytes), "UTF-16 BE with a mark"),
                (utf_16(text, false, u16::to_le_bytes), "UTF-16 LE"),
                (utf_16(text, false, u16::to_be_bytes), "UTF-16 BE"),
            ] {
                assert_eq!(decode(bytes, false).as_deref(), Some(text), "{what}");
            }
        }
        let page = "<meta http-equiv=x content='text/html; charset=Windows-1251'>Ё";
        let xml = "<?xml version='1.0' encoding='KOI8-R'?><a>Да</a>";
        let broken = "<meta charset=utf-8><p>Привет, как дела?";
        let unknown = "<meta charset=klingon><p>Привет, как дела?";
        for (encoding, text, is_markup) in [
            (WINDOWS_1251, RUSSIAN, false),
            (WINDOWS_1251, "Привет", false),
            (KOI8_R, RUSSIAN, false),
            (WINDOWS_1252, "Le café est fermé à Noël — « déjà » l’été\x1a", false),
            (WINDOWS_1252, "caf\u{e9}", false),
            (SHIFT_JIS, "日本語のテキスト", false),
            (WINDOWS_1251, page, true),
            (KOI8_R, xml, true),
            (WINDOWS_1251, broken, true),
            (WINDOWS_1251, unknown, true),
        ] {
            let long = ["a ".repeat(100_000).as_str(), text].concat();
            assert_eq!(decode(legacy(encoding, text), is_markup).as_deref(), Some(text));
            if !is_markup {
                assert_eq!(decode(legacy(encoding, &long), false), Some(long));
            }
        }
    }

    #[test]
    fn a_lone_surrogate_is_replaced_after_a_mark_only() {
        let words = "words and more words";
        let mut bytes = utf_16(words, true, u16::to_le_bytes);
        bytes.extend([0x00, 0xd8, b'x', 0, 0xff]);
        assert_eq!(decode(bytes.clone(), false), Some(format!("{words}\u{fffd}x\u{fffd}")));
        assert_eq!(decode(bytes.split_off(2), false), None);
        assert_eq!(
            decode(b"\xef\xbb\xbfa\xffb".to_vec(), false),
            Some("a\u{fffd}b".to_owned())
        );
    }

    #[test]
    fn what_is_not_text_is_rejected() {
        let pattern = |len: u32| {
            (0..len)
                .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
                .collect::<Vec<u8>>()
        };
        for bytes in [
            b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec(),
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec(),
            b"\x1f\x8b\x08\x08\xff\xfe".to_vec(),
            b"\xff\xfe\0\0a\0\0\0".to_vec(),
            b"\xff\xfea\0\x01\0".to_vec(),
            b"a\0b".to_vec(),
            b"words\0\0\0\0\0".to_vec(),
            b"a\0".to_vec(),
            vec![0; 1000],
            pattern(1000),
            pattern(1001),
            pattern(1000).into_iter().filter(|byte| *byte != 0).collect(),
            (0..2000_u16).flat_map(u16::to_le_bytes).collect(),
            // Sound: samples of 16 bits.
            (1..2000)
                .flat_map(|at| (((f64::from(at) / 9.0).sin() * 9000.0) as i16).to_le_bytes())
                .collect(),
        ] {
            assert_eq!(decode(bytes.clone(), false), None, "{:?}", &bytes[..bytes.len().min(8)]);
        }
    }
}
