//! Pages of lists, with the token of the next page.

use assistants_types::yandex::{
    List, ListAssistantVersionsResponse, ListAssistantsResponse, ListFilesResponse, ListRunsResponse,
    ListSearchIndexFilesResponse, ListSearchIndicesResponse, ListThreadsResponse, ListUsersResponse,
};

use crate::ListCall;
use crate::call::list::{ListPage, sealed};

macro_rules! pages {
    ($($page:ident)+) => {$(
        impl sealed::Sealed for $page {}

        impl ListPage for $page {
            type Item = <$page as List>::Item;

            const CURSOR: &'static str = "pageToken";

            // None for an empty page: the service returns a token with the last page that has items, and an empty page is
            // how it says that this was all.
            fn next_cursor(&self) -> Option<String> {
                self.next_page_token().map(str::to_owned)
            }

            fn into_items(self) -> Vec<Self::Item> {
                List::into_items(self)
            }
        }
    )+};
}

pages! {
    ListAssistantsResponse ListAssistantVersionsResponse ListThreadsResponse ListRunsResponse
    ListSearchIndicesResponse ListSearchIndexFilesResponse ListFilesResponse ListUsersResponse
}

impl<T, P: List<Item = T>> ListCall<T, P> {
    /// The number of items on a page; at most 1000, by default 100.
    pub fn page_size(self, items: u32) -> Self {
        self.parameter("pageSize", items.to_string())
    }

    /// Starts with this page: the `next_page_token` of the one before, or [`Pages::cursor`](crate::Pages::cursor).
    pub fn page_token(self, token: impl Into<String>) -> Self {
        self.parameter("pageToken", token)
    }
}
