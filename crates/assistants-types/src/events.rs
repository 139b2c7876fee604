//! Stream events: a name and a payload, as server-sent events or as a single JSON object.

/// Implements the name table of an enum of stream events, and the serialization of its variants.
macro_rules! stream_events {
    ($name:ident {
        $($arm:ident $(($payload:ty))? = $wire:literal $(with $text:literal)? $(beside($($field:ident = $key:literal),+))?,)+
    }) => {
        impl $name {
            /// The names of all known events, in the order of the specification.
            pub const NAMES: &'static [&'static str] = &[$($wire),+];

            /// Parses a server-sent event from its name and data. An unknown name gives `Unknown`.
            ///
            /// # Errors
            ///
            /// If the data of a known event is not the JSON of its payload.
            pub fn parse(event: &str, data: &str) -> serde_json::Result<Self> {
                match event {
                    $($wire => $crate::events::stream_events!(@parse $arm $(($payload))? data),)+
                    _ => {
                        let data = serde_json::from_str(data).unwrap_or_else(|_| data.into());
                        Ok(Self::Unknown { event: event.to_owned(), data })
                    }
                }
            }

            /// Deserializes the payload of an event from any serde format. Most callers use [`parse`](Self::parse).
            ///
            /// # Errors
            ///
            /// If the data of a known event does not match its payload.
            pub fn deserialize_data<'de, D: serde::Deserializer<'de>>(event: &str, data: D) -> Result<Self, D::Error> {
                use serde::Deserialize as _;
                match event {
                    $($wire => $crate::events::stream_events!(@deserialize $arm $(($payload))? data),)+
                    _ => {
                        let data = serde_json::Value::deserialize(data)?;
                        Ok(Self::Unknown { event: event.to_owned(), data })
                    }
                }
            }

            /// The name of the event, as sent.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $($crate::events::stream_events!(@pattern $arm $(($payload))?) => $wire,)+
                    Self::Unknown { event, .. } => event,
                }
            }

            /// The data of the event, as sent: JSON, except for the end of the stream.
            ///
            /// # Errors
            ///
            /// None in practice: every payload serializes to JSON.
            pub fn data(&self) -> serde_json::Result<String> {
                match self {
                    $($crate::events::stream_events!(@bind payload $arm $(($payload))?) =>
                        $crate::events::stream_events!(@data payload $(($payload))? $($text)?),)+
                    Self::Unknown { data: serde_json::Value::String(text), .. } => Ok(text.clone()),
                    Self::Unknown { data, .. } => serde_json::to_string(data),
                }
            }

            /// Like [`data`](Self::data), but complete with the `null` members that servers write.
            ///
            /// # Errors
            ///
            /// None in practice: every payload serializes to JSON.
            pub fn complete_data(&self) -> serde_json::Result<String> {
                match self {
                    $($crate::events::stream_events!(@bind payload $arm $(($payload))?) =>
                        $crate::events::stream_events!(@complete payload $(($payload))? $($text)?),)+
                    Self::Unknown { .. } => self.data(),
                }
            }
        }

        impl serde::Serialize for $name {
            /// As a single object: `{"event": …, "data": …}`.
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("event", self.name())?;
                match self {
                    $($crate::events::stream_events!(@bind payload $arm $(($payload))?) => {
                        $crate::events::stream_events!(@write map payload $(($payload))? $($text)?)?;
                        $($(if let Some(value) = &payload.$field {
                            map.serialize_entry($key, value)?;
                        })+)?
                    })+
                    Self::Unknown { data, .. } => map.serialize_entry("data", data)?,
                }
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error as _;
                let mut envelope = serde_json::Value::deserialize(deserializer)?;
                let data = envelope.get_mut("data").map(serde_json::Value::take).unwrap_or_default();
                let event = envelope.get("event").and_then(serde_json::Value::as_str);
                match event.ok_or_else(|| D::Error::missing_field("event"))? {
                    $($wire => {
                        $crate::events::stream_events!(@take payload $(($payload))? data);
                        $($(if let Some(value) = envelope.get($key) {
                            payload.$field = serde_json::from_value(value.clone()).map_err(D::Error::custom)?;
                        })+)?
                        Ok($crate::events::stream_events!(@make payload $arm $(($payload))?))
                    })+
                    event => Ok(Self::Unknown { event: event.to_owned(), data }),
                }
            }
        }
    };

    (@parse $arm:ident ($payload:ty) $data:ident) => {
        serde_json::from_str::<$payload>($data).map(Self::$arm)
    };
    (@parse $arm:ident $data:ident) => { Ok(Self::$arm) };
    (@deserialize $arm:ident ($payload:ty) $data:ident) => { <$payload>::deserialize($data).map(Self::$arm) };
    (@deserialize $arm:ident $data:ident) => { serde::de::IgnoredAny::deserialize($data).map(|_| Self::$arm) };
    (@pattern $arm:ident ($payload:ty)) => { Self::$arm(_) };
    (@pattern $arm:ident) => { Self::$arm };
    (@bind $bound:ident $arm:ident ($payload:ty)) => { Self::$arm($bound) };
    (@bind $bound:ident $arm:ident) => { Self::$arm };
    (@data $bound:ident ($payload:ty)) => { serde_json::to_string($bound) };
    (@data $bound:ident $text:literal) => { Ok($text.to_owned()) };
    (@complete $bound:ident ($payload:ty)) => {{
        use $crate::Complete as _;
        $bound.to_complete_json()
    }};
    (@complete $bound:ident $text:literal) => { Ok($text.to_owned()) };
    (@write $map:ident $bound:ident ($payload:ty)) => { $map.serialize_entry("data", $bound) };
    (@write $map:ident $bound:ident $text:literal) => { $map.serialize_entry("data", $text) };
    (@take $bound:ident ($payload:ty) $data:ident) => {
        #[allow(unused_mut, reason = "only a payload with members beside its data changes")]
        let mut $bound: $payload = serde_json::from_value($data).map_err(D::Error::custom)?;
    };
    (@take $bound:ident $data:ident) => {};
    (@make $bound:ident $arm:ident ($payload:ty)) => { Self::$arm($bound) };
    (@make $bound:ident $arm:ident) => { Self::$arm };
}
pub(crate) use stream_events;

/// Implements the payload of an event that has other members in addition to `data`. It serializes like its data.
macro_rules! companion {
    ($name:ident($data:ty)) => {
        impl std::ops::Deref for $name {
            type Target = $data;

            fn deref(&self) -> &Self::Target {
                &self.data
            }
        }

        impl From<$data> for $name {
            fn from(data: $data) -> Self {
                Self {
                    data,
                    ..Self::default()
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.data.serialize(serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <$data>::deserialize(deserializer).map(Self::from)
            }
        }
    };
}
pub(crate) use companion;
