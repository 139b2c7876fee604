//! Identifiers, and the objects that can be given instead.

/// An identifier of a `T`: a string, or the object itself.
///
/// A method with a thread argument accepts `&str`, `&String` and `&Thread`, but not `&Assistant`.
pub trait IdOf<T: ?Sized>: sealed::Sealed {
    /// The identifier.
    fn as_id(&self) -> &str;

    /// The identifier as an owned string.
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

/// Implements [`IdOf`] for objects and references to them.
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
