//! Unknown members of objects.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

use serde_json::{Map, Value};

/// Unknown members of an object, kept as they were sent.
///
/// Serializes like the [`Map`] it contains. It also records how the sender wrote the known members (absent, null, a
/// number with a fraction), so that serializing gives the JSON that was parsed. Comparisons ignore that record.
#[derive(Clone, Default)]
pub struct Extra {
    /// One bit for each known member, in the order of `KEYS`: set if the sender sent no value for it.
    absent: u64,
    /// The same bits: set if the sender sent null.
    null: u64,
    /// Most objects keep nothing. A pointer keeps them small, since they are moved often.
    kept: Option<Box<Kept>>,
}

#[derive(Clone, Default)]
struct Kept {
    members: Map<String, Value>,
    /// Values whose JSON form cannot be derived from the Rust value: `1` and `1.0`, or a time outside the supported
    /// range.
    spelled: Map<String, Value>,
    /// The index that deltas use for the object, if it differs from its position in the list.
    index: Option<i64>,
}

impl Extra {
    /// The unknown members, as a map.
    #[must_use]
    pub fn members(&self) -> &Map<String, Value> {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        self.kept.as_ref().map_or_else(|| &*NONE, |kept| &kept.members)
    }

    /// Whether there is nothing to keep beyond the fields of the object.
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
