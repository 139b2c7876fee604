//! Serialization of structs, from a table of their members.

/// Implements serialization of a struct. Each line has a field, its kind, and its name in JSON:
///
/// - `const`: a fixed value without a Rust field (`const("object" = "thread.run")`, before the braces, like
///   `always("usage")`: [`Complete::ALWAYS`](crate::Complete::ALWAYS));
/// - `required`: parsing fails if it is missing;
/// - `plain`: normally present; if missing, it has the default value and is not written back;
/// - `optional`: `Option`; null and missing are equivalent;
/// - `nullable`: [`Field`](crate::Field); null and missing differ;
/// - `time`: see the `time` functions of `member`;
/// - `loose`, `loose_optional`, `loose_nullable`: like the kinds above, for a type with alternative JSON forms
///   ([`Loose`](crate::loose::Loose)).
///
/// A member that was null and may be missing is written back as null, unless the field has been set.
macro_rules! object {
    ($name:ident $(const($($const_key:literal = $const_value:literal),+))? $(always($($always:literal),+))? {
        $($field:ident: $kind:ident $key:literal,)*
    }) => {
        impl $crate::object::Object for $name {
            const NAME: &'static str = stringify!($name);
            const KEYS: &'static [&'static str] = &[$($($const_key,)+)? $($key,)*];

            fn empty() -> Self {
                Self { $($field: Default::default(),)* extra: $crate::Extra::default() }
            }

            fn extra_mut(&mut self) -> &mut $crate::Extra {
                &mut self.extra
            }

            fn read_member<'de, A: serde::de::MapAccess<'de>>(
                &mut self, key: $crate::object::Text<'de>, seen: &mut u64, map: &mut A,
            ) -> Result<(), A::Error> {
                let (bit, presence) = match key.as_str() {
                    $($($const_key => (
                        const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $const_key) },
                        $crate::object::member::read_constant($const_value, $const_key, &mut self.extra, map)?,
                    ),)+)?
                    $($key => (
                        const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) },
                        $crate::object::object!(@read $kind self.$field, $key, self.extra, map),
                    ),)*
                    _ => {
                        let value = map.next_value()?;
                        self.extra.insert(key.into_string(), value);
                        (0, $crate::object::Presence::Elsewhere)
                    }
                };
                presence.note(bit, seen, &mut self.extra);
                Ok(())
            }

            fn finish<E: serde::de::Error>(&mut self, seen: u64) -> Result<(), E> {
                $($crate::object::object!(@finish $kind $name, $key, seen);)*
                self.extra.set_absent(!seen);
                Ok(())
            }
        }

        impl $crate::Complete for $name {
            const ALWAYS: &'static [&'static str] = &[$($($always),+)?];
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = serializer.serialize_map(None)?;
                $($($crate::object::member::write_constant(
                    $const_value,
                    $const_key,
                    const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $const_key) },
                    &self.extra,
                    &mut map,
                )?;)+)?
                $($crate::object::object!(@write $kind $name, self.$field, $key, self.extra, map);)*
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
    };

    (@read required $slot:expr, $key:literal, $extra:expr, $map:ident) => {{
        $slot = $map.next_value()?;
        $crate::object::Presence::Value
    }};
    (@read plain $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::read_plain(&mut $slot, $map)?
    };
    (@read optional $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::read_optional(&mut $slot, $map)?
    };
    (@read nullable $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::read_field(&mut $slot, $map)?
    };
    (@read time $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::read_time(&mut $slot, $key, &mut $extra, $map)?
    };
    (@read loose $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::read_loose(&mut $slot, $key, &mut $extra, $map)?
    };
    (@read loose_optional $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::read_loose_optional(&mut $slot, $key, &mut $extra, $map)?
    };
    (@read loose_nullable $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::read_loose_field(&mut $slot, $key, &mut $extra, $map)?
    };

    (@finish required $name:ident, $key:literal, $seen:ident) => {
        if $seen & const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) } == 0 {
            return Err(E::missing_field($key));
        }
    };
    (@finish $kind:ident $name:ident, $key:literal, $seen:ident) => {};

    (@write required $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $map.serialize_entry($key, &$slot)?
    };
    (@write plain $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_plain(
            &$slot,
            $key,
            const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) },
            &$extra,
            &mut $map,
        )?
    };
    (@write optional $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_optional(
            $slot.as_ref(),
            $key,
            const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) },
            &$extra,
            &mut $map,
        )?
    };
    (@write nullable $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_field(
            &$slot,
            $key,
            &mut $map,
        )?
    };
    (@write time $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_time(
            $slot,
            $key,
            const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) },
            &$extra,
            &mut $map,
        )?
    };
    (@write loose $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_loose(
            &$slot,
            $key,
            const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) },
            &$extra,
            &mut $map,
        )?
    };
    (@write loose_optional $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_loose_optional(
            $slot.as_ref(),
            $key,
            const { $crate::object::bit(<$name as $crate::object::Object>::KEYS, $key) },
            &$extra,
            &mut $map,
        )?
    };
    (@write loose_nullable $name:ident, $slot:expr, $key:literal, $extra:expr, $map:ident) => {
        $crate::object::member::write_loose_field(
            &$slot,
            $key,
            &$extra,
            &mut $map,
        )?
    };
}
pub(crate) use object;
