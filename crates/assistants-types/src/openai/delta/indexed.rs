//! Lists whose items are addressed by index in deltas.

use std::cmp::Ordering;

use serde_json::Value;

use crate::openai::{Annotation, CodeInterpreterOutput, MessageContent, StepToolCall};

/// An item of a list whose items are addressed by index in deltas.
///
/// Items are sorted by index. Indexes that no delta has used take no space, so that memory use is proportional to the
/// data received. An item stores its index if it differs from its position.
pub(super) trait Indexed {
    /// The stored index.
    fn index(&self) -> Option<i64>;

    fn set_index(&mut self, index: i64);
}

macro_rules! indexed {
    ($name:ident: $($arm:ident)+) => {
        impl Indexed for $name {
            fn index(&self) -> Option<i64> {
                match self {
                    $(Self::$arm(item) => item.extra.index(),)+
                    // The delta that created it is kept with its index.
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

/// The position of the item with this index, or where to insert it.
pub(super) fn find<T: Indexed>(items: &[T], index: i64) -> Result<usize, usize> {
    let index_at = |at: usize| items[at].index().unwrap_or(at as i64);
    // The index is almost always the position.
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

/// Applies a delta to the item with this index, which is created if it does not exist. A delta without an index creates
/// a new item.
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
        // An item of another type has this index.
        Ok(at) => items[at] = begin(index.unwrap_or(at as i64), at),
        Err((at, index)) => items.insert(at, begin(index, at)),
    }
}
