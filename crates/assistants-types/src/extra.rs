//! What an object carries besides its known members.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

use serde_json::{Map, Value};

/// The members of an object that this crate does not know, kept as they were sent.
///
/// Reads and writes like the [`Map`] it holds. It also remembers how the peer spelled the known members (which it left
/// out, which were null, whether a number had a fraction), so that serializing gives back what was parsed; that memory
/// takes no part in comparisons.
#[derive(Clone, Default)]
pub struct Extra {
    /// One bit for each known member, in the order of the object's key list: set when the peer sent no value for it.
    absent: u64,
    /// The same bits: set when what the peer sent was null.
    null: u64,
    /// Most objects keep nothing; a pointer keeps them narrow, and they are moved often.
    kept: Option<Box<Kept>>,
}

#[derive(Clone, Default)]
struct Kept {
    members: Map<String, Value>,
    /// Values whose JSON form the Rust value does not determine: `1` beside `1.0`, a time outside the calendar.
    spelled: Map<String, Value>,
    /// The index by which deltas address the object, where that is not its place in the list.
    index: Option<i64>,
}

impl Extra {
    /// The unknown members as a map.
    #[must_use]
    pub fn members(&self) -> &Map<String, Value> {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        self.kept.as_ref().map_or_else(|| &*NONE, |kept| &kept.members)
    }

    /// Whether nothing is kept that the object has no field for.
    pub(crate) fn is_bare(&self) -> bool {
        self.kept.is_none()
    }

    pub(crate) fn set_absent(&mut self, bits: u64) {
        self.absent = bits;
    }

    pub(crate) fn is_absent(&self, bit: u64) -> bool {
        self.absent & bit != 0
    }

    pub(crate) fn set_null(&mut self, bit: u64) {
        self.null |= bit;
    }

    pub(crate) fn is_null(&self, bit: u64) -> bool {
        self.null & bit != 0
    }

    pub(crate) fn set_index(&mut self, index: i64) {
        self.kept.get_or_insert_default().index = Some(index);
    }

    pub(crate) fn index(&self) -> Option<i64> {
        self.kept.as_ref()?.index
    }

    pub(crate) fn keep_spelling(&mut self, key: &str, value: Value) {
        self.kept.get_or_insert_default().spelled.insert(key.to_owned(), value);
    }

    pub(crate) fn spelling(&self, key: &str) -> Option<&Value> {
        self.kept.as_ref()?.spelled.get(key)
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.members().fmt(f)
    }
}

impl PartialEq for Extra {
    fn eq(&self, other: &Self) -> bool {
        self.members() == other.members()
    }
}

impl Deref for Extra {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        self.members()
    }
}

impl DerefMut for Extra {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.kept.get_or_insert_default().members
    }
}

impl From<Map<String, Value>> for Extra {
    fn from(members: Map<String, Value>) -> Self {
        let kept = Kept {
            members,
            ..Kept::default()
        };
        Self {
            absent: 0,
            null: 0,
            kept: Some(Box::new(kept)),
        }
    }
}
