//! Ordered rules, some of which apply only a number of times.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A rule of a script.
pub(crate) trait Rule {
    /// How many times the rule applies; `None` means any number.
    fn times(&self) -> Option<NonZeroU64>;

    /// Returns what is wrong with the members taken together.
    fn check(&self) -> Result<(), &'static str>;
}

/// The rules of a script in their order, with the number of times that each has been used. Shared by all threads.
#[derive(Debug)]
pub(crate) struct Rules<R>(Vec<Counted<R>>);

#[derive(Debug)]
struct Counted<R> {
    rule: R,
    used: AtomicU64,
}

impl<R: Rule> Rules<R> {
    pub(crate) fn new(rules: Vec<R>) -> Self {
        let counted = |rule| Counted {
            rule,
            used: AtomicU64::new(0),
        };
        Self(rules.into_iter().map(counted).collect())
    }

    /// Uses the first rule that matches and is not used up. Returns it with its number, from 1.
    pub(crate) fn take(&self, matches: impl Fn(&R) -> bool) -> Option<(usize, &R)> {
        let mut matching = self.0.iter().enumerate().filter(|(_, counted)| matches(&counted.rule));
        let (index, taken) = matching.find(|(_, counted)| counted.take())?;
        Some((index + 1, &taken.rule))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &R> {
        self.0.iter().map(|counted| &counted.rule)
    }
}

impl<R: Rule> Counted<R> {
    /// Returns whether the rule was not used up.
    fn take(&self) -> bool {
        let Some(times) = self.rule.times() else { return true };
        let next = |used| (used < times.get()).then_some(used + 1);
        self.used.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).is_ok()
    }
}

/// Reads a list of rules, and checks each of them.
pub(super) fn read<'de, D, R>(deserializer: D) -> Result<Vec<R>, D::Error>
where
    D: Deserializer<'de>,
    R: Rule + Deserialize<'de>,
{
    let rules = Vec::<Checked<R>>::deserialize(deserializer)?;
    Ok(rules.into_iter().map(|Checked(rule)| rule).collect())
}

/// A rule that has been checked. The libraries give an error made while a newtype is read the line of the whole rule.
#[derive(Deserialize)]
#[serde(bound = "R: Rule + Deserialize<'de>")]
struct Checked<R>(#[serde(deserialize_with = "checked")] R);

fn checked<'de, D, R>(deserializer: D) -> Result<R, D::Error>
where
    D: Deserializer<'de>,
    R: Rule + Deserialize<'de>,
{
    let rule = R::deserialize(deserializer)?;
    rule.check().map_err(D::Error::custom)?;
    Ok(rule)
}
