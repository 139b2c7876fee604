//! Uploads: files that are sent in parts.

use std::io::Read;

use assistants_types::openai::{CompleteUpload, CreateFile, CreateUpload, File, Upload, UploadPart, UploadStatus};
use md5::{Digest as _, Md5};
use serde::de::DeserializeOwned;

use super::{check_purpose, insert_file, new_file};
use crate::clock::now;
use crate::engine::{Engine, uploads};
use crate::http::Form;
use crate::http::idempotency::digest;
use crate::ids;
use crate::openai::{ApiError, ApiResponse, Call};
use crate::storage::blobs::Unfinished;
use crate::storage::object::{Loaded, insert, load};
use crate::storage::{Document, Kind, StorageError, Transaction};

/// The maximum sizes of a part and of an upload, in bytes, and the lifetime of an upload, in seconds, as documented by
/// the provider.
const MAX_PART: u64 = 64 * 1024 * 1024;
const MAX_UPLOAD: i64 = 8 * 1024 * 1024 * 1024;
const LIFETIME: i64 = 60 * 60;

pub(crate) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateUpload = call.body("CreateUpload")?;
    check_purpose(&params.purpose)?;
    if !(1..=MAX_UPLOAD).contains(&params.bytes) {
        let message = format!(
            "Invalid 'bytes': an upload has from 1 to {MAX_UPLOAD} bytes, not {}.",
            params.bytes
        );
        return Err(ApiError::invalid(message).param("bytes"));
    }
    call.object(|transaction| {
        let created_at = now();
        let expires_at = created_at + time::Duration::seconds(LIFETIME);
        let upload = Upload {
            id: ids::new("upload_"),
            created_at: Some(created_at),
            filename: params.filename.clone(),
            bytes: params.bytes,
            purpose: params.purpose.as_str().to_owned(),
            status: UploadStatus::Pending,
            expires_at: Some(expires_at),
            ..Upload::default()
        };
        insert(transaction, &upload, None, None)?;
        if let Some(mut stored) = load::<Upload>(transaction, &upload.id)? {
            // The expiration of the future file, which the upload itself does not show.
            let expiration = params.expires_after.as_ref();
            let text =
                |expiration| serde_json::to_string(expiration).expect("an object of the protocol has a JSON form");
            stored.document.notes = expiration.map(text);
            stored.save(transaction)?;
        }
        call.engine
            .expires(transaction, Kind::Upload, &upload.id, expires_at.unix_timestamp())?;
        Ok(upload)
    })
}

/// The form of a part.
pub(crate) const PART: Form = Form {
    file: "data",
    most: MAX_PART,
};

/// Checks that the upload accepts parts, before the bytes are read. For a repeated request, the upload may have ended
/// since.
pub(crate) fn before_part(call: &Call) -> Result<(), ApiError> {
    let idempotency = call.idempotency(String::new())?;
    call.read(|transaction| match idempotency.is_known(transaction)? {
        true => Ok(()),
        false => pending(transaction, call.id("upload_id")).map(|_| ()),
    })
}

pub(crate) fn add_part(call: &Call) -> Result<ApiResponse, ApiError> {
    let upload_id = call.id("upload_id");
    let received = call.form()?;
    let length = received.file.length();
    let part = UploadPart {
        id: ids::new("part_"),
        created_at: Some(now()),
        upload_id: upload_id.to_owned(),
        ..UploadPart::default()
    };
    let bytes = received.file.stage(&part.id)?;
    let mut stored = false;
    let response = call.object_once(received.digest, |transaction| {
        pending(transaction, upload_id)?;
        insert(transaction, &part, Some(upload_id), None)?;
        if let Some(mut inserted) = load::<UploadPart>(transaction, &part.id)? {
            inserted.document.notes = Some(length.to_string());
            inserted.save(transaction)?;
        }
        stored = true;
        Ok(part.clone())
    });
    bytes.settle(stored, response.is_ok());
    response
}

