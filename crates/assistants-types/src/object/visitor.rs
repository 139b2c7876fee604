//! Objects of the protocol, read member by member.

use std::fmt;

use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde_json::Value;

use super::text::Text;
use crate::Extra;

/// A struct of the protocol, implemented only by the `object!` macro.
pub(crate) trait Object: Sized {
    /// The name of the struct, for error messages.
    const NAME: &'static str;
    /// The names of the known members in JSON.
    const KEYS: &'static [&'static str];

    /// The object before any member has been read.
    fn empty() -> Self;

    fn extra_mut(&mut self) -> &mut Extra;

    /// Reads the value of one member, and records in `seen` that it was present.
    fn read_member<'de, A: MapAccess<'de>>(
        &mut self,
        key: Text<'de>,
        seen: &mut u64,
        map: &mut A,
    ) -> Result<(), A::Error>;

    /// Records the missing members; fails if one of them is required.
    fn finish<E: serde::de::Error>(&mut self, seen: u64) -> Result<(), E>;
}

/// The bit of `key` in the `seen` and `absent` sets of an object.
pub(crate) const fn bit(keys: &[&str], key: &str) -> u64 {
    let mut index = 0;
    while index < keys.len() {
        if same(keys[index].as_bytes(), key.as_bytes()) {
            return 1 << index;
        }
        index += 1;
    }
    0
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// Reads an object from a map.
pub(crate) struct ObjectVisitor<T>(std::marker::PhantomData<T>);

impl<T> ObjectVisitor<T> {
    pub(crate) fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<'de, T: Object> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a JSON object for {}", T::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut object = T::empty();
        let mut seen = 0;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            object.read_member(key, &mut seen, &mut map)?;
        }
        object.finish(seen)?;
        Ok(object)
    }
}

/// A value that was read before the type of its object was known.
pub(crate) struct Buffered<E> {
    value: Option<Value>,
    error: std::marker::PhantomData<E>,
}

impl<E> Buffered<E> {
    pub(crate) fn new(value: Value) -> Self {
        Self {
            value: Some(value),
            error: std::marker::PhantomData,
        }
    }
}

impl<'de, E: serde::de::Error> MapAccess<'de> for Buffered<E> {
    type Error = E;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, _: K) -> Result<Option<K::Value>, E> {
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, E> {
        let value = self.value.take().unwrap_or(Value::Null);
        seed.deserialize(value.into_deserializer()).map_err(E::custom)
    }
}
