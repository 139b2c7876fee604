//! Files.

use std::sync::Arc;

use assistants_types::yandex::operations as op;

use super::{
    Bytes, Client, CreateFile, DeleteFileResponse, DownloadCall, ExpirationConfig, File, GetFileUrlResponse, IdOf,
    ListFilesResponse, UpdateFile,
};
use crate::call::download::Located;
use crate::call::options::{Options, option_setters};
use crate::call::request::Request;
use crate::call::url::BaseUrl;
use crate::error::{Error, Result};
use crate::http::progress::Progress;
use crate::{Call, ListCall, RawResponse};

/// The files of the folder. From [`Client::files`].
#[derive(Clone, Debug)]
pub struct Files {
    pub(super) client: Client,
}

impl Files {
    /// Creates a file; its content is sent as base64 in the JSON of the request. `POST /files/v1/files`.
    ///
    /// The default folder is that of the client.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// use assistants_blocking::yandex::CreateFile;
    ///
    /// let params = CreateFile::new(client.folder_id(), "The office opens at nine.").name("office.txt");
    /// let file = client.files().create(params.mime_type("text/plain")).send()?;
    /// assert_eq!(file.name, "office.txt");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, mut params: CreateFile) -> Call<File> {
        self.client.or_folder(&mut params.folder_id);
        self.client.call_with(op::CREATE_FILE, &[], &params)
    }

    /// Uploads a file of at most 128 MB. [`create`](Self::create) has parameters for a description and labels too.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// let file = client.files().upload("The office opens at nine.").send()?; // or bytes
    /// assert_eq!(client.files().download(&file).send()?, b"The office opens at nine.");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn upload(&self, content: impl Into<Bytes>) -> UploadCall {
        UploadCall {
            files: self.clone(),
            params: CreateFile::new(self.client.folder_id(), content),
            progress: None,
            options: self.client.options.clone(),
        }
    }

    /// Reads one file, without its content. `GET /files/v1/files/{fileId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let file = client.files().upload("The office opens at nine.").send()?;
    /// let file = client.files().get(&file).send()?;
    /// println!("{} {}", file.name, file.mime_type);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "retrieve")]
    pub fn get(&self, file: impl IdOf<File>) -> Call<File> {
        self.client.call(op::GET_FILE, &[file.as_id()])
    }

    /// The URL of the content of a file, valid for an hour and for anybody who has it.
    /// `GET /files/v1/files:getUrl`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let file = client.files().upload("The office opens at nine.").send()?;
    /// println!("{}", client.files().get_url(&file).send()?.url);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_url(&self, file: impl IdOf<File>) -> Call<GetFileUrlResponse> {
        let mut call = self.client.query(op::GET_FILE_URL, &[], &[("fileId", file.as_id())]);
        call.request = call.request.confidential();
        call
    }

    /// Downloads the content of a file: requests its URL, and then that URL without credentials.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let file = client.files().upload("The office opens at nine.").send()?;
    /// let content = client.files().download(&file).send()?;
    /// assert_eq!(content, b"The office opens at nine.");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn download(&self, file: impl IdOf<File>) -> DownloadCall {
        let (client, file) = (self.client.clone(), file.into_id());
        let get_url = self.get_url(&file);
        DownloadCall::located_by(get_url.request.what(), &self.client.options, move |options| {
            locate(&client, &file, get_url, options)
        })
    }

    /// Changes what `params` sets or clears, and keeps all other fields. `PATCH /files/v1/files/{fileId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let file = client.files().upload("The office opens at nine.").send()?;
    /// use assistants_blocking::yandex::UpdateFile;
    ///
    /// let file = client.files().update(UpdateFile::new(&file).name("office.txt")).send()?;
    /// assert_eq!(file.name, "office.txt");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update(&self, params: UpdateFile) -> Call<File> {
        self.client.call_with(op::UPDATE_FILE, &[&params.file_id], &params)
    }

    /// Deletes one file. `DELETE /files/v1/files/{fileId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let file = client.files().upload("The office opens at nine.").send()?;
    /// client.files().delete(&file).send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn delete(&self, file: impl IdOf<File>) -> Call<DeleteFileResponse> {
        self.client.call(op::DELETE_FILE, &[file.as_id()])
    }

    /// Lists the files of the client's folder, newest first. `GET /files/v1/files`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let file = client.files().upload("The office opens at nine.").send()?;
    /// for file in client.files().list() {
    ///     println!("{}", file?.name);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> ListCall<File, ListFilesResponse> {
        self.client
            .list(op::LIST_FILES, &[], &[("folderId", self.client.folder_id())])
    }
}

