//! What assistants, threads, users, files and search indexes have in common: a folder, times and an expiry.

use assistants_types::yandex::{
    Assistant, ExpirationConfig, ExpirationPolicy, FieldMask, File, ProtoMessage, SearchIndex, Thread, User,
};
use time::{Duration, OffsetDateTime};

use super::error::{ApiError, Code};
use crate::engine::Engine;
use crate::storage::{Document, Kind, StorageError, Transaction};

/// The user who creates and changes everything: the server knows keys but no users.
pub(super) const SUBJECT: &str = "local";

/// The default lifetime of an object, in days.
const DEFAULT_DAYS: i64 = 7;

/// The maximum lifetime of an object, in days: a hundred years.
const MAX_DAYS: i64 = 36_525;

/// The members that all resources have.
pub(super) struct CommonFields<'a> {
    id: &'a mut String,
    created_by: &'a mut String,
    created_at: &'a mut Option<OffsetDateTime>,
    updated_by: &'a mut String,
    updated_at: &'a mut Option<OffsetDateTime>,
    expiration_config: &'a mut Option<ExpirationConfig>,
    expires_at: &'a mut Option<OffsetDateTime>,
}

/// A resource.
pub(super) trait Resource: ProtoMessage + Clone {
    /// The kind of its expiry.
    const EXPIRY: Kind;

    fn id(&self) -> &str;
    fn expires_at(&self) -> Option<OffsetDateTime>;
    fn head(&mut self) -> CommonFields<'_>;
}

macro_rules! resource {
    ($($type:ident)+) => {
        $(impl Resource for $type {
            const EXPIRY: Kind = Kind::$type;

            fn id(&self) -> &str {
                &self.id
            }

            fn expires_at(&self) -> Option<OffsetDateTime> {
                self.expires_at
            }

            fn head(&mut self) -> CommonFields<'_> {
                CommonFields {
                    id: &mut self.id,
                    created_by: &mut self.created_by,
                    created_at: &mut self.created_at,
                    updated_by: &mut self.updated_by,
                    updated_at: &mut self.updated_at,
                    expiration_config: &mut self.expiration_config,
                    expires_at: &mut self.expires_at,
                }
            }
        })+
    };
}

resource!(Assistant Thread User File SearchIndex);

/// Sets the members of a resource that is being created.
pub(super) fn set_created<R: Resource>(resource: &mut R, id: String) -> Result<(), ApiError> {
    let now = now();
    let head = resource.head();
    *head.id = id;
    *head.created_at = Some(now);
    *head.updated_at = Some(now);
    head.created_by.push_str(SUBJECT);
    head.updated_by.push_str(SUBJECT);
    let config = complete_expiration(head.expiration_config.take())?;
    *head.expires_at = Some(now + Duration::days(config.ttl_days));
    *head.expiration_config = Some(config);
    Ok(())
}

/// Returns the resource with the fields that the mask names taken from the update.
pub(super) fn update<R: Resource, U: ProtoMessage>(stored: &R, update: &U, mask: &FieldMask) -> Result<R, ApiError> {
    let mut stored = stored.clone();
    let before = stored.head().expiration_config.clone();
    let mut updated: R = mask
        .apply(&stored, update)
        .map_err(|error| ApiError::invalid(format!("The `updateMask` cannot be followed: {error}.")))?;
    let head = updated.head();
    *head.updated_at = Some(now());
    *head.updated_by = SUBJECT.to_owned();
    if before.is_none() && head.expiration_config.is_none() {
        // Created over the OpenAI protocol, where such objects do not expire. An update of other fields must not make
        // it expire.
        return Ok(updated);
    }
    let config = complete_expiration(head.expiration_config.take())?;
    if before.as_ref().map(|before| before.ttl_days) != Some(config.ttl_days) {
        *head.expires_at = head
            .created_at
            .map(|created_at| created_at + Duration::days(config.ttl_days));
    }
    *head.expiration_config = Some(config);
    Ok(updated)
}

/// Extends the expiry of a resource that was used. Returns `false` if it is not extended.
pub(super) fn touch<R: Resource>(resource: &mut R) -> bool {
    let head = resource.head();
    match head.expiration_config {
        Some(config) if config.expiration_policy == ExpirationPolicy::SinceLastActive => {
            *head.expires_at = Some(now() + Duration::days(config.ttl_days));
            true
        }
        _ => false,
    }
}

/// Records the expiry of a resource after it was created, changed or used.
pub(super) fn expire<R: Resource>(
    engine: &Engine,
    transaction: &dyn Transaction,
    resource: &R,
) -> Result<(), StorageError> {
    match resource.expires_at() {
        Some(at) => engine.expires(transaction, R::EXPIRY, resource.id(), at.unix_timestamp()),
        None => Ok(()),
    }
}

/// Checks an expiration config, and fills in the defaults.
fn complete_expiration(config: Option<ExpirationConfig>) -> Result<ExpirationConfig, ApiError> {
    let mut config = config.unwrap_or_default();
    if config.expiration_policy == ExpirationPolicy::Unspecified {
        config.expiration_policy = ExpirationPolicy::SinceLastActive;
    }
    match config.ttl_days {
        0 => config.ttl_days = DEFAULT_DAYS,
        1..=MAX_DAYS => {}
        days => {
            return Err(ApiError::invalid(format!(
                "`expirationConfig.ttlDays` must be from 1 to {MAX_DAYS}, not {days}."
            )));
        }
    }
    if let ExpirationPolicy::Unknown(policy) = &config.expiration_policy {
        return Err(ApiError::invalid(format!(
            "Unknown expiration policy '{}'.",
            policy.as_str()
        )));
    }
    Ok(config)
}

/// Parses the notes of an object; `None` for an object that was created over the OpenAI protocol.
pub(super) fn noted<T: ProtoMessage>(document: &Document) -> Result<Option<T>, StorageError> {
    let Some(notes) = &document.notes else { return Ok(None) };
    serde_json::from_str(notes).map(Some).map_err(|error| StorageError {
        action: format!("reading the notes of {}: the stored data is damaged", document.id),
        source: Some(Box::new(error)),
    })
}

/// Serializes a message for storage.
pub(super) fn to_text<T: ProtoMessage>(message: &T) -> Result<String, ApiError> {
    serde_json::to_string(message)
        .map_err(|error| ApiError::new(Code::Internal, format!("The object cannot be serialized: {error}.")))
}

/// Returns the current time, truncated to microseconds as the provider stores it.
pub(super) fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_microsecond(now.microsecond()).unwrap_or(now)
}

/// Truncates a time to whole seconds, as in the OpenAI protocol.
pub(super) fn whole_seconds(time: Option<OffsetDateTime>) -> Option<OffsetDateTime> {
    time.map(|time| time.replace_nanosecond(0).unwrap_or(time))
}
