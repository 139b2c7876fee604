//! A request field that may be left out, sent as `null`, or set.

/// A field of a request that tells *keep*, *clear* and *set* apart.
///
/// In an update, [`Keep`](Self::Keep) leaves the stored value as it is, [`Clear`](Self::Clear) sends `null` and empties
/// it, [`Set`](Self::Set) replaces it. In a create, the first two both mean the server's default.
///
/// ```
/// use assistants_types::{Field, openai::UpdateAssistant};
///
/// let update = UpdateAssistant::default().name("Ada").clear_description();
/// assert_eq!(serde_json::to_string(&update)?, r#"{"name":"Ada","description":null}"#);
/// assert_eq!(update.instructions, Field::Keep);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Field<T> {
    /// Not sent.
    #[default]
    Keep,
    /// Sent as `null`.
    Clear,
    /// Sent with this value.
    Set(T),
}

impl<T> Field<T> {
    /// The value that was set, if one was.
    #[must_use]
    pub fn as_ref(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// The value that was set, if one was.
    #[must_use]
    pub fn into_value(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// Whether the field is left out of the request.
    #[must_use]
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The value that was set; sets the default one first if there is none.
    pub fn get_or_set_default(&mut self) -> &mut T
    where
        T: Default,
    {
        if !matches!(self, Self::Set(_)) {
            *self = Self::Set(T::default());
        }
        match self {
            Self::Set(value) => value,
            Self::Keep | Self::Clear => unreachable!("the value was set on the line above"),
        }
    }

    /// Changes `stored` the way an update with this field would.
    pub fn apply_to(self, stored: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *stored = None,
            Self::Set(value) => *stored = Some(value),
        }
    }
}

impl<T> From<T> for Field<T> {
    fn from(value: T) -> Self {
        Self::Set(value)
    }
}
