//! Vectors of texts.

/// The maximum number of dimensions of a vector.
const MAX_DIMENSIONS: usize = 65_536;

/// A vector of length 1, so that the dot product of two vectors is their cosine similarity.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Vector(Vec<f32>);

impl Vector {
    /// Scales numbers to a vector of length 1. `None` if there are none or too many, if one is not finite, or if all are 0.
    pub(crate) fn normalized(numbers: Vec<f32>) -> Option<Self> {
        let squares: f64 = numbers.iter().map(|number| f64::from(*number).powi(2)).sum();
        let length = squares.sqrt();
        if numbers.len() > MAX_DIMENSIONS || !length.is_finite() || length == 0.0 {
            return None;
        }
        let scaled = numbers.into_iter().map(|number| (f64::from(number) / length) as f32);
        Some(Self(scaled.collect()))
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.0.len()
    }

    /// Returns the numbers, each as four bytes, least significant first.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    /// Returns the cosine similarity to a vector in the form of [`to_bytes`](Self::to_bytes), from -1 to 1. `None` if it has
    /// another number of dimensions.
    pub(crate) fn similarity(&self, bytes: &[u8]) -> Option<f32> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() || numbers.len() != self.0.len() {
            return None;
        }
        // Separate sums, so that the compiler can add several numbers with one instruction.
        let mut sums = [0.0_f32; 8];
        let (left, left_rest) = self.0.as_chunks::<8>();
        let (right, right_rest) = numbers.as_chunks::<8>();
        for (left, right) in left.iter().zip(right) {
            for lane in 0..8 {
                sums[lane] += left[lane] * f32::from_le_bytes(right[lane]);
            }
        }
        let rest = left_rest.iter().zip(right_rest);
        let rest: f32 = rest.map(|(left, right)| left * f32::from_le_bytes(*right)).sum();
        Some(sums.iter().sum::<f32>() + rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similarity_is_the_cosine() {
        let vector = |numbers: &[f32]| Vector::normalized(numbers.to_vec()).unwrap();
        let long: Vec<f32> = (0..19_u8).map(f32::from).collect();
        let opposite: Vec<f32> = long.iter().map(|number| -3.0 * number).collect();
        for (one, other, want) in [
            (&[1.0, 0.0][..], &[5.0, 0.0][..], 1.0),
            (&[1.0, 0.0], &[0.0, 2.0], 0.0),
            (&[1.0, 0.0], &[1.0, 1.0], std::f32::consts::FRAC_1_SQRT_2),
            (&long, &long, 1.0),
            (&long, &opposite, -1.0),
            (&[f32::MAX, f32::MAX], &[f32::MAX, f32::MAX], 1.0),
        ] {
            let found = vector(one).similarity(&vector(other).to_bytes()).unwrap();
            assert!((found - want).abs() < 1e-6, "{one:?} {other:?}: {found}");
        }
        let bytes = vector(&long).to_bytes();
        assert_eq!(vector(&[1.0]).similarity(&bytes), None);
        assert_eq!(vector(&long).similarity(&bytes[1..]), None);
    }

    #[test]
    fn what_has_no_direction_is_no_vector() {
        for numbers in [
            vec![],
            vec![0.0, 0.0],
            vec![f32::NAN],
            vec![1.0, f32::INFINITY],
            vec![1.0; 65_537],
        ] {
            assert_eq!(Vector::normalized(numbers), None);
        }
    }
}
