//! Files of a vector store.

use assistants_types::openai::operations as op;

use crate::http::file_source::FileSource;
use crate::openai::wait::{Pollable, is_final};
use crate::openai::{
    Client, CreateVectorStoreFile, IdOf, UpdateVectorStoreFile, VectorStoreFile, VectorStoreFileContent,
    VectorStoreFileDeleted, VectorStoreFileStatus, WaitCall,
};
use crate::{Call, ListCall, Options};

/// The files of one vector store. From [`Client::vector_store_files`].
#[derive(Clone, Debug)]
pub struct VectorStoreFiles {
    pub(crate) client: Client,
    pub(crate) store: String,
}

impl VectorStoreFiles {
    /// Adds a file to the vector store, where it is indexed in the background.
    ///
    /// `POST /vector_stores/{vector_store_id}/files`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let store = client.vector_stores().create(assistants_blocking::openai::CreateVectorStore::default()).send()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// use assistants_blocking::openai::CreateVectorStoreFile;
    ///
    /// let files = client.vector_store_files(&store);
    /// files.create(CreateVectorStoreFile::new(&file)).send()?;
    /// let file = files.poll(&file).send()?; // whenever it is needed
    /// println!("{}", file.status);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, params: CreateVectorStoreFile) -> Call<VectorStoreFile> {
        self.client
            .call_with(op::CREATE_VECTOR_STORE_FILE, &[&self.store], &params)
    }

    /// Reads one file: its status, and its attributes. `GET /vector_stores/{vector_store_id}/files/{file_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// # let store = assistants_blocking::openai::CreateVectorStore::default().file_id(&file.id);
    /// # let store = client.vector_stores().create_and_poll(store).send()?;
    /// let file = client.vector_store_files(&store).retrieve(&file).send()?;
    /// println!("{}: {:?}", file.status, file.last_error);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get")]
    pub fn retrieve(&self, file: impl IdOf<VectorStoreFile>) -> Call<VectorStoreFile> {
        self.client
            .call(op::RETRIEVE_VECTOR_STORE_FILE, &[&self.store, file.as_id()])
    }

    /// Replaces the attributes of one file. `POST /vector_stores/{vector_store_id}/files/{file_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// # let store = assistants_blocking::openai::CreateVectorStore::default().file_id(&file.id);
    /// # let store = client.vector_stores().create_and_poll(store).send()?;
    /// use assistants_blocking::openai::UpdateVectorStoreFile;
    ///
    /// let params = UpdateVectorStoreFile::default().attributes([("lang", "en")]);
    /// client.vector_store_files(&store).update(&file, params).send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update(&self, file: impl IdOf<VectorStoreFile>, params: UpdateVectorStoreFile) -> Call<VectorStoreFile> {
        self.client
            .call_with(op::UPDATE_VECTOR_STORE_FILE, &[&self.store, file.as_id()], &params)
    }

    /// Removes one file from the vector store; the file itself is kept.
    ///
    /// `DELETE /vector_stores/{vector_store_id}/files/{file_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// # let store = assistants_blocking::openai::CreateVectorStore::default().file_id(&file.id);
    /// # let store = client.vector_stores().create_and_poll(store).send()?;
    /// client.vector_store_files(&store).delete(&file).send()?;
    /// assert_eq!(client.files().retrieve(&file).send()?.id, file.id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn delete(&self, file: impl IdOf<VectorStoreFile>) -> Call<VectorStoreFileDeleted> {
        self.client
            .call(op::DELETE_VECTOR_STORE_FILE, &[&self.store, file.as_id()])
    }

    /// Lists the files, newest first by default. `GET /vector_stores/{vector_store_id}/files`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// # let store = assistants_blocking::openai::CreateVectorStore::default().file_id(&file.id);
    /// # let store = client.vector_stores().create_and_poll(store).send()?;
    /// for file in client.vector_store_files(&store).list().filter("failed") {
    ///     let file = file?;
    ///     println!("{}: {:?}", file.id, file.last_error);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> ListCall<VectorStoreFile> {
        self.client.list(op::LIST_VECTOR_STORE_FILES, &[&self.store])
    }

    /// Reads the text of one file as it was indexed. `GET /vector_stores/{vector_store_id}/files/{file_id}/content`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// # let store = assistants_blocking::openai::CreateVectorStore::default().file_id(&file.id);
    /// # let store = client.vector_stores().create_and_poll(store).send()?;
    /// let text = client.vector_store_files(&store).content(&file).send()?;
    /// println!("{text:?}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn content(&self, file: impl IdOf<VectorStoreFile>) -> Call<VectorStoreFileContent> {
        self.client
            .call(op::RETRIEVE_VECTOR_STORE_FILE_CONTENT, &[&self.store, file.as_id()])
    }

    /// Waits until a file is indexed or has failed: check its [`status`](VectorStoreFile#structfield.status).
    pub fn poll(&self, file: impl IdOf<VectorStoreFile>) -> WaitCall<VectorStoreFile> {
        let files = self.clone();
        WaitCall::of(file.as_id().to_owned(), self.retrieve(file), move |file| {
            files.retrieve(file)
        })
    }

    /// Adds a file to the vector store, and waits as [`poll`](Self::poll).
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let store = assistants_blocking::openai::CreateVectorStore::default();
    /// # let store = client.vector_stores().create(store).send()?;
    /// use assistants_blocking::FileSource;
    /// use assistants_blocking::openai::{CreateVectorStoreFile, SearchVectorStore, Filter};
    ///
    /// let notes = FileSource::bytes("notes.txt", "The office opens at nine.");
    /// let file = client.files().upload(notes, "assistants").send()?;
    /// let params = CreateVectorStoreFile::new(&file).attributes([("floor", 3)]);
    /// client.vector_store_files(&store).create_and_poll(params).send()?;
    ///
    /// let query = SearchVectorStore::new("office").filters(Filter::eq("floor", 3));
    /// assert_eq!(client.vector_stores().search(&store, query).send()?.data.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create_and_poll(&self, params: CreateVectorStoreFile) -> WaitCall<VectorStoreFile> {
        let files = self.clone();
        WaitCall::after(self.create(params), move |file| files.retrieve(file))
    }

    /// Uploads a file for assistants, adds it to the vector store, and waits as [`poll`](Self::poll). Body fields of the
    /// call are those of [`create`](Self::create).
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let store = assistants_blocking::openai::CreateVectorStore::default();
    /// # let store = client.vector_stores().create(store).send()?;
    /// use assistants_blocking::FileSource;
    ///
    /// let notes = FileSource::bytes("notes.txt", "The office opens at nine."); // or a path
    /// let file = client.vector_store_files(&store).upload_and_poll(notes).send()?;
    /// assert_eq!(file.status.as_str(), "completed", "{:?}", file.last_error);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// At `send`: those of [`Files::upload`](crate::openai::Files::upload), and of the other requests.
    pub fn upload_and_poll(&self, file: impl Into<FileSource>) -> WaitCall<VectorStoreFile> {
        let (files, source) = (self.clone(), file.into());
        let first = move |options: &Options| {
            let upload = files.client.files().upload(source, "assistants");
            let file = upload.with_options(options.follow_up()).send()?;
            Ok(files
                .create(CreateVectorStoreFile::new(&file))
                .with_options(options.clone()))
        };
        let files = self.clone();
        WaitCall::starting_with(&self.client.options, first, move |file| files.retrieve(file))
    }
}

impl ListCall<VectorStoreFile> {
    /// Lists only files with this status.
    pub fn filter(self, status: impl Into<VectorStoreFileStatus>) -> Self {
        self.parameter("filter", status.into().as_str())
    }
}

impl Pollable for VectorStoreFile {
    const NOUN: &'static str = "file";

    fn id(&self) -> &str {
        &self.id
    }

    fn status(&self) -> &str {
        self.status.as_str()
    }

    fn is_done(&self) -> bool {
        is_final(self.status(), &["completed", "failed", "cancelled"])
    }
}
