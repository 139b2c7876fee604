//! Files.

pub(crate) mod uploads;

use assistants_types::openai::{CreateFile, File, FileDeleted, FilePurpose, FileStatus};
use serde_json::Value;

use super::page::{Limits, page_of};
use super::{ApiError, ApiResponse, Call};
use crate::clock::now;
use crate::engine::{Engine, files};
use crate::http::Form;
use crate::ids;
use crate::openai::request_schema::Violation;
use crate::storage::object::insert;
use crate::storage::{Kind, StorageError, Transaction};

/// The maximum size of a file, in bytes: 512 MiB, as documented by the provider.
const MAX_FILE: u64 = 512 * 1024 * 1024;

/// The number of files in a page. The provider's default equals its maximum.
const LIMITS: Limits = Limits {
    default: 10_000,
    most: 10_000,
};

/// The purposes for which a file can be uploaded.
const PURPOSES: &[FilePurpose] = &[
    FilePurpose::Assistants,
    FilePurpose::Batch,
    FilePurpose::FineTune,
    FilePurpose::Vision,
    FilePurpose::UserData,
    FilePurpose::Evals,
];

/// The form of an upload.
pub(super) const FORM: Form = Form {
    file: "file",
    most: MAX_FILE,
};

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let received = call.form()?;
    let params = params(call, received.fields)?;
    check_purpose(&params.purpose)?;
    let filename = received.file_name.filter(|name| !name.is_empty());
    let file = new_file(filename.as_deref().unwrap_or("upload"), received.file.length(), &params);
    let bytes = received.file.stage(&file.id)?;
    let mut stored = false;
    let response = call.object_once(received.digest, |transaction| {
        insert_file(&call.engine, transaction, &file)?;
        stored = true;
        Ok(file.clone())
    });
    // If an earlier request had the same key, this one has not stored its file.
    bytes.settle(stored, response.is_ok());
    response
}

/// Parses the text fields of a form, checked like a body.
fn params(call: &Call, mut fields: Value) -> Result<CreateFile, ApiError> {
    // The schema requires the file, which was read separately.
    if let Value::Object(members) = &mut fields {
        members.insert("file".to_owned(), Value::String(String::new()));
    }
    call.checked("CreateFile", fields)
}

pub(super) fn check_purpose(purpose: &FilePurpose) -> Result<(), ApiError> {
    if PURPOSES.contains(purpose) {
        return Ok(());
    }
    let known = PURPOSES.iter().map(FilePurpose::as_str);
    Err(Violation::invalid_value("purpose", purpose.as_str(), known).into())
}

pub(super) fn new_file(filename: &str, length: u64, params: &CreateFile) -> File {
    let created_at = now();
    let expires_at = params.expires_after.as_ref();
    File {
        id: ids::new("file-"),
        bytes: i64::try_from(length).unwrap_or(i64::MAX),
        created_at: Some(created_at),
        expires_at: expires_at.map(|expiration| created_at + time::Duration::seconds(expiration.seconds)),
        filename: filename.to_owned(),
        purpose: params.purpose.clone(),
        status: FileStatus::Processed,
        ..File::default()
    }
}

pub(super) fn insert_file(engine: &Engine, transaction: &dyn Transaction, file: &File) -> Result<(), StorageError> {
    insert(transaction, file, None, Some(file.purpose.as_str()))?;
    if let Some(expires_at) = file.expires_at {
        engine.expires(transaction, Kind::File, &file.id, expires_at.unix_timestamp())?;
    }
    Ok(())
}

/// Lists the files, or with `purpose` those with that purpose.
pub(super) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    page_of(call, LIMITS, Kind::File, None, call.query("purpose"), |_| Ok(()))
}

pub(super) fn retrieve(call: &Call) -> Result<ApiResponse, ApiError> {
    call.stored(Kind::File, call.id("file_id"), None)
}

pub(super) fn delete(call: &Call) -> Result<ApiResponse, ApiError> {
    let id = call.id("file_id");
    call.transact(|transaction| match files::delete(transaction, id)? {
        true => Ok(()),
        false => Err(ApiError::not_found(Kind::File, id)),
    })?;
    call.engine.remove_bytes()?;
    let deleted = FileDeleted {
        id: id.to_owned(),
        deleted: true,
        ..FileDeleted::default()
    };
    Ok(ApiResponse::json(&deleted))
}

/// Returns the contents of a file, whatever its purpose.
pub(super) fn content(call: &Call) -> Result<ApiResponse, ApiError> {
    let id = call.id("file_id");
    call.read(|transaction| match transaction.get(Kind::File, id)? {
        Some(_) => Ok(()),
        None => Err(ApiError::not_found(Kind::File, id)),
    })?;
    let (file, length) = call.engine.files.read(id)?;
    Ok(ApiResponse::File { file, length })
}
