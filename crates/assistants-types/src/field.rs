//! A request field that can be omitted, sent as `null`, or set.

/// A field of a request, distinguishing *keep*, *clear* and *set*.
///
/// In an update, [`Keep`](Self::Keep) leaves the stored value unchanged, [`Clear`](Self::Clear) sends `null`, which
/// removes it, and [`Set`](Self::Set) replaces it. When creating an object, `Keep` and `Clear` both mean the server's
/// default.
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
    /// The value, if set.
    #[must_use]
    pub fn as_ref(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// The value, if set.
    #[must_use]
    pub fn into_value(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// Whether the field is omitted from the request.
    #[must_use]
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The value, set to its default first if there is none.
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

    /// Changes `stored` as an update with this field does.
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
