//! The kinds of stored objects.

/// The kinds of stored objects. Their names are stored in databases and must not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// At the root.
    Assistant,
    /// At the root.
    Thread,
    /// Below its thread; tagged with the id of the run that wrote it.
    Message,
    /// Below its thread; tagged with [`ACTIVE`] until it has ended.
    Run,
    /// Below its run; tagged with [`ACTIVE`] until it has ended.
    RunStep,
    /// Below its run: the events of one turn, for replay.
    RunHistory,
    /// Below its assistant: its state after a change.
    AssistantVersion,
    /// Below its file: a secret by which the file can be downloaded without a key.
    Download,
    /// In a folder.
    User,
    /// At the root; tagged with the id of the vector store that it is about.
    Operation,
    /// At the root; tagged with its purpose.
    File,
    /// At the root; tagged with the id of the thread if it was created for a thread's attachments.
    VectorStore,
    /// Only for expiries: a vector store that is deleted when it expires, as the search indexes of Yandex are. Other
    /// vector stores stay when they expire, and cannot be searched. No documents have this kind.
    SearchIndex,
    /// Below its vector store, with an id made of both ids; tagged with its status.
    VectorStoreFile,
    /// Below its vector store.
    VectorStoreFileBatch,
    /// At the root; tagged with the id of the file that it produced.
    Upload,
    /// Below its upload.
    UploadPart,
}

/// The tag of runs and steps that have not ended.
pub(crate) const ACTIVE: &str = "active";

impl Kind {
    /// Returns the name in databases.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Assistant => "assistant",
            Self::Thread => "thread",
            Self::Message => "message",
            Self::Run => "run",
            Self::RunStep => "run_step",
            Self::RunHistory => "run_history",
            Self::AssistantVersion => "assistant_version",
            Self::Download => "download",
            Self::User => "user",
            Self::Operation => "operation",
            Self::File => "file",
            Self::Upload => "upload",
            Self::UploadPart => "upload_part",
            Self::VectorStore => "vector_store",
            Self::SearchIndex => "search_index",
            Self::VectorStoreFile => "vector_store_file",
            Self::VectorStoreFileBatch => "vector_store_file_batch",
        }
    }

    /// Returns the name in messages to users.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::RunStep => "run step",
            Self::RunHistory => "history of a run",
            Self::AssistantVersion => "version of an assistant",
            Self::UploadPart => "upload part",
            Self::VectorStore => "vector store",
            Self::SearchIndex => "search index",
            Self::VectorStoreFile => "file",
            Self::VectorStoreFileBatch => "file batch",
            other => other.as_str(),
        }
    }
}
