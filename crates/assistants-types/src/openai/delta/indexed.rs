//! Lists whose items deltas address by index.

use std::cmp::Ordering;

use serde_json::Value;

use crate::openai::{Annotation, CodeInterpreterOutput, MessageContent, StepToolCall};

/// An item of a list that deltas address by index.
///
/// Items are in the order of their indexes, and an index that no delta named takes no place, so that memory is in
/// proportion to what arrived. An item whose index is not its place remembers it.
pub(super) trait Indexed {
    /// The index that the item remembers.
    fn index(&self) -> Option<i64>;

    fn set_index(&mut self, index: i64);
}

macro_rules! indexed {
    ($name:ident: $($arm:ident)+) => {
        impl Indexed for $name {
            fn index(&self) -> Option<i64> {
                match self {
                    $(Self::$arm(item) => item.extra.index(),)+
                    // The delta it began with is in it, with its index.
                    Self::Unknown(raw) => raw.get("index").and_then(Value::as_i64),
                }
            }

            fn set_index(&mut self, index: i64) {
                match self {
                    $(Self::$arm(item) => item.extra.set_index(index),)+
                    Self::Unknown(_) => {}
                }
            }
        }
    };
}

indexed!(MessageContent: Text Refusal ImageFile ImageUrl);
indexed!(Annotation: FileCitation FilePath);
indexed!(StepToolCall: CodeInterpreter FileSearch Function);
indexed!(CodeInterpreterOutput: Logs Image);

/// The place of the item of that index, or the place where it would be.
pub(super) fn find<T: Indexed>(items: &[T], index: i64) -> Result<usize, usize> {
    let index_at = |at: usize| items[at].index().unwrap_or(at as i64);
    // Nearly always the index is the place.
    if let Ok(at) = usize::try_from(index)
        && at < items.len()
        && index_at(at) == index
    {
        return Ok(at);
    }
    let (mut low, mut high) = (0, items.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match index_at(middle).cmp(&index) {
            Ordering::Less => low = middle + 1,
            Ordering::Equal => return Ok(middle),
            Ordering::Greater => high = middle,
        }
    }
    Err(low)
}

/// Applies one delta to the item of that index, which is made first if it is not there. Without an index it is one more.
pub(super) fn apply_at<T: Indexed, D>(
    items: &mut Vec<T>,
    index: Option<i64>,
    delta: &D,
    start: impl Fn() -> T,
    grow: impl Fn(&mut T, &D) -> bool,
) {
    let found = match index {
        Some(index) if index >= 0 => find(items, index).map_err(|at| (at, index)),
        _ => {
            let last = items.last().and_then(Indexed::index);
            Err((
                items.len(),
                last.map_or(items.len() as i64, |last| last.saturating_add(1)),
            ))
        }
    };
    let begin = |index: i64, at: usize| {
        let mut item = start();
        grow(&mut item, delta);
        if index != at as i64 {
            item.set_index(index);
        }
        item
    };
    match found {
        Ok(at) if grow(&mut items[at], delta) => {}
        // Something of another kind stands there.
        Ok(at) => items[at] = begin(index.unwrap_or(at as i64), at),
        Err((at, index)) => items.insert(at, begin(index, at)),
    }
}
