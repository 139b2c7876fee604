//! Tagged unions: a constant member, such as `type`, identifies the variant.

use serde::de::MapAccess;
use serde_json::{Map, Value};

use crate::object::{Buffered, Object, Text, TextOr, bit};

/// Members before the tag. Servers send the tag first or second, so there are few or none.
pub(crate) type Before<'de> = Vec<(Text<'de>, Value)>;

/// Reads members up to the tag; the tag is `None` if the object has none.
pub(crate) fn read_tag<'de, A: MapAccess<'de>>(
    tag: &str,
    map: &mut A,
) -> Result<(Before<'de>, Option<TextOr<'de>>), A::Error> {
    let mut before = Before::new();
    while let Some(key) = map.next_key::<Text<'de>>()? {
        if key.as_str() == tag {
            return Ok((before, Some(map.next_value()?)));
        }
        before.push((key, map.next_value()?));
    }
    Ok((before, None))
}

/// Like [`read_member`], for an object that has the tag as a regular member.
pub(crate) fn read_kept<'de, T: Object, A: MapAccess<'de>>(
    tag: &str,
    value: TextOr<'de>,
    mut before: Before<'de>,
    map: &mut A,
) -> Result<T, A::Error> {
    before.push((Text(tag.to_owned().into()), value.into_value()));
    read_from(before, 0, map)
}

/// Reads the object that the tag identifies: the members before the tag, then the others, directly into its fields.
pub(crate) fn read_member<'de, T: Object, A: MapAccess<'de>>(
    tag: &str,
    before: Before<'de>,
    map: &mut A,
) -> Result<T, A::Error> {
    read_from(before, bit(T::KEYS, tag), map)
}

fn read_from<'de, T: Object, A: MapAccess<'de>>(
    before: Before<'de>,
    mut seen: u64,
    map: &mut A,
) -> Result<T, A::Error> {
    let mut object = T::empty();
    for (key, value) in before {
        object.read_member(key, &mut seen, &mut Buffered::<A::Error>::new(value))?;
    }
    while let Some(key) = map.next_key::<Text<'de>>()? {
        object.read_member(key, &mut seen, map)?;
    }
    object.finish::<A::Error>(seen)?;
    Ok(object)
}

/// Reads an object of an unknown type.
pub(crate) fn read_unknown<'de, A: MapAccess<'de>>(
    tag: &str,
    before: Before<'de>,
    value: Option<TextOr<'de>>,
    map: &mut A,
) -> Result<Value, A::Error> {
    let mut object: Map<String, Value> = before
        .into_iter()
        .map(|(key, value)| (key.into_string(), value))
        .collect();
    if let Some(value) = value {
        object.insert(tag.to_owned(), value.into_value());
    }
    while let Some(key) = map.next_key::<String>()? {
        object.insert(key, map.next_value()?);
    }
    Ok(Value::Object(object))
}

/// Implements serialization of a tagged union: variant, payload, tag value. `strings` are variants without a payload
/// that are plain strings. `kept` precedes several tag values of one variant, whose payload has the tag as a member.
macro_rules! tagged {
    (@read $tag_name:literal, $tag:ident, $before:ident, $map:ident) => {
        $crate::tagged::read_member($tag_name, $before, &mut $map)
    };
    (@read kept $tag_name:literal, $tag:ident, $before:ident, $map:ident) => {
        $crate::tagged::read_kept($tag_name, $tag.expect("a matched tag is present"), $before, &mut $map)
    };
    ($name:ident by $tag:literal $(strings($($unit:ident = $string:literal),+))? {
        $($arm:ident($payload:ty) = $($kept:ident)? $($value:literal)|+,)+
    }) => {
        impl Default for $name {
            /// The value of a response member that the server omitted.
            fn default() -> Self {
                Self::Unknown(serde_json::Value::Null)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $($(Self::$unit => serializer.serialize_str($string),)+)?
                    $(Self::$arm(payload) => payload.serialize(serializer),)+
                    Self::Unknown(raw) => raw.serialize(serializer),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct UnionVisitor;

                impl<'de> serde::de::Visitor<'de> for UnionVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("a JSON value for ", stringify!($name)))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let (before, tag) = $crate::tagged::read_tag($tag, &mut map)?;
                        if let Some($crate::object::TextOr::Text(text)) = &tag {
                            match text.as_str() {
                                $($($value)|+ => {
                                    return $crate::tagged::tagged!(@read $($kept)? $tag, tag, before, map)
                                        .map($name::$arm);
                                })+
                                _ => {}
                            }
                        }
                        $crate::tagged::read_unknown($tag, before, tag, &mut map).map($name::Unknown)
                    }

                    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                        match text {
                            $($($string => Ok($name::$unit),)+)?
                            _ => Ok($name::Unknown(text.into())),
                        }
                    }

                    fn visit_unit<E>(self) -> Result<Self::Value, E> {
                        Ok($name::Unknown(serde_json::Value::Null))
                    }

                    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                        Ok($name::Unknown(value.into()))
                    }

                    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                        Ok($name::Unknown(value.into()))
                    }

                    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                        Ok($name::Unknown(value.into()))
                    }

                    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                        Ok($name::Unknown(value.into()))
                    }

                    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                        let raw = serde::de::value::SeqAccessDeserializer::new(seq);
                        <serde_json::Value as serde::Deserialize>::deserialize(raw).map($name::Unknown)
                    }
                }

                deserializer.deserialize_any(UnionVisitor)
            }
        }

        $(impl From<$payload> for $name {
            fn from(payload: $payload) -> Self {
                Self::$arm(payload)
            }
        })+
    };
}
pub(crate) use tagged;
