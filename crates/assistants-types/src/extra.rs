//! What an object carries besides its known members.

use std::ops::{Deref, DerefMut};

use serde_json::{Map, Value};

/// The members of an object that this crate does not know, kept as they were sent.
///
/// Reads and writes like the [`Map`] it holds. It also remembers how the peer spelled the known members (which it left
/// out, whether a number had a fraction), so that serializing gives back what was parsed; that memory takes no part in
/// comparisons.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    members: Map<String, Value>,
    /// One bit for each known member, in the order of the object's key list: set when the peer did not send it.
    absent: u64,
    /// Values whose JSON form the Rust value does not determine: `1` beside `1.0`, a time outside the calendar.
    spelled: Option<Box<Map<String, Value>>>,
}

impl Extra {
    /// The unknown members as a map.
    #[must_use]
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    pub(crate) fn set_absent(&mut self, bits: u64) {
        self.absent = bits;
    }

    pub(crate) fn is_absent(&self, bit: u64) -> bool {
        self.absent & bit != 0
    }

    pub(crate) fn keep_spelling(&mut self, key: &str, value: Value) {
        self.spelled.get_or_insert_default().insert(key.to_owned(), value);
    }

    pub(crate) fn spelling(&self, key: &str) -> Option<&Value> {
        self.spelled.as_ref()?.get(key)
    }
}

impl PartialEq for Extra {
    fn eq(&self, other: &Self) -> bool {
        self.members == other.members
    }
}

impl Deref for Extra {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.members
    }
}

impl DerefMut for Extra {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.members
    }
}

impl From<Map<String, Value>> for Extra {
    fn from(members: Map<String, Value>) -> Self {
        Self {
            members,
            ..Self::default()
        }
    }
}
