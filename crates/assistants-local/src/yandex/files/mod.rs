//! Files. Their contents are in the same store as those of the OpenAI protocol.

pub(crate) mod mime_type;

use assistants_types::openai::{File as OpenAiFile, FilePurpose, FileStatus};
use assistants_types::yandex::{
    CreateFile, DeleteFileResponse, File, GetFileUrlResponse, ListFilesResponse, UpdateFile,
};

use super::resource::{self, SUBJECT, noted, to_text, whole_seconds};
use super::{ApiError, ApiResponse, Call, page};
use crate::engine::files;
use crate::http::Member;
use crate::ids;
use crate::storage::object::{Loaded, insert_with_notes};
use crate::storage::{Document, Kind, StorageError, Transaction};

/// The path of downloads by URL.
pub(super) const DOWNLOAD: &str = "/files/v1/download/{token}";

/// How long such a URL is valid, in seconds.
const DOWNLOAD_SECONDS: i64 = 3600;

/// The file in the body of a creation: at most 128 MiB, as documented by the provider.
pub(super) const CONTENT: Member = Member {
    name: "content",
    most: 128 * 1024 * 1024,
};

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateFile = call.body()?;
    let content = call.content();
    let mut file = File {
        folder_id: params.folder_id,
        name: params.name,
        description: params.description,
        mime_type: params.mime_type,
        expiration_config: params.expiration_config,
        labels: params.labels,
        ..File::default()
    };
    if file.mime_type.is_empty() {
        file.mime_type = mime_type::of(content.read()?)?.to_owned();
    }
    resource::set_created(&mut file, ids::new("file-"))?;
    let notes = to_text(&file)?;
    let length = content.length();
    let bytes = content.stage(&file.id)?;
    let mut stored = false;
    let response = call.respond_once(|transaction| {
        let shared = project(&file, length);
        let purpose = shared.purpose.as_str();
        insert_with_notes(transaction, &shared, None, Some(purpose), Some(notes.clone()))?;
        transaction.put_in_folder(Kind::File, &file.id, &file.folder_id)?;
        resource::expire(&call.engine, transaction, &file)?;
        stored = true;
        Ok(file.clone())
    });
    // If an earlier request had the same key, this one has not stored its file.
    bytes.settle(stored, response.is_ok());
    response
}

pub(super) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    let page = call.read(|transaction| page::of_folder(call, transaction, Kind::File))?;
    call.respond(&ListFilesResponse {
        files: page.documents.into_iter().map(view).collect::<Result<_, _>>()?,
        next_page_token: page.next,
        ..ListFilesResponse::default()
    })
}

pub(super) fn get(call: &Call) -> Result<ApiResponse, ApiError> {
    let document = call.read(|transaction| find(transaction, call.id("fileId")))?;
    call.respond(&view(document)?)
}

pub(super) fn update(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: UpdateFile = call.body()?;
    call.respond_once(|transaction| {
        let mut document = find(transaction, call.id("fileId"))?;
        let file = resource::update(&view(document.clone())?, &params, &params.update_mask)?;
        document.notes = Some(to_text(&file)?);
        transaction.update(&document)?;
        resource::expire(&call.engine, transaction, &file)?;
        Ok(file)
    })
}

pub(super) fn delete(call: &Call) -> Result<ApiResponse, ApiError> {
    let id = call.id("fileId");
    call.transact(|transaction| match files::delete(transaction, id)? {
        true => Ok(()),
        false => Err(ApiError::not_found(Kind::File, id)),
    })?;
    call.engine.remove_bytes()?;
    call.respond(&DeleteFileResponse::default())
}

/// Creates a URL of this server by which anyone can fetch the file for an hour.
pub(super) fn get_url(call: &Call) -> Result<ApiResponse, ApiError> {
    let id = call.required("fileId")?;
    let token = ids::new("");
    let now = resource::now().unix_timestamp();
    call.transact(|transaction| {
        find(transaction, id)?;
        transaction.insert(&Document {
            kind: Kind::Download,
            id: token.clone(),
            parent: Some(id.to_owned()),
            tag: None,
            created_at: now,
            body: String::new(),
            notes: None,
        })?;
        Ok(call
            .engine
            .expires(transaction, Kind::Download, &token, now + DOWNLOAD_SECONDS)?)
    })?;
    call.respond(&GetFileUrlResponse {
        url: format!("{}{}", call.origin, DOWNLOAD.replace("{token}", &token)),
        ..GetFileUrlResponse::default()
    })
}

/// Returns the contents of a file. Needs no key: the URL is the secret.
pub(super) fn download(call: &Call) -> Result<ApiResponse, ApiError> {
    let token = call.id("token");
    let now = resource::now().unix_timestamp();
    let file = call.read(|transaction| {
        let download = transaction.get(Kind::Download, token)?;
        let download = download.filter(|download| now < download.created_at + DOWNLOAD_SECONDS);
        let file = download.and_then(|download| download.parent);
        let file = file.ok_or_else(|| ApiError::not_found(Kind::Download, token))?;
        Ok(view(find(transaction, &file)?)?)
    })?;
    let (bytes, length) = call.engine.files.read(&file.id)?;
    Ok(ApiResponse::File {
        file: bytes,
        length,
        mime_type: file.mime_type,
    })
}

pub(super) fn find(transaction: &dyn Transaction, id: &str) -> Result<Document, ApiError> {
    transaction
        .get(Kind::File, id)?
        .ok_or_else(|| ApiError::not_found(Kind::File, id))
}

/// Converts a file to the OpenAI protocol.
fn project(file: &File, length: u64) -> OpenAiFile {
    let name = if file.name.is_empty() { "upload" } else { &file.name };
    OpenAiFile {
        id: file.id.clone(),
        bytes: i64::try_from(length).unwrap_or(i64::MAX),
        created_at: whole_seconds(file.created_at),
        expires_at: whole_seconds(file.expires_at),
        filename: name.to_owned(),
        purpose: FilePurpose::Assistants,
        status: FileStatus::Processed,
        ..OpenAiFile::default()
    }
}

/// Returns the file of a document.
pub(super) fn view(document: Document) -> Result<File, StorageError> {
    if let Some(file) = noted(&document)? {
        return Ok(file);
    }
    let file = Loaded::<OpenAiFile>::parse(document)?.object;
    Ok(File {
        id: file.id,
        name: file.filename,
        created_by: SUBJECT.to_owned(),
        created_at: file.created_at,
        updated_by: SUBJECT.to_owned(),
        updated_at: file.created_at,
        expires_at: file.expires_at,
        ..File::default()
    })
}