pub(crate) fn complete(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CompleteUpload = call.body("CompleteUpload")?;
    let request = digest(&call.body.bytes);
    let idempotency = call.idempotency(request.clone())?;
    if let Some(response) = call.read(|transaction| idempotency.stored_response(transaction))? {
        return Ok(ApiResponse::Json(response));
    }
    let upload_id = call.id("upload_id");
    let upload = call.transact(|transaction| {
        let upload = pending(transaction, upload_id)?;
        check_parts(transaction, &upload.object, &params.part_ids)?;
        Ok(upload)
    })?;
    // Outside of a transaction, because it may take long.
    let unfinished = concatenate(&call.engine, &params)?;
    let file = file_of(&upload, unfinished.length())?;
    let bytes = unfinished.stage(&file.id)?;
    let mut stored = false;
    let response = call.object_once(request, |transaction| {
        let mut upload = pending(transaction, upload_id)?;
        upload.object.status = UploadStatus::Completed;
        upload.object.file = Some(file.clone());
        upload.document.tag = Some(file.id.clone());
        upload.save(transaction)?;
        transaction.expire(Kind::Upload, upload_id, None)?;
        insert_file(&call.engine, transaction, &file)?;
        uploads::delete_parts(transaction, upload_id, now().unix_timestamp())?;
        stored = true;
        Ok(upload.object)
    });
    bytes.settle(stored, response.is_ok());
    call.engine.remove_bytes()?;
    response
}

pub(crate) fn cancel(call: &Call) -> Result<ApiResponse, ApiError> {
    let upload_id = call.id("upload_id");
    let response = call.object(|transaction| {
        let mut upload = pending(transaction, upload_id)?;
        let now = now().unix_timestamp();
        call.engine
            .end_upload(transaction, &mut upload, UploadStatus::Cancelled, now)?;
        Ok(upload.object)
    })?;
    call.engine.remove_bytes()?;
    Ok(response)
}

/// Returns the upload with this id if parts can still be added.
fn pending(transaction: &dyn Transaction, upload_id: &str) -> Result<Loaded<Upload>, ApiError> {
    let upload = load::<Upload>(transaction, upload_id)?.ok_or_else(|| ApiError::not_found(Kind::Upload, upload_id))?;
    if upload.object.status == UploadStatus::Pending {
        return Ok(upload);
    }
    let status = &upload.object.status;
    Err(ApiError::invalid(format!(
        "The upload {upload_id} cannot be changed: its status is '{status}'."
    )))
}

/// Checks that the parts belong to the upload, occur once each, and have the size of the upload together.
fn check_parts(transaction: &dyn Transaction, upload: &Upload, part_ids: &[String]) -> Result<(), ApiError> {
    let mut bytes = 0_i64;
    for (index, id) in part_ids.iter().enumerate() {
        let param = || format!("part_ids[{index}]");
        let part = load::<UploadPart>(transaction, id)?.filter(|part| part.object.upload_id == upload.id);
        let Some(part) = part else {
            return Err(ApiError::invalid(format!("The upload {} has no part '{id}'.", upload.id)).param(param()));
        };
        if part_ids[..index].contains(id) {
            return Err(ApiError::invalid(format!("The part '{id}' occurs twice.")).param(param()));
        }
        let length: Option<i64> = noted(&part.document)?;
        bytes = bytes.saturating_add(length.unwrap_or(0));
    }
    if bytes != upload.bytes {
        let message = format!(
            "The parts have {bytes} bytes in total, but the upload was created for {}.",
            upload.bytes
        );
        return Err(ApiError::invalid(message).param("part_ids"));
    }
    Ok(())
}

/// Concatenates the parts, and checks the MD5 digest.
fn concatenate(engine: &Engine, params: &CompleteUpload) -> Result<Unfinished, ApiError> {
    let mut whole = engine.files.create()?;
    let mut md5 = Md5::new();
    let mut buffer = vec![0; 256 * 1024];
    for id in &params.part_ids {
        let (mut part, _) = engine.files.read(id)?;
        loop {
            let count = part.read(&mut buffer).map_err(|error| StorageError {
                action: format!("reading the bytes of {id}"),
                source: Some(Box::new(error)),
            })?;
            if count == 0 {
                break;
            }
            md5.update(&buffer[..count]);
            whole.write(&buffer[..count])?;
        }
    }
    let found: String = md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    match &params.md5 {
        Some(wanted) if !wanted.eq_ignore_ascii_case(&found) => {
            let message = format!("The file has the MD5 digest {found}, not '{wanted}'.");
            Err(ApiError::invalid(message).param("md5"))
        }
        _ => Ok(whole),
    }
}

fn file_of(upload: &Loaded<Upload>, length: u64) -> Result<File, StorageError> {
    let mut params = CreateFile::new(upload.object.purpose.as_str());
    params.expires_after = noted(&upload.document)?;
    Ok(new_file(&upload.object.filename, length, &params))
}

/// Parses the notes of an upload or part.
fn noted<T: DeserializeOwned>(document: &Document) -> Result<Option<T>, StorageError> {
    let Some(notes) = &document.notes else { return Ok(None) };
    serde_json::from_str(notes).map(Some).map_err(|error| StorageError {
        action: format!("reading the notes of {}: the stored data is damaged", document.id),
        source: Some(Box::new(error)),
    })
}
