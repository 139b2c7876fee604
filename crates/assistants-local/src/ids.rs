//! Unguessable ids with the provider's prefixes.
//!
//! An id is a prefix followed by 24 letters and digits, about 142 random bits. Knowing some ids does not help to guess
//! others.

/// The number of random characters after the prefix.
const LENGTH: usize = 24;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Checks that the operating system provides random bytes. Called once at start, so that [`new`] can rely on it.
pub(crate) fn check_randomness() -> Result<(), getrandom::Error> {
    getrandom::fill(&mut [0; 8])
}

/// Creates an id: `new("asst_")` returns `asst_` and 24 letters and digits.
pub(crate) fn new(prefix: &str) -> String {
    let mut id = String::with_capacity(prefix.len() + LENGTH);
    id.push_str(prefix);
    let mut bytes = [0_u8; 2 * LENGTH];
    while id.len() < prefix.len() + LENGTH {
        getrandom::fill(&mut bytes).expect("the operating system gave random bytes when the server started");
        // 248 is the largest multiple of 62 that fits in a byte. Larger values would make the first characters more
        // likely.
        let characters = bytes
            .iter()
            .filter(|byte| **byte < 248)
            .map(|byte| ALPHABET[usize::from(byte % 62)] as char);
        id.extend(characters.take(prefix.len() + LENGTH - id.len()));
    }
    id
}

/// Creates a random UUID (version 4).
pub(crate) fn uuid() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the operating system gave random bytes when the server started");
    let version = u128::from_be_bytes(bytes) & !(0xf000 << 64) | 0x4000 << 64;
    let digits = format!("{:032x}", version & !(0xc000 << 48) | 0x8000 << 48);
    let part = |range: std::ops::Range<usize>| &digits[range];
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_have_the_prefix_and_24_letters_or_digits() {
        let id = new("asst_");
        let random = id.strip_prefix("asst_").unwrap();
        assert_eq!(random.len(), 24);
        assert!(random.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    }

    #[test]
    fn ids_differ() {
        let ids: HashSet<String> = (0..10_000).map(|_| new("msg_")).collect();
        assert_eq!(ids.len(), 10_000);
    }
}
