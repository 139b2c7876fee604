//! Pages of lists.

use super::{
    Assistant, AssistantVersion, File, ListAssistantVersionsResponse, ListAssistantsResponse, ListFilesResponse,
    ListRunsResponse, ListSearchIndexFilesResponse, ListSearchIndicesResponse, ListThreadsResponse, ListUsersResponse,
    ProtoMessage, Run, SearchIndex, SearchIndexFile, Thread, User,
};

/// A page of a list of any items.
///
/// The list ends at a page without a token or without items: the service returns a token with the last page that has
/// items, followed by an empty page.
pub trait List: ProtoMessage + Default {
    /// The type of the items.
    type Item;

    /// Creates a page.
    fn new(items: Vec<Self::Item>, next_page_token: String) -> Self;

    /// The items of the page.
    fn items(&self) -> &[Self::Item];

    /// The items of the page.
    fn into_items(self) -> Vec<Self::Item>;

    /// The cursor of the next page; `None` on the last page.
    fn next_page_token(&self) -> Option<&str>;
}

macro_rules! list {
    ($($page:ident . $field:ident: $item:ident,)+) => {$(
        impl List for $page {
            type Item = $item;

            fn new(items: Vec<$item>, next_page_token: String) -> Self {
                Self { $field: items, next_page_token, ..Self::default() }
            }

            fn items(&self) -> &[$item] {
                &self.$field
            }

            fn into_items(self) -> Vec<$item> {
                self.$field
            }

            fn next_page_token(&self) -> Option<&str> {
                (!self.next_page_token.is_empty() && !self.$field.is_empty()).then_some(self.next_page_token.as_str())
            }
        }
    )+};
}

list! {
    ListAssistantsResponse.assistants: Assistant,
    ListAssistantVersionsResponse.versions: AssistantVersion,
    ListThreadsResponse.threads: Thread,
    ListRunsResponse.runs: Run,
    ListSearchIndicesResponse.indices: SearchIndex,
    ListSearchIndexFilesResponse.files: SearchIndexFile,
    ListFilesResponse.files: File,
    ListUsersResponse.users: User,
}
