//! Merges two rankings of passages into one.

use crate::storage::IndexHit;

/// Added to each rank, so that the first few ranks differ little. 60 is the value of the paper that introduced the method
/// (Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual rank learning methods",
/// 2009), and the customary one.
const SMOOTHING: f64 = 60.0;

/// How much each ranking counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weights {
    /// For similarity of vectors.
    pub(crate) embedding: f64,
    /// For words.
    pub(crate) text: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            embedding: 1.0,
            text: 1.0,
        }
    }
}

/// Merges passages found by words and by vectors, each best first, by reciprocal rank fusion.
///
/// The score of a passage is the sum of `weight / (60 + rank)` over both rankings, with ranks from 1, divided by the
/// greatest possible sum. It is 1 for a passage that is the first in both. If a weight is 0, the result is the other ranking
/// with its own scores.
pub(crate) fn fuse(by_text: Vec<IndexHit>, by_vector: Vec<IndexHit>, weights: Weights) -> Vec<IndexHit> {
    if weights.embedding <= 0.0 {
        return by_text;
    }
    if weights.text <= 0.0 {
        return by_vector;
    }
    let greatest = (weights.embedding + weights.text) / (SMOOTHING + 1.0);
    let mut fused: Vec<IndexHit> = Vec::new();
    for (ranking, weight) in [(by_text, weights.text), (by_vector, weights.embedding)] {
        for (index, hit) in ranking.into_iter().enumerate() {
            let score = weight / (SMOOTHING + index as f64 + 1.0) / greatest;
            let known = fused
                .iter_mut()
                .find(|other| (&other.owner, other.position) == (&hit.owner, hit.position));
            match known {
                Some(known) => known.score = (known.score + score).min(1.0),
                None => fused.push(IndexHit { score, ..hit }),
            }
        }
    }
    // Stable, so that of equal passages those with more words in common with the query come first.
    fused.sort_by(|one, other| other.score.total_cmp(&one.score));
    fused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranking(names: &str) -> Vec<IndexHit> {
        let hit = |name: char| IndexHit {
            owner: name.to_string(),
            position: 0,
            text: String::new(),
            score: 0.25,
        };
        names.chars().map(hit).collect()
    }

    #[test]
    fn ranks_count_and_weights_shift_them() {
        for (by_text, by_vector, embedding, text, want) in [
            ("ab", "ab", 1.0, 1.0, "a1.000 b0.984"),
            ("ab", "ba", 1.0, 1.0, "a0.992 b0.992"),
            ("ab", "c", 1.0, 1.0, "a0.500 c0.500 b0.492"),
            ("ab", "ba", 2.0, 1.0, "b0.995 a0.989"),
            ("ab", "ba", 1.0, 2.0, "a0.995 b0.989"),
            ("a", "b", 3.0, 1.0, "b0.750 a0.250"),
            ("ab", "ba", 0.0, 1.0, "a0.250 b0.250"),
            ("ab", "ba", 1.0, 0.0, "b0.250 a0.250"),
            ("", "a", 1.0, 1.0, "a0.500"),
            ("", "", 1.0, 1.0, ""),
        ] {
            let fused = fuse(ranking(by_text), ranking(by_vector), Weights { embedding, text });
            let found: Vec<String> = fused
                .iter()
                .map(|hit| format!("{}{:.3}", hit.owner, hit.score))
                .collect();
            assert_eq!(found.join(" "), want, "{by_text} {by_vector} {embedding} {text}");
        }
    }
}
