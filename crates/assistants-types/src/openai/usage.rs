//! Sums of token usage over runs, steps and other items.

use std::iter::Sum;
use std::ops::AddAssign;

use super::{Run, RunStep, Usage};

/// Adds the three counts and leaves `extra` unchanged. Counts saturate instead of overflowing.
impl AddAssign<&Self> for Usage {
    fn add_assign(&mut self, other: &Self) {
        self.prompt_tokens = self.prompt_tokens.saturating_add(other.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(other.completion_tokens);
        self.total_tokens = self.total_tokens.saturating_add(other.total_tokens);
    }
}

impl<'a> Sum<&'a Self> for Usage {
    fn sum<I: Iterator<Item = &'a Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, usage| {
            sum += usage;
            sum
        })
    }
}

/// The total usage of the items; items without a reported usage are skipped.
macro_rules! sum_of {
    ($item:ty) => {
        impl<'a> Sum<&'a $item> for Usage {
            fn sum<I: Iterator<Item = &'a $item>>(all: I) -> Self {
                all.filter_map(|item| item.usage.as_ref()).sum()
            }
        }

        /// For items by value, such as those of an iterator over a list.
        impl Sum<$item> for Usage {
            fn sum<I: Iterator<Item = $item>>(all: I) -> Self {
                all.fold(Self::default(), |mut sum, item| {
                    if let Some(usage) = &item.usage {
                        sum += usage;
                    }
                    sum
                })
            }
        }
    };
}

sum_of!(Run);
sum_of!(RunStep);

#[cfg(test)]
mod tests {
    use super::*;

    fn run(usage: &str) -> Run {
        serde_json::from_str(&format!(r#"{{"id":"run_1","usage":{usage}}}"#)).unwrap()
    }

    #[test]
    fn runs_without_usage_are_skipped() {
        let runs = [
            run(r#"{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}"#),
            run("null"),
            run(r#"{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30,"prompt_token_details":{}}"#),
        ];
        let borrowed: Usage = runs.iter().sum();
        let counts = |usage: &Usage| (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens);
        assert_eq!(counts(&borrowed), (13, 24, 37));
        assert_eq!(runs.into_iter().sum::<Usage>(), borrowed);
    }

    #[test]
    fn counts_saturate() {
        let most = run(r#"{"prompt_tokens":9223372036854775807,"completion_tokens":1,"total_tokens":1}"#);
        let sum: Usage = [&most, &most].into_iter().sum();
        assert_eq!((sum.prompt_tokens, sum.completion_tokens), (i64::MAX, 2));
    }
}
