//! The REST protocol of Yandex AI Studio: `/assistants/v1`, `/files/v1`, `/users/v1`, `/operations` and
//! `/foundationModels/v1/tokenize`.
//!
//! There is one file or folder per resource, and one line in [`routes`] for each operation of the spec. Handlers are
//! blocking functions from a [`Call`] to an [`ApiResponse`]. What all requests have in common (access, paths with verbs,
//! headers, the format of errors) is in [`router`].
//!
//! Stored objects are shared with the OpenAI protocol: an assistant, thread, message, run or file is one object with
//! one id. What only this protocol knows of it (folder, labels, expiry, options) is stored in the notes of its
//! document, and the `view` function of each resource combines the two.
//!
//! Where the provider's behaviour is not known, or cannot be reproduced, this server does the following:
//!
//! - A streamed run has one event per piece of its answer. Once the text is longer than 16 KiB, only pieces that add at
//!   least a 64th of it cause an event, which keeps the total size of all events proportional to the text. Events are
//!   stored when a turn of the run ends; if the server is killed during a turn, only the failure remains.
//! - A response to `listen` ends after `TOOL_CALLS`, unless the results have been submitted already. A client that
//!   listens from a later index waits for the next event. After the last event of a run that has ended, the response is
//!   empty.
//! - All results of a round must be submitted at once. They are matched to calls by name, and several with the same
//!   name in order.
//! - While a run is in progress or waits for results, its thread accepts neither messages nor runs:
//!   `FAILED_PRECONDITION`.
//! - `maxPromptTokens` counts words, and applies only if it is given. Older messages are dropped first; a run whose
//!   newest message alone is too long fails.
//! - The tools of the assistant, the thread and the run are used together. A later function replaces an earlier one
//!   with the same name, and a later search replaces an earlier one. `genSearch` is stored but not used, and so are the
//!   `rephraserOptions` and `callStrategy` of a search. All kinds of indexes are searched by words.
//! - Assistants, threads, users, files and search indexes are deleted at their `expiresAt`, for both protocols, and so
//!   is everything below them. With `SINCE_LAST_ACTIVE`, a run of this protocol extends the expiry of its thread, its
//!   assistant and the indexes that it searches; a new message extends that of its thread, and added files that of
//!   their index. Requests of the OpenAI protocol extend nothing. Objects created over the OpenAI protocol are not
//!   deleted in this way, unless they are files with `expires_after`, until an update sets their `expirationConfig`.
//! - Quotas of a folder are not enforced.
//! - A folder is a label by which lists are filtered. Whoever has the key has access to all of them.

mod assistants;
mod error;
mod files;
mod lines;
mod messages;
mod operations;
mod page;
mod request;
mod resource;
mod router;
mod routes;
mod runs;
mod search_indexes;
mod threads;
mod tokenize;
mod tools;
mod users;

pub(crate) use self::error::scripted_error_body;
pub(crate) use self::router::{RESPONSE_HEADERS, has_path};
pub(crate) use self::routes::in_front_of;

use self::error::ApiError;
use self::request::{ApiResponse, Call};
