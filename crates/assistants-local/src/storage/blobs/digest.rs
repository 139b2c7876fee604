//! A fast digest to distinguish long inputs.

/// 128-bit FNV-1a over words of eight bytes, which is fast enough for any disk. It is not cryptographic, and not the
/// standard FNV-1a of the same bytes.
#[derive(Clone, Debug)]
pub(crate) struct Digest {
    hash: u128,
    word: [u8; 8],
    filled: usize,
    length: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self {
            hash: 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d,
            word: [0; 8],
            filled: 0,
            length: 0,
        }
    }
}

impl Digest {
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if self.filled > 0 {
            let taken = bytes.len().min(8 - self.filled);
            self.word[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            self.filled += taken;
            bytes = &bytes[taken..];
            if self.filled < 8 {
                return;
            }
            self.add(u64::from_le_bytes(self.word));
            self.filled = 0;
        }
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        self.word[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
    }

    fn add(&mut self, word: u64) {
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        self.hash = (self.hash ^ u128::from(word)).wrapping_mul(PRIME);
    }

    pub(crate) fn finish(&self) -> String {
        let mut last = self.clone();
        last.word[self.filled..].fill(0);
        last.add(u64::from_le_bytes(last.word));
        last.add(self.length);
        format!("{:032x}", last.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_does_not_depend_on_the_pieces() {
        let digest = |pieces: &[&[u8]]| {
            let mut digest = Digest::default();
            pieces.iter().for_each(|piece| digest.update(piece));
            digest.finish()
        };
        let text = b"some text that is longer than a few words";
        for step in 1..text.len() {
            let pieces: Vec<&[u8]> = text.chunks(step).collect();
            assert_eq!(digest(&pieces), digest(&[text]), "{step} at a time");
        }
        assert_ne!(digest(&[b"a"]), digest(&[b"a\0"]));
        assert_ne!(digest(&[b"12345678"]), digest(&[b"12345679"]));
    }
}
