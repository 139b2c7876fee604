//! Reads JSON bodies that contain a file in a base64 string. The file is written to disk as it arrives, and only the
//! rest of the body is held in memory.

use axum::body::Body;

use super::base64::{Base64, NotBase64};
use super::body::PartialBody;
use super::form::{append, blocking};
use super::json_member::JsonMember;
use super::{BodyReader, BufferedBody, Frontend, MAX_BODY, Rejection};
use crate::storage::StorageError;
use crate::storage::blobs::{FileStore, Unfinished};

/// How much of a file is buffered before it is written, in bytes.
const PIECE: usize = 64 * 1024;

/// Replaces the string of a file that is not empty. It is base64 as well, so that the type of the whole body can parse
/// the rest.
const SUBSTITUTE: &str = "AA==";

/// The member of a body that contains the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    /// The name of the member.
    pub(crate) name: &'static str,
    /// The maximum size of the file, in bytes.
    pub(crate) most: u64,
}

/// A body that was read, and its file.
#[derive(Debug)]
pub(crate) struct Upload {
    /// The body, with a short string in place of the file.
    pub(crate) body: BufferedBody,
    pub(crate) file: Unfinished,
}

/// Why an upload was rejected.
#[derive(Debug)]
pub(crate) enum UploadError {
    Rejected(Rejection),
    Storage(StorageError),
    /// The string is not base64.
    NotBase64,
    /// The body has the member more than once.
    Twice,
    /// The file is larger than this many bytes.
    TooLarge(u64),
}

impl From<Rejection> for UploadError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<StorageError> for UploadError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<NotBase64> for UploadError {
    fn from(_: NotBase64) -> Self {
        Self::NotBase64
    }
}

impl Frontend {
    /// Reads a JSON body and writes its file to `store`.
    pub(crate) async fn read_upload(
        &self,
        body: Body,
        member: Member,
        store: &FileStore,
    ) -> Result<Upload, UploadError> {
        let mut reader = BodyReader::new(body, self.limits.body_timeout);
        let upload = self.receive(&mut reader, member, store).await;
        if let Err(error) = &upload {
            let is_clients_fault = match error {
                UploadError::Rejected(rejection) => rejection.status().is_client_error(),
                UploadError::Storage(_) => false,
                UploadError::NotBase64 | UploadError::Twice | UploadError::TooLarge(_) => true,
            };
            if is_clients_fault {
                reader.drain().await;
            }
        }
        upload
    }

    async fn receive(&self, reader: &mut BodyReader, member: Member, store: &FileStore) -> Result<Upload, UploadError> {
        let store = store.clone();
        let mut file = blocking(move || store.create()).await?;
        let (mut json, mut base64) = (JsonMember::new(member.name, SUBSTITUTE), Base64::default());
        let (mut gathered, mut text, mut rest, mut bytes) =
            (PartialBody::default(), Vec::new(), Vec::new(), Vec::new());
        while let Some(piece) = reader.next().await? {
            text.clear();
            rest.clear();
            json.split(&piece, &mut text, &mut rest);
            if json.strings() > 1 {
                return Err(UploadError::Twice);
            }
            self.add(&mut gathered, &rest, MAX_BODY).await?;
            base64.decode(&text, &mut bytes)?;
            if file.length() + bytes.len() as u64 > member.most {
                return Err(UploadError::TooLarge(member.most));
            }
            if bytes.len() >= PIECE {
                file = append(file, std::mem::take(&mut bytes)).await?;
            }
        }
        base64.finish()?;
        Ok(Upload {
            body: self.finish(gathered).await?,
            file: append(file, bytes).await?,
        })
    }
}
