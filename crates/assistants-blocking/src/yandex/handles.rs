//! The methods of the client that return the handles of the resources.

use assistants_types::yandex::TokenizeResponse;

use super::chat::Chat;
use super::{
    Assistants, Client, Files, IdOf, Messages, Operations, Runs, SearchIndexes, Thread, Threads, Tokenizer, Users,
};
use crate::Call;

impl Client {
    /// Configured models.
    #[must_use]
    pub fn assistants(&self) -> Assistants {
        Assistants { client: self.clone() }
    }

    /// Conversations.
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

    /// Executions of assistants on threads.
    #[must_use]
    pub fn runs(&self) -> Runs {
        Runs { client: self.clone() }
    }

    /// Files of the folder.
    #[must_use]
    pub fn files(&self) -> Files {
        Files { client: self.clone() }
    }

    /// Files prepared for search.
    #[must_use]
    pub fn search_indexes(&self) -> SearchIndexes {
        SearchIndexes { client: self.clone() }
    }

    /// People who write messages.
    #[must_use]
    pub fn users(&self) -> Users {
        Users { client: self.clone() }
    }

    /// Work that goes on after its call was answered.
    #[must_use]
    pub fn operations(&self) -> Operations {
        Operations { client: self.clone() }
    }

    /// Texts as a model sees them.
    #[must_use]
    pub fn tokenizer(&self) -> Tokenizer {
        Tokenizer { client: self.clone() }
    }

    /// The tokens of a text; short for [`Tokenizer::tokenize`].
    pub fn tokenize(&self, model: &str, text: impl Into<String>) -> Call<TokenizeResponse> {
        self.tokenizer().tokenize(model, text)
    }

    /// Chat completions.
    #[must_use]
    pub fn chat(&self) -> Chat {
        Chat { client: self.clone() }
    }
}
