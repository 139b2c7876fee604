//! Batches of files of a vector store.

use std::sync::{Mutex, PoisonError};
use std::thread;

use assistants_types::openai::operations as op;

use crate::call::options::option_setters;
use crate::error::{BatchUpload, BatchUploadError, FailedUpload, Result};
use crate::http::file_source::FileSource;
use crate::http::log;
use crate::openai::wait::{Pollable, is_final};
use crate::openai::{Client, CreateVectorStoreFileBatch, IdOf, VectorStoreFile, VectorStoreFileBatch, WaitCall};
use crate::{Call, ListCall, Options};

/// Batches of files of one vector store. From [`Client::vector_store_batches`].
#[derive(Clone, Debug)]
pub struct VectorStoreBatches {
    pub(crate) client: Client,
    pub(crate) store: String,
}

impl VectorStoreBatches {
    /// Adds files to the vector store, where they are indexed in the background.
    ///
    /// `POST /vector_stores/{vector_store_id}/file_batches`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let store = client.vector_stores().create(assistants_blocking::openai::CreateVectorStore::default()).send()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// use assistants_blocking::openai::CreateVectorStoreFileBatch;
    ///
    /// let batches = client.vector_store_batches(&store);
    /// let batch = batches.create(CreateVectorStoreFileBatch::default().file_ids([&file.id])).send()?;
    /// let batch = batches.poll(&batch).send()?; // whenever it is needed
    /// for file in batches.list_files(&batch) {
    ///     println!("{}", file?.status);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, params: CreateVectorStoreFileBatch) -> Call<VectorStoreFileBatch> {
        self.client
            .call_with(op::CREATE_VECTOR_STORE_FILE_BATCH, &[&self.store], &params)
    }

    /// Reads one batch: its status, and the counts of its files. `GET /vector_stores/{vector_store_id}/file_batches/{batch_id}`.
    #[doc(alias = "get")]
    pub fn retrieve(&self, batch: impl IdOf<VectorStoreFileBatch>) -> Call<VectorStoreFileBatch> {
        self.client
            .call(op::RETRIEVE_VECTOR_STORE_FILE_BATCH, &[&self.store, batch.as_id()])
    }

    /// Stops the indexing of the files that are not done yet.
    ///
    /// `POST /vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel`.
    pub fn cancel(&self, batch: impl IdOf<VectorStoreFileBatch>) -> Call<VectorStoreFileBatch> {
        self.client
            .call(op::CANCEL_VECTOR_STORE_FILE_BATCH, &[&self.store, batch.as_id()])
    }

    /// Lists the files of one batch, newest first by default.
    ///
    /// `GET /vector_stores/{vector_store_id}/file_batches/{batch_id}/files`.
    pub fn list_files(&self, batch: impl IdOf<VectorStoreFileBatch>) -> ListCall<VectorStoreFile> {
        self.client
            .list(op::LIST_VECTOR_STORE_BATCH_FILES, &[&self.store, batch.as_id()])
    }

    /// Waits until each file of a batch is indexed or has failed: check the
    /// [`file_counts`](VectorStoreFileBatch::file_counts).
    pub fn poll(&self, batch: impl IdOf<VectorStoreFileBatch>) -> WaitCall<VectorStoreFileBatch> {
        let batches = self.clone();
        WaitCall::of(batch.as_id().to_owned(), self.retrieve(batch), move |batch| {
            batches.retrieve(batch)
        })
    }

    /// Adds files to the vector store, and waits as [`poll`](Self::poll).
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let store = assistants_blocking::openai::CreateVectorStore::default();
    /// # let store = client.vector_stores().create(store).send()?;
    /// use assistants_blocking::FileSource;
    /// use assistants_blocking::openai::CreateVectorStoreFileBatch;
    ///
    /// let mut ids = Vec::new();
    /// for name in ["a.txt", "b.txt"] {
    ///     ids.push(client.files().upload(FileSource::bytes(name, "some text"), "assistants").send()?.id);
    /// }
    /// let params = CreateVectorStoreFileBatch::default().file_ids(ids);
    /// let batch = client.vector_store_batches(&store).create_and_poll(params).send()?;
    /// assert!(batch.is_complete());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create_and_poll(&self, params: CreateVectorStoreFileBatch) -> WaitCall<VectorStoreFileBatch> {
        let batches = self.clone();
        WaitCall::after(self.create(params), move |batch| batches.retrieve(batch))
    }

    /// Uploads files for assistants, a few at a time, adds those that succeeded to the vector store, and waits until each is
    /// indexed or has failed.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::openai::CreateVectorStore;
    ///
    /// let store = client.vector_stores().create(CreateVectorStore::default()).send()?;
    /// let batches = client.vector_store_batches(&store);
    /// let done = batches.upload_and_poll(["Cargo.toml", "no-such-file.md"]).send()?;
    /// assert_eq!(done.files.len(), 1);
    /// assert_eq!(done.failed[0].source.name(), "no-such-file.md");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn upload_and_poll(&self, files: impl IntoIterator<Item = impl Into<FileSource>>) -> BatchUploadCall {
        BatchUploadCall {
            batches: self.clone(),
            sources: files.into_iter().map(Into::into).collect(),
            params: CreateVectorStoreFileBatch::default(),
            parallel: 5,
            files_per_batch: FILES_PER_BATCH,
            options: self.client.options.clone(),
        }
    }
}

