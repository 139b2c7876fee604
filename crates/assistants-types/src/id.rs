//! Ids, or the objects they belong to.

/// Something that names a `T`: its id as text, or the object itself.
///
/// A method that needs a thread takes `&str`, `&String` or `&Thread`, but never an `&Assistant`.
pub trait IdOf<T: ?Sized>: sealed::Sealed {
    /// The id.
    fn as_id(&self) -> &str;

    /// The id as a string of its own.
    fn into_id(self) -> String
    where
        Self: Sized,
    {
        self.as_id().to_owned()
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for &str {}
impl<T: ?Sized> IdOf<T> for &str {
    fn as_id(&self) -> &str {
        self
    }
}

impl sealed::Sealed for String {}
impl<T: ?Sized> IdOf<T> for String {
    fn as_id(&self) -> &str {
        self
    }
}

impl sealed::Sealed for &String {}
impl<T: ?Sized> IdOf<T> for &String {
    fn as_id(&self) -> &str {
        self
    }
}

/// Lets objects stand for the ids of a type.
macro_rules! id_of {
    ($($object:ident for $target:ident),+ $(,)?) => {$(
        impl $crate::id::sealed::Sealed for &$object {}
        impl $crate::id::IdOf<$target> for &$object {
            fn as_id(&self) -> &str {
                &self.id
            }
        }

        impl $crate::id::sealed::Sealed for &mut $object {}
        impl $crate::id::IdOf<$target> for &mut $object {
            fn as_id(&self) -> &str {
                &self.id
            }
        }
    )+};
}
pub(crate) use id_of;
