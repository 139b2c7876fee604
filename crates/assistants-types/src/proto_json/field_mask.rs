//! Field masks, which list the fields that an update changes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Descriptor, ProtoMessage, Shape, Wire};
use crate::object::Text;

/// The paths of the fields that an update changes, such as `name` and `completionOptions.temperature`.
///
/// In JSON, it is a single string with comma-separated paths.
///
/// ```
/// use assistants_types::yandex::{FieldMask, UpdateAssistant};
///
/// let update = UpdateAssistant::new("as_1").temperature(0.0).clear_description();
/// assert_eq!(update.update_mask.to_string(), "completionOptions.temperature,description");
/// assert_eq!(update.update_mask, FieldMask::from("completionOptions.temperature,description"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldMask {
    paths: Vec<String>,
}

/// Why an update could not be applied.
#[derive(Debug)]
#[non_exhaustive]
pub enum MaskError {
    /// The mask contains a field that the update does not have.
    UnknownPath(String),
    /// The updated value is not valid.
    Json(serde_json::Error),
}

impl FieldMask {
    /// The paths, as given.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// Whether the mask is empty, which means all fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Adds a path, unless the mask already contains it or a field around it. Paths within it are removed.
    pub fn add(&mut self, path: impl Into<String>) {
        let path = path.into();
        if !self.covers(&path) {
            self.paths.retain(|other| !is_within(other, &path));
            self.paths.push(path);
        }
    }

    /// Whether the mask contains the path or a field around it, in either spelling.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        self.paths.iter().any(|named| is_within(path, named))
    }

    /// Returns `stored`, with the fields of the mask replaced by those of `update`; fields that are not set in `update`
    /// are cleared. An empty mask means all fields of the update.
    ///
    /// # Errors
    ///
    /// [`MaskError::UnknownPath`] if the mask contains a path that is not a field of the update.
    pub fn apply<T: ProtoMessage, U: ProtoMessage>(&self, stored: &T, update: &U) -> Result<T, MaskError> {
        let mut target = serde_json::to_value(stored).map_err(MaskError::Json)?;
        let given = serde_json::to_value(update).map_err(MaskError::Json)?;
        let every: Vec<&str>;
        let paths = if self.is_empty() {
            let known = |field: &&str| T::descriptor().field(field).is_some();
            every = U::descriptor()
                .fields
                .iter()
                .map(|field| field.json)
                .filter(known)
                .collect();
            every
        } else {
            self.paths().collect()
        };
        for path in paths {
            if !assign(U::descriptor(), T::descriptor(), &mut target, Some(&given), path) {
                return Err(MaskError::UnknownPath(path.to_owned()));
            }
        }
        serde_json::from_value(target).map_err(MaskError::Json)
    }
}

/// Copies the value at `path`; `false` if `updatable` or `descriptor` has no such field.
fn assign(
    updatable: &Descriptor,
    descriptor: &Descriptor,
    target: &mut Value,
    given: Option<&Value>,
    path: &str,
) -> bool {
    let (name, rest) = path
        .split_once('.')
        .map_or((path, None), |(name, rest)| (name, Some(rest)));
    let (Some(_), Some(field)) = (updatable.field(name), descriptor.field(name)) else {
        return false;
    };
    let given = given.and_then(|given| given.get(field.json));
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else {
        return false;
    };
    if let Some(rest) = rest {
        let Some(inner) = message(&field.shape) else {
            return false;
        };
        let slot = members.entry(field.json).or_insert_with(|| Value::Object(Map::new()));
        return assign(inner, inner, slot, given, rest);
    }
    match given {
        None => {
            members.remove(field.json);
        }
        Some(value) => {
            // Setting a member of a oneof clears the others.
            for group in descriptor.one_ofs {
                if group.iter().any(|member| member.json == field.json) {
                    group.iter().for_each(|member| {
                        members.remove(member.json);
                    });
                }
            }
            members.insert(field.json.to_owned(), value.clone());
        }
    }
    true
}

fn message(shape: &Shape) -> Option<&'static Descriptor> {
    match shape {
        Shape::Message(descriptor) => Some(descriptor()),
        Shape::Optional(shape) => message(shape),
        _ => None,
    }
}

/// Whether `path` is `field` or within it.
fn is_within(path: &str, field: &str) -> bool {
    let mut path = path.split('.');
    field
        .split('.')
        .all(|name| path.next().is_some_and(|other| letters(name).eq(letters(other))))
}

/// The letters of a name, which are the same for `ttl_days` and `ttlDays`.
fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase())
}

impl From<&str> for FieldMask {
    fn from(text: &str) -> Self {
        let paths = text
            .split(',')
            .map(str::trim)
            .filter(|path| !path.is_empty())
            .map(str::to_owned);
        Self { paths: paths.collect() }
    }
}

impl fmt::Display for FieldMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.paths.join(","))
    }
}

impl Serialize for FieldMask {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FieldMask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(Text::deserialize(deserializer)?.as_str()))
    }
}

impl Wire for FieldMask {
    // With default values written, an unset message is null.
    const SHAPE: Shape = Shape::Opaque;

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }

    fn is_default(&self) -> bool {
        self.is_empty()
    }
}

impl fmt::Display for MaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPath(path) => write!(f, "the mask contains `{path}`, which is not a field of the update"),
            Self::Json(_) => f.write_str("the update holds no valid value"),
        }
    }
}

impl std::error::Error for MaskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::UnknownPath(_) => None,
            Self::Json(error) => Some(error),
        }
    }
}
