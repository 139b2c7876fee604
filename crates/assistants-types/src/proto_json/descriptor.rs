//! Tables of the fields of messages.

pub(crate) mod sealed {
    /// The fields of a message. Only for this crate.
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

/// One field.
#[derive(Debug)]
pub(crate) struct FieldDescriptor {
    /// Name in lowerCamelCase.
    pub(crate) json: &'static str,
    /// Name in `snake_case`.
    pub(crate) proto: &'static str,
    pub(crate) shape: Shape,
}

/// What a field holds, as far as it matters for respelling it and for its default.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Text,
    Integer64,
    Integer32,
    Number,
    Flag,
    Enum(&'static str),
    Map,
    /// Free JSON, times and whatever else is null when it is not set.
    Opaque,
    /// Wrappers and messages: null when not set.
    Optional(&'static Shape),
    List(&'static Shape),
    Message(fn() -> &'static Descriptor),
}

impl Descriptor {
    /// The field of that name, in either spelling.
    pub(crate) fn field(&self, name: &str) -> Option<&'static FieldDescriptor> {
        let groups = self.one_ofs.iter().flat_map(|group| group.iter());
        self.fields
            .iter()
            .chain(groups)
            .find(|field| field.json == name || field.proto == name)
    }
}

/// The name of a field in `snake_case`, which is left out where it is the same in lowerCamelCase.
macro_rules! proto_name {
    ($json:literal) => {
        $json
    };
    ($json:literal, $proto:literal) => {
        $proto
    };
}
pub(crate) use proto_name;
