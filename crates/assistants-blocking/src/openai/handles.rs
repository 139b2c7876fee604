//! The methods of the client that return the handles of the resources.

use super::{
    Assistant, AssistantFiles, Assistants, Chat, Client, Embeddings, Files, IdOf, Messages, Models, Responses, Run,
    RunSteps, Runs, Thread, Threads, Uploads, VectorStore, VectorStoreBatches, VectorStoreFiles, VectorStores,
};

impl Client {
    /// Assistants: models with their instructions and tools.
    #[must_use]
    pub fn assistants(&self) -> Assistants {
        Assistants { client: self.clone() }
    }

    /// The files of an assistant. Legacy: only servers of version 1 of the protocol have them.
    #[must_use]
    pub fn assistant_files(&self, assistant: impl IdOf<Assistant>) -> AssistantFiles {
        AssistantFiles {
            client: self.clone(),
            assistant: assistant.into_id(),
        }
    }

    /// Threads: conversations.
    #[must_use]
    pub fn threads(&self) -> Threads {
        Threads { client: self.clone() }
    }

    /// The messages of a thread.
    #[must_use]
    pub fn messages(&self, thread: impl IdOf<Thread>) -> Messages {
        Messages {
            client: self.clone(),
            thread: thread.into_id(),
        }
    }

    /// The runs of a thread.
    #[must_use]
    pub fn runs(&self, thread: impl IdOf<Thread>) -> Runs {
        Runs {
            client: self.clone(),
            thread: thread.into_id(),
        }
    }

    /// The steps of a run.
    #[must_use]
    pub fn run_steps(&self, thread: impl IdOf<Thread>, run: impl IdOf<Run>) -> RunSteps {
        RunSteps {
            client: self.clone(),
            thread: thread.into_id(),
            run: run.into_id(),
        }
    }

    /// The files of the project.
    #[must_use]
    pub fn files(&self) -> Files {
        Files { client: self.clone() }
    }

    /// Uploads of large files in parts.
    #[must_use]
    pub fn uploads(&self) -> Uploads {
        Uploads { client: self.clone() }
    }

    /// Vector stores: collections of files that can be searched.
    #[must_use]
    pub fn vector_stores(&self) -> VectorStores {
        VectorStores { client: self.clone() }
    }

    /// The files of a vector store.
    #[must_use]
    pub fn vector_store_files(&self, store: impl IdOf<VectorStore>) -> VectorStoreFiles {
        VectorStoreFiles {
            client: self.clone(),
            store: store.into_id(),
        }
    }

    /// The batches of files of a vector store.
    #[must_use]
    pub fn vector_store_batches(&self, store: impl IdOf<VectorStore>) -> VectorStoreBatches {
        VectorStoreBatches {
            client: self.clone(),
            store: store.into_id(),
        }
    }

    /// The models of the server.
    #[must_use]
    pub fn models(&self) -> Models {
        Models { client: self.clone() }
    }

    /// Chat completions.
    #[must_use]
    pub fn chat(&self) -> Chat {
        Chat { client: self.clone() }
    }

    /// Responses.
    #[must_use]
    pub fn responses(&self) -> Responses {
        Responses { client: self.clone() }
    }

    /// Embeddings: vectors of texts.
    #[must_use]
    pub fn embeddings(&self) -> Embeddings {
        Embeddings { client: self.clone() }
    }
}
