//! The methods of the client that return the handles of the resources.

use assistants_types::yandex::TokenizeResponse;

use super::chat::Chat;
use super::{
    Assistants, Client, Files, IdOf, Messages, Operations, Runs, SearchIndexes, Thread, Threads, Tokenizer, Users,
};
use crate::Call;

impl Client {
    /// Assistants: models with their instructions and tools.
    #[must_use]
    pub fn assistants(&self) -> Assistants {
        Assistants { client: self.clone() }
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

    /// Runs: executions of assistants on threads.
    #[must_use]
    pub fn runs(&self) -> Runs {
        Runs { client: self.clone() }
    }

    /// The files of the folder.
    #[must_use]
    pub fn files(&self) -> Files {
        Files { client: self.clone() }
    }

    /// Search indexes of files.
    #[must_use]
    pub fn search_indexes(&self) -> SearchIndexes {
        SearchIndexes { client: self.clone() }
    }

    /// Users: authors of messages.
    #[must_use]
    pub fn users(&self) -> Users {
        Users { client: self.clone() }
    }

    /// Long-running operations.
    #[must_use]
    pub fn operations(&self) -> Operations {
        Operations { client: self.clone() }
    }

    /// The tokenizer of models.
    #[must_use]
    pub fn tokenizer(&self) -> Tokenizer {
        Tokenizer { client: self.clone() }
    }

    /// The tokens of a text; shorthand for [`Tokenizer::tokenize`].
    pub fn tokenize(&self, model: &str, text: impl Into<String>) -> Call<TokenizeResponse> {
        self.tokenizer().tokenize(model, text)
    }

    /// Chat completions.
    #[must_use]
    pub fn chat(&self) -> Chat {
        Chat { client: self.clone() }
    }
}
