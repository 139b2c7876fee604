//! The texts of a request, and the numbers of a vector.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Embedding, EmbeddingInput, EmbeddingInputItem, EmbeddingVector};

impl<T: Into<String>, const N: usize> From<[T; N]> for EmbeddingInput {
    /// Several texts.
    fn from(texts: [T; N]) -> Self {
        texts.into_iter().collect()
    }
}

impl<T: Into<String>> FromIterator<T> for EmbeddingInput {
    /// Several texts.
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Self {
        Self::List(
            texts
                .into_iter()
                .map(|text| EmbeddingInputItem::Text(text.into()))
                .collect(),
        )
    }
}

impl Embedding {
    /// Returns the numbers of the vector, from either encoding. `None` if it is in neither, or if its base64 is not a
    /// sequence of 32-bit numbers.
    #[must_use]
    pub fn vector(&self) -> Option<Vec<f32>> {
        match &self.embedding {
            EmbeddingVector::Numbers(numbers) => {
                let numbers = numbers.iter();
                numbers
                    .map(|number| number.as_f64().map(|number| number as f32))
                    .collect()
            }
            EmbeddingVector::Base64(text) => {
                let bytes = STANDARD.decode(text).ok()?;
                let (numbers, rest) = bytes.as_chunks::<4>();
                rest.is_empty()
                    .then(|| numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_read_from_either_encoding() {
        for (json, want) in [
            ("[0.5,-1]", Some(vec![0.5, -1.0])),
            (r#""AAAAPwAAgL8=""#, Some(vec![0.5, -1.0])),
            (r#""""#, Some(vec![])),
            (r#""AAAA""#, None),
            (r#""%""#, None),
            ("7", None),
        ] {
            let text = format!(r#"{{"object":"embedding","index":0,"embedding":{json}}}"#);
            let embedding: Embedding = serde_json::from_str(&text).unwrap();
            assert_eq!(embedding.vector(), want, "{json}");
            assert_eq!(serde_json::to_string(&embedding).unwrap().len(), text.len());
        }
    }
}
