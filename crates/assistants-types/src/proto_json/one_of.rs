//! Oneofs: members that exclude each other. The chosen one stands in its parent, without any wrapper.

use serde::de::MapAccess;
use serde::ser::SerializeMap;
use serde_json::Value;

use super::descriptor::FieldDescriptor;
use crate::Extra;

/// The Rust enum of a oneof. Implemented by the `one_of!` macro only.
pub(crate) trait OneOf: Sized {
    const MEMBERS: &'static [FieldDescriptor];

    /// The member's name in lowerCamelCase, if `key` is one in either spelling.
    fn name_of(key: &str) -> Option<&'static str> {
        Self::MEMBERS
            .iter()
            .find(|member| member.json == key || member.proto == key)
            .map(|member| member.json)
    }

    /// Reads the value of the member `name`; `None` when it is null.
    fn read<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Option<Self>, A::Error>;

    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;

    /// The name of the chosen member.
    fn name(&self) -> &str;

    fn unknown(member: UnknownMember) -> Self;
}

/// A member of a oneof that is newer than this crate, as raw JSON.
///
/// Only reading builds one, so it never stands for a member that has an arm of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct UnknownMember {
    name: String,
    value: Value,
}

impl UnknownMember {
    /// The member's name as it was sent.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The member's value.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }
}

/// Reads a known member. A second one beside the first is kept with the unknown members.
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

/// When no known member was sent, takes the first unknown object as one of the group.
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

/// Implements the enum of a oneof: arm, payload, names in both spellings.
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
            /// The name of the chosen member on the wire, in lowerCamelCase.
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
