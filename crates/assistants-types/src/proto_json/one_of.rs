//! Oneofs: mutually exclusive members. The member that is set appears directly in its parent.

use serde::de::MapAccess;
use serde::ser::SerializeMap;
use serde_json::Value;

use super::descriptor::FieldDescriptor;
use crate::Extra;

/// The Rust enum of a oneof, implemented only by the `one_of!` macro.
pub(crate) trait OneOf: Sized {
    const MEMBERS: &'static [FieldDescriptor];

    /// The lowerCamelCase name of the member `key`, given in either spelling; `None` if there is no such member.
    fn name_of(key: &str) -> Option<&'static str> {
        Self::MEMBERS
            .iter()
            .find(|member| member.json == key || member.proto == key)
            .map(|member| member.json)
    }

    /// Reads the value of the member `name`; `None` if it is null.
    fn read<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Option<Self>, A::Error>;

    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;

    /// The name of the member that is set.
    fn name(&self) -> &str;

    fn unknown(member: UnknownMember) -> Self;
}

/// An unknown member of a oneof, as raw JSON.
///
/// Only deserialization creates one, so it is never a member that has its own variant.
#[derive(Clone, Debug, PartialEq)]
pub struct UnknownMember {
    name: String,
    value: Value,
}

impl UnknownMember {
    /// The name of the member, as sent.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of the member.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }
}

/// Reads a known member. If another one is already set, it is kept with the unknown members.
pub(crate) fn read_one_of<'de, T: OneOf, A: MapAccess<'de>>(
    slot: &mut Option<T>,
    name: &'static str,
    extra: &mut Extra,
    map: &mut A,
) -> Result<(), A::Error> {
    match slot {
        Some(chosen) if chosen.name() != name => {
            let second: Value = map.next_value()?;
            if !second.is_null() {
                extra.insert(name.to_owned(), second);
            }
        }
        _ => *slot = T::read(name, map)?,
    }
    Ok(())
}

/// If no known member was sent, uses the first unknown object as a member of the group.
pub(crate) fn take_unknown<T: OneOf>(slot: &mut Option<T>, extra: &mut Extra) {
    if slot.is_some() {
        return;
    }
    let name = extra
        .members()
        .iter()
        .find(|(_, value)| value.is_object())
        .map(|(name, _)| name.clone());
    if let Some(name) = name
        && let Some(value) = extra.remove(&name)
    {
        *slot = Some(T::unknown(UnknownMember { name, value }));
    }
}

/// Implements the enum of a oneof: variant, payload, names in both spellings.
macro_rules! one_of {
    ($name:ident { $($arm:ident($payload:ty) = $json:literal $(/ $proto:literal)?,)+ }) => {
        impl $crate::proto_json::OneOf for $name {
            const MEMBERS: &'static [$crate::proto_json::FieldDescriptor] = &[$(
                $crate::proto_json::FieldDescriptor {
                    json: $json,
                    proto: $crate::proto_json::proto_name!($json $(, $proto)?),
                    shape: <$payload as $crate::proto_json::Wire>::SHAPE,
                },
            )+];

            fn read<'de, A: serde::de::MapAccess<'de>>(name: &str, map: &mut A) -> Result<Option<Self>, A::Error> {
                match name {
                    $($json => Ok(map.next_value::<$crate::proto_json::Read<Option<$payload>>>()?.0.map(Self::$arm)),)+
                    _ => map.next_value::<serde::de::IgnoredAny>().map(|_| None),
                }
            }

            fn write<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                match self {
                    $(Self::$arm(payload) => map.serialize_entry($json, &$crate::proto_json::Write(payload)),)+
                    Self::Unknown(member) => map.serialize_entry(member.name(), member.value()),
                }
            }

            fn name(&self) -> &str {
                self.member_name()
            }

            fn unknown(member: $crate::proto_json::UnknownMember) -> Self {
                Self::Unknown(member)
            }
        }

        impl $name {
            /// The name of the member that is set, in lowerCamelCase.
            #[must_use]
            pub fn member_name(&self) -> &str {
                match self {
                    $(Self::$arm(_) => $json,)+
                    Self::Unknown(member) => member.name(),
                }
            }
        }
    };
}
pub(crate) use one_of;