/// An upload that has been described but not sent. From [`Files::upload`].
#[must_use = "a call does nothing until `send`"]
#[derive(Debug)]
pub struct UploadCall {
    files: Files,
    params: CreateFile,
    progress: Option<Progress>,
    options: Options,
}

impl UploadCall {
    option_setters!();

    /// The name of the file. Default: none.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// let upload = client.files().upload("The office opens at nine.");
    /// let file = upload.file_name("office.txt").content_type("text/plain").send()?;
    /// assert_eq!((file.name.as_str(), file.mime_type.as_str()), ("office.txt", "text/plain"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.params = self.params.name(name);
        self
    }

    /// The media type of the file. Default: the service detects it from the content.
    pub fn content_type(mut self, media_type: impl Into<String>) -> Self {
        self.params = self.params.mime_type(media_type);
        self
    }

    /// When the service deletes the file. Default: 7 days after its last use.
    pub fn expires_after(mut self, expiration: impl Into<ExpirationConfig>) -> Self {
        self.params = self.params.expiration_config(expiration);
        self
    }

    /// Calls `observer` with the number of bytes sent and the size of the file. Another attempt starts again from 0.
    ///
    /// The file is sent as a part of a JSON document, so the first number is that of the bytes of the document, scaled to
    /// the size of the file.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// let upload = client.files().upload("The office opens at nine.");
    /// upload.on_progress(|sent, size| println!("{sent} of {size} bytes")).send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_progress(mut self, observer: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        let size = self.params.content.len() as u64;
        self.progress = Some(Progress::new(move |sent, total| {
            observer(scale(sent, total, size), size);
        }));
        self
    }

    /// Uploads the file, with retries if that is safe and sensible.
    ///
    /// # Errors
    ///
    /// As [`Call::send`].
    pub fn send(self) -> Result<File> {
        self.send_raw()?.parse()
    }

    /// Sends the request and reads the whole response, but does not parse it.
    ///
    /// # Errors
    ///
    /// As [`Call::send_raw`].
    pub fn send_raw(self) -> Result<RawResponse<File>> {
        let mut call = self.files.create(self.params).with_options(self.options);
        call.request.progress = self.progress;
        call.send_raw()
    }
}

/// Scales `sent` from the range up to `total` to the range up to `size`.
fn scale(sent: u64, total: u64, size: u64) -> u64 {
    let scaled = u128::from(sent) * u128::from(size) / u128::from(total.max(1));
    u64::try_from(scaled).unwrap_or(size).min(size)
}

/// Requests the URL of the content of a file. Its query is a secret for an hour, so it becomes part of the base, which no
/// message shows.
fn locate(client: &Client, file: &str, get_url: Call<GetFileUrlResponse>, options: Options) -> Result<Located> {
    let limits = options.limits();
    let response = get_url.with_options(options).send_raw()?;
    let url = response.parse()?.url;
    let fault = || {
        response.error(Error::config(format!(
            "file {file}: the server returned no valid url for its content"
        )))
    };
    let (base, path) = BaseUrl::of_file(&url).map_err(|_| fault())?;
    // The URL comes from the server, and may repeat secrets of the call.
    let options = Options {
        secrets: response.secrets().clone(),
        ..limits
    };
    let request = Request::to_path("GET", &path).confidential();
    Ok((Arc::new(client.file_server(base)?), request, options))
}
