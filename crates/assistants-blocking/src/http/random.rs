//! Random numbers, from the standard library's random seeds.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// A random number: a seed of the standard library, mixed with a counter.
pub(crate) fn number() -> u64 {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(COUNTER.fetch_add(1, Ordering::Relaxed));
    hasher.finish()
}

/// A random number from 0.0 up to, but not including, 1.0.
pub(crate) fn fraction() -> f64 {
    // A float has 53 bits.
    (number() >> 11) as f64 / (1u64 << 53) as f64
}

/// 32 random hexadecimal digits.
pub(crate) fn hex() -> String {
    format!("{:016x}{:016x}", number(), number())
}

/// A random UUID (RFC 9562, version 4).
pub(crate) fn uuid() -> String {
    let (high, low) = (number(), number());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48) & 0x3fff,
        low & 0xffff_ffff_ffff,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn numbers_differ() {
        let all: HashSet<String> = (0..1000).map(|_| hex()).collect();
        assert_eq!(all.len(), 1000);
        assert!(all.iter().all(|hex| hex.len() == 32), "{:?}", all.iter().next());
    }

    #[test]
    fn a_uuid_says_that_it_is_random() {
        for _ in 0..100 {
            let id = uuid();
            let shape: String = id
                .chars()
                .map(|c| if c.is_ascii_hexdigit() { 'x' } else { c })
                .collect();
            assert_eq!(shape, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "{id}");
            assert!(
                id[14..].starts_with('4') && matches!(&id[19..20], "8" | "9" | "a" | "b"),
                "{id}"
            );
        }
    }

    #[test]
    fn a_fraction_is_between_zero_and_one() {
        assert!((0..1000).all(|_| (0.0..1.0).contains(&fraction())));
    }
}