impl Pollable for VectorStoreFileBatch {
    const NOUN: &'static str = "batch";

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

/// The maximum number of files in a batch, as the provider defines it.
const FILES_PER_BATCH: usize = 2000;

/// Uploads files and puts them into a vector store. From [`VectorStoreBatches::upload_and_poll`].
///
/// Options apply to each upload and to the requests that follow.
#[must_use = "nothing is uploaded until `send`"]
#[derive(Debug)]
pub struct BatchUploadCall {
    batches: VectorStoreBatches,
    sources: Vec<FileSource>,
    params: CreateVectorStoreFileBatch,
    parallel: usize,
    files_per_batch: usize,
    options: Options,
}

impl BatchUploadCall {
    option_setters!();

    /// How many files are uploaded at the same time. Default: 5.
    pub fn parallel(mut self, uploads: usize) -> Self {
        self.parallel = uploads.max(1);
        self
    }

    /// The maximum number of files in a batch; more files are split into several batches, one after the other. Default:
    /// 2000, the maximum of the provider.
    pub fn files_per_batch(mut self, files: usize) -> Self {
        self.files_per_batch = files.max(1);
        self
    }

    /// Adds files that the server already has.
    pub fn file_ids(mut self, ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.params = self.params.file_ids(ids);
        self
    }

    /// Attributes and chunking strategy of the batch, and files that the server already has. Their
    /// [`file_ids`](CreateVectorStoreFileBatch::file_ids) precede those of the uploaded files.
    pub fn params(mut self, params: CreateVectorStoreFileBatch) -> Self {
        self.params = params;
        self
    }

    /// Uploads, and waits until each file is indexed or has failed.
    ///
    /// # Errors
    ///
    /// Those of the batches; if files were uploaded before, as an [`Error::BatchUpload`](crate::Error::BatchUpload) that contains
    /// them. Failed uploads are in [`BatchUpload::failed`].
    pub fn send(self) -> Result<BatchUpload> {
        let Self {
            batches,
            sources,
            mut params,
            parallel,
            files_per_batch,
            mut options,
        } = self;
        options.begin();
        let files = batches.client.files();
        let uploaded = each(sources, parallel, |source| {
            // Each upload is a request of its own, with a key of its own.
            let options = Options {
                idempotency_key: None,
                ..options.clone()
            };
            let upload = files.upload(source.clone(), "assistants");
            let sent = upload.with_options(options).send();
            (source, sent)
        });
        let mut done = BatchUpload {
            batch: None,
            further_batches: Vec::new(),
            files: Vec::new(),
            failed: Vec::new(),
        };
        for (source, sent) in uploaded {
            match sent {
                Ok(file) => done.files.push(file),
                Err(error) => done.failed.push(FailedUpload { source, error }),
            }
        }
        let mut ids = params.file_ids.take().unwrap_or_default();
        ids.extend(done.files.iter().map(|file| file.id.clone()));
        let mut parts: Vec<Option<Vec<String>>> = ids.chunks(files_per_batch).map(|part| Some(part.to_vec())).collect();
        if parts.is_empty() && params.files.as_ref().is_some_and(|files| !files.is_empty()) {
            parts.push(None);
        }
        for (index, file_ids) in parts.into_iter().enumerate() {
            let params = CreateVectorStoreFileBatch {
                file_ids,
                ..params.clone()
            };
            let mut options = options.clone();
            if index > 0 {
                // The caller's key is that of the first batch.
                let key = options.idempotency_key.take();
                options.idempotency_key = key.map(|key| format!("{key}-{}", index + 1));
            }
            match done.create(batches.create(params).with_options(options), &batches) {
                Ok(()) => {}
                Err(source) if done.files.is_empty() && done.batch.is_none() => return Err(source),
                Err(source) => return Err(BatchUploadError { done, source }.into()),
            }
        }
        Ok(done)
    }
}

impl BatchUpload {
    /// Creates a batch and waits for it.
    fn create(&mut self, call: Call<VectorStoreFileBatch>, batches: &VectorStoreBatches) -> Result<()> {
        let options = call.options.follow_up();
        let batch = call.send()?;
        let waits = (!batch.is_done()).then(|| batches.poll(&batch));
        let place = self.place(batch);
        if let Some(wait) = waits {
            *place = wait.with_options(options).send()?;
        }
        Ok(())
    }

    /// Keeps a batch as soon as there is one, so that no failure after it loses its id.
    fn place(&mut self, batch: VectorStoreFileBatch) -> &mut VectorStoreFileBatch {
        if self.batch.is_none() {
            return self.batch.insert(batch);
        }
        self.further_batches.push(batch);
        self.further_batches.last_mut().expect("one was pushed")
    }
}

/// Does `work` for all items, at most `parallel` at a time, and keeps their order.
fn each<T: Send, R: Send>(items: Vec<T>, parallel: usize, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let helpers = parallel.min(items.len()).saturating_sub(1);
    let queue = Mutex::new(items.into_iter().enumerate());
    let results = Mutex::new(Vec::new());
    let take = || {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((index, item)) = next else { break };
            let result = work(item);
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            results.push((index, result));
        }
    };
    thread::scope(|scope| {
        for _ in 0..helpers {
            let helper = thread::Builder::new().name("upload".to_owned());
            if let Err(error) = helper.spawn_scoped(scope, take) {
                // This thread works too, so everything is still done.
                log::debug!("no more threads for uploads: {error}");
                break;
            }
        }
        take();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
