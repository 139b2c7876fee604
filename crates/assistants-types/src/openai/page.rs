//! A page of a list.

use std::fmt;

use serde::de::{DeserializeOwned, Error as DeError, MapAccess};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Deserializer, Serialize};

use crate::Extra;
use crate::object::{Object, ObjectVisitor, Text, bit, member};

/// A page of a list, with the cursors of the adjacent pages.
#[derive(Clone, PartialEq)]
pub struct Page<T> {
    /// The items, in the requested order.
    pub data: Vec<T>,
    /// The identifier of the first item: the cursor of the previous page. `None` on an empty page.
    pub first_id: Option<String>,
    /// The identifier of the last item: the cursor of the next page. `None` on an empty page.
    pub last_id: Option<String>,
    /// Whether another page follows. Also `false` if the server omitted it; see [`more`](Self::more).
    pub has_more: bool,
    /// Unknown members, kept as they were sent.
    pub extra: Extra,
}

const OBJECT: u64 = bit(KEYS, "object");
const DATA: u64 = bit(KEYS, "data");
const FIRST_ID: u64 = bit(KEYS, "first_id");
const LAST_ID: u64 = bit(KEYS, "last_id");
const HAS_MORE: u64 = bit(KEYS, "has_more");
const KEYS: &[&str] = &["object", "data", "first_id", "last_id", "has_more"];

impl<T> Page<T> {
    /// Whether another page follows; `None` if the server omitted it.
    #[must_use]
    pub fn more(&self) -> Option<bool> {
        if self.has_more || !self.extra.is_absent(HAS_MORE) {
            Some(self.has_more)
        } else {
            None
        }
    }
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self {
            data: Vec::new(),
            first_id: None,
            last_id: None,
            has_more: false,
            extra: Extra::default(),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Page<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("data", &self.data)
            .field("first_id", &self.first_id)
            .field("last_id", &self.last_id)
            .field("has_more", &self.has_more)
            .field("extra", &self.extra)
            .finish()
    }
}

impl<T: DeserializeOwned> Object for Page<T> {
    const NAME: &'static str = "Page";
    const KEYS: &'static [&'static str] = KEYS;

    fn empty() -> Self {
        Self::default()
    }

    fn extra_mut(&mut self) -> &mut Extra {
        &mut self.extra
    }

    fn read_member<'de, A: MapAccess<'de>>(
        &mut self,
        key: Text<'de>,
        seen: &mut u64,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let presence = match key.as_str() {
            "object" => member::read_constant("list", "object", &mut self.extra, map)?,
            "data" => member::read_plain(&mut self.data, map)?,
            "first_id" => member::read_optional(&mut self.first_id, map)?,
            "last_id" => member::read_optional(&mut self.last_id, map)?,
            "has_more" => member::read_plain(&mut self.has_more, map)?,
            _ => {
                let value = map.next_value()?;
                self.extra.insert(key.into_string(), value);
                return Ok(());
            }
        };
        presence.note(bit(KEYS, key.as_str()), seen, &mut self.extra);
        Ok(())
    }

    fn finish<E: DeError>(&mut self, seen: u64) -> Result<(), E> {
        // A list without `data` is invalid: an error page in JSON must not parse as an empty list.
        if seen & DATA == 0 {
            return Err(E::missing_field("data"));
        }
        self.extra.set_absent(!seen);
        Ok(())
    }
}

impl<T: Serialize> Serialize for Page<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        member::write_constant("list", "object", OBJECT, &self.extra, &mut map)?;
        map.serialize_entry("data", &self.data)?;
        member::write_optional(self.first_id.as_ref(), "first_id", FIRST_ID, &self.extra, &mut map)?;
        member::write_optional(self.last_id.as_ref(), "last_id", LAST_ID, &self.extra, &mut map)?;
        member::write_plain(&self.has_more, "has_more", HAS_MORE, &self.extra, &mut map)?;
        for (key, value) in self.extra.members() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Page<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor::<Self>::new())
    }
}
