//! Bytes, as a base64 string.

use std::fmt;
use std::ops::Deref;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserializer, Serializer};

use super::{Shape, Wire};
use crate::object::Text;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const PADDED: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// Bytes of a message, such as the content of a file. In JSON, they are base64-encoded.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Bytes(pub Vec<u8>);

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Bytes {
    fn from(bytes: &[u8; N]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<String> for Bytes {
    /// The bytes of the text itself, which is not base64.
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&str> for Bytes {
    /// The bytes of the text itself, which is not base64.
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl Wire for Bytes {
    const SHAPE: Shape = Shape::Text;

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Text<'de> as serde::Deserialize>::deserialize(deserializer)?;
        let url = text.as_str().bytes().any(|byte| matches!(byte, b'-' | b'_'));
        let engine = if url { &URL } else { &PADDED };
        // The input may be large and private, so the error message does not contain it.
        engine
            .decode(text.as_str())
            .map(Self)
            .map_err(|error| serde::de::Error::custom(format_args!("no base64: {error}")))
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&PADDED.encode(&self.0))
    }

    fn is_default(&self) -> bool {
        self.0.is_empty()
    }
}
