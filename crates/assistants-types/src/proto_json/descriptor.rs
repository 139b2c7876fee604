//! Tables of message fields.

pub(crate) mod sealed {
    /// The fields of a message. Not for use outside this crate.
    pub trait Sealed {
        #[doc(hidden)]
        fn descriptor() -> &'static super::Descriptor;
    }
}

/// The fields of a message.
#[derive(Debug)]
#[doc(hidden)]
pub struct Descriptor {
    pub(crate) fields: &'static [FieldDescriptor],
    pub(crate) one_ofs: &'static [&'static [FieldDescriptor]],
}

/// A field.
#[derive(Debug)]
pub(crate) struct FieldDescriptor {
    /// Name in lowerCamelCase.
    pub(crate) json: &'static str,
    /// Name in `snake_case`.
    pub(crate) proto: &'static str,
    pub(crate) shape: Shape,
}

/// The shape of a field, as far as it is relevant for conversion between spellings and for default values.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Text,
    Integer64,
    Integer32,
    Number,
    Flag,
    Enum(&'static str),
    Map,
    /// Free-form JSON, times and other values that are null if not set.
    Opaque,
    /// Wrappers and messages; null if not set.
    Optional(&'static Shape),
    List(&'static Shape),
    Message(fn() -> &'static Descriptor),
}

impl Descriptor {
    /// Finds a field by its name in either spelling.
    pub(crate) fn field(&self, name: &str) -> Option<&'static FieldDescriptor> {
        let groups = self.one_ofs.iter().flat_map(|group| group.iter());
        self.fields
            .iter()
            .chain(groups)
            .find(|field| field.json == name || field.proto == name)
    }
}

/// The `snake_case` name of a field, which may be omitted if it is the same as the lowerCamelCase name.
macro_rules! proto_name {
    ($json:literal) => {
        $json
    };
    ($json:literal, $proto:literal) => {
        $proto
    };
}
pub(crate) use proto_name;
