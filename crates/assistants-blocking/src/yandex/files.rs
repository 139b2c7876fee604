//! Files.

use std::io::Read;

use assistants_types::yandex::operations as op;

use super::{
    Bytes, Client, CreateFile, DeleteFileResponse, File, GetFileUrlResponse, IdOf, ListFilesResponse, UpdateFile,
};
use crate::call::options::{Options, option_setters};
use crate::call::request::Request;
use crate::call::url::BaseUrl;
use crate::error::{Error, Result};
use crate::{Call, ListCall};

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

    /// Creates a file without a name or description, of at most 128 MB. [`create`](Self::create) sets those too.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// let file = client.files().upload("The office opens at nine.").send()?; // or bytes
    /// assert_eq!(client.files().download(&file).send()?, b"The office opens at nine.");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn upload(&self, content: impl Into<Bytes>) -> Call<File> {
        self.create(CreateFile::new(self.client.folder_id(), content))
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
        DownloadCall {
            files: self.clone(),
            file: file.into_id(),
            options: self.client.options.clone(),
        }
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

/// A download that has been described but not sent. From [`Files::download`]. Options apply to both of its requests;
/// headers, query parameters and body fields only to the one for the URL.
#[must_use = "a call does nothing until `send`"]
#[derive(Debug)]
pub struct DownloadCall {
    files: Files,
    file: String,
    options: Options,
}

impl DownloadCall {
    option_setters!();

    /// Downloads the content into memory.
    ///
    /// # Errors
    ///
    /// As [`Call::send`]; [`Error::TooLarge`] above the client's limit on bodies.
    pub fn send(self) -> Result<Vec<u8>> {
        let (endpoint, request, options) = self.locate()?;
        Ok(endpoint.execute(&request, &options)?.body)
    }

    /// Returns the content as it arrives.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let file = client.files().upload("The office opens at nine.").send()?;
    /// let mut content = client.files().download(&file).send_streaming()?;
    /// let mut copy = Vec::new(); // or a file, a socket, a hasher
    /// assert_eq!(std::io::copy(&mut content, &mut copy)?, 25);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Call::send_streaming`].
    pub fn send_streaming(self) -> Result<impl Read + Send + 'static> {
        let (endpoint, request, options) = self.locate()?;
        Ok(endpoint.open(&request, &options)?.body)
    }

    /// Requests the URL. Its query is a secret for an hour, so it becomes part of the base, which no message shows.
    fn locate(mut self) -> Result<(crate::http::endpoint::Endpoint, Request, Options)> {
        self.options.begin();
        let mut call = self.files.get_url(&self.file);
        call.options = self.options.clone();
        let response = call.send_raw()?;
        let url = response.parse()?.url;
        let fault = || {
            let file = &self.file;
            response.error(Error::config(format!(
                "file {file}: the server gave no address to fetch it from"
            )))
        };
        let (base, path) = BaseUrl::of_file(&url).map_err(|_| fault())?;
        // The URL comes from the server, and may repeat secrets of the call.
        let options = Options {
            secrets: response.secrets().clone(),
            ..self.options.limits()
        };
        let request = Request::to_path("GET", &path).confidential();
        Ok((self.files.client.file_server(base)?, request, options))
    }
}
