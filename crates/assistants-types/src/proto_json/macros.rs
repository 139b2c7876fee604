//! Serialization of messages, from a table of their fields.

/// Implements a message. Each line has a field, its kind, its type, and its names in both spellings:
///
/// - `field`: missing, null and default values are equivalent;
/// - `needed`: parsing fails if it is missing, and it is always written;
/// - `path`: part of the request path, so it is read but never written;
/// - `time`: see [`read_time`].
///
/// The oneofs follow; an `open` one reads an unknown object as a new member.
macro_rules! message {
    ($name:ident = $full_name:literal {
        $($field:ident: $kind:ident $ty:ty = $json:literal $(/ $proto:literal)?,)*
    } $(one_of { $($group:ident: $one:ident $($open:ident)?,)+ })?) => {
        impl $crate::object::Object for $name {
            const NAME: &'static str = stringify!($name);
            const KEYS: &'static [&'static str] = &[$($json,)*];

            fn empty() -> Self {
                Self {
                    $($field: Default::default(),)*
                    $($($group: None,)+)?
                    extra: $crate::Extra::default(),
                }
            }

            fn extra_mut(&mut self) -> &mut $crate::Extra {
                &mut self.extra
            }

            fn read_member<'de, A: serde::de::MapAccess<'de>>(
                &mut self, key: $crate::object::Text<'de>, _seen: &mut u64, map: &mut A,
            ) -> Result<(), A::Error> {
                match key.as_str() {
                    $($json $(| $proto)? => {
                        $crate::proto_json::message!(@read $kind $name, self.$field, $json, self.extra, _seen, map);
                        return Ok(());
                    })*
                    _ => {}
                }
                $($(if let Some(name) = <$one as $crate::proto_json::OneOf>::name_of(key.as_str()) {
                    return $crate::proto_json::read_one_of(&mut self.$group, name, &mut self.extra, map);
                })+)?
                let value = map.next_value()?;
                self.extra.insert(key.into_string(), value);
                Ok(())
            }

            fn finish<E: serde::de::Error>(&mut self, _seen: u64) -> Result<(), E> {
                $($crate::proto_json::message!(@finish $kind $name, $json, _seen);)*
                $($($crate::proto_json::message!(@unknown self.$group, self.extra $(, $open)?);)+)?
                Ok(())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                #[allow(unused_mut, reason = "an empty message with nothing to write")]
                let mut map = serializer.serialize_map(None)?;
                $($crate::proto_json::message!(@write $kind self.$field, $json, self.extra, map);)*
                $($(if let Some(one) = &self.$group {
                    $crate::proto_json::OneOf::write(one, &mut map)?;
                })+)?
                for (key, value) in self.extra.members() {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map($crate::object::ObjectVisitor::<Self>::new())
            }
        }

        impl $crate::proto_json::sealed::Sealed for $name {
            fn descriptor() -> &'static $crate::proto_json::Descriptor {
                const {
                    &$crate::proto_json::Descriptor {
                        fields: &[$($crate::proto_json::FieldDescriptor {
                            json: $json,
                            proto: $crate::proto_json::proto_name!($json $(, $proto)?),
                            shape: $crate::proto_json::message!(@shape $kind $ty),
                        },)*],
                        one_ofs: &[$($(<$one as $crate::proto_json::OneOf>::MEMBERS,)+)?],
                    }
                }
            }
        }

        impl $crate::proto_json::ProtoMessage for $name {
            const FULL_NAME: &'static str = $full_name;
        }
    };

    (@shape time $ty:ty) => { $crate::proto_json::Shape::Opaque };
    (@shape $kind:ident $ty:ty) => { <$ty as $crate::proto_json::Wire>::SHAPE };

    (@read time $name:ident, $slot:expr, $key:literal, $extra:expr, $seen:ident, $map:ident) => {
        $crate::proto_json::read_time(&mut $slot, $key, &mut $extra, $map)?
    };
    (@read needed $name:ident, $slot:expr, $key:literal, $extra:expr, $seen:ident, $map:ident) => {
        $slot = $map.next_value::<$crate::proto_json::Read<_>>()?.0;
        // Empty text is equivalent to missing text.
        if !$crate::proto_json::Wire::is_default(&$slot) {
            *$seen |= const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) };
        }
    };
    (@read $kind:ident $name:ident, $slot:expr, $key:literal, $extra:expr, $seen:ident, $map:ident) => {
        $slot = $map.next_value::<$crate::proto_json::Read<_>>()?.0
    };

    (@finish needed $name:ident, $key:literal, $seen:ident) => {
        if $seen & const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) } == 0 {
            return Err(E::missing_field($key));
        }
    };
    (@finish $kind:ident $name:ident, $key:literal, $seen:ident) => {};

    (@unknown $group:expr, $extra:expr, open) => {
        $crate::proto_json::take_unknown(&mut $group, &mut $extra)
    };
    (@unknown $group:expr, $extra:expr) => {};

    (@write time $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::proto_json::write_time($slot, $key, &$extra, &mut $map)?
    };
    (@write path $slot:expr, $key:literal, $extra:expr, $map:ident) => {};
    (@write needed $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $map.serialize_entry($key, &$crate::proto_json::Write(&$slot))?
    };
    (@write field $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        if !$crate::proto_json::Wire::is_default(&$slot) {
            $map.serialize_entry($key, &$crate::proto_json::Write(&$slot))?;
        }
    };
}
pub(crate) use message;

/// Allows a message to be used as a field. Not for requests that cannot be empty.
macro_rules! message_field {
    ($name:ident) => {
        impl $crate::proto_json::Wire for $name {
            const SHAPE: $crate::proto_json::Shape =
                $crate::proto_json::Shape::Message(<Self as $crate::proto_json::sealed::Sealed>::descriptor);

            fn read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(deserializer)
            }

            fn write<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(self, serializer)
            }

            fn is_default(&self) -> bool {
                // A message that is set differs from none, even if it is empty.
                false
            }
        }
    };
}
pub(crate) use message_field;
