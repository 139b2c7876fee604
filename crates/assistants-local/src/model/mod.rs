//! What answers: the trait behind which a model stands.
//!
//! A model is a blocking function. It gets everything that a run knows, hands out its answer piece by piece through
//! an [`Output`], and returns when it is done. Each turn of a run calls it once, on a thread of its own; it needs no
//! async code.
//!
//! ```
//! use assistants_local::model::{Failure, Finish, Model, ModelRequest, Output};
//!
//! struct Shout;
//!
//! impl Model for Shout {
//!     fn name(&self) -> &str {
//!         "shout"
//!     }
//!
//!     fn respond(&self, request: &ModelRequest, output: &mut Output<'_>) -> Result<Finish, Failure> {
//!         for word in request.last_user_text().split_inclusive(' ') {
//!             output.text(&word.to_uppercase())?;
//!         }
//!         Ok(Finish::default())
//!     }
//! }
//! ```

mod finish;
mod output;
mod request;
pub mod scripted;
mod stop;

use std::sync::Arc;

pub use self::finish::{Failure, Finish, FinishReason, Stopped, Usage};
pub use self::output::Output;
pub(crate) use self::output::Piece;
pub use self::request::{CompletedCall, Function, ModelMessage, ModelRequest, Passage, Role, ToolChoice};
pub(crate) use self::stop::Stop;

/// Something that answers.
///
/// The same model serves all runs of a server, several at a time.
pub trait Model: Send + Sync + 'static {
    /// The name shown when the server starts.
    fn name(&self) -> &str;

    /// Answers once: with text, with calls of functions, or with both.
    ///
    /// When functions were called, the run waits for their outputs, and the model is asked again with
    /// [`rounds`](ModelRequest::rounds) one longer. Calls that were begun must be complete when this returns.
    ///
    /// # Errors
    ///
    /// [`Failure::Failed`] ends the run as failed. [`Stopped`], which every method of `output` returns once the run
    /// is over, only needs to be handed on with `?`.
    fn respond(&self, request: &ModelRequest, output: &mut Output<'_>) -> Result<Finish, Failure>;
}

impl<M: Model + ?Sized> Model for Arc<M> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn respond(&self, request: &ModelRequest, output: &mut Output<'_>) -> Result<Finish, Failure> {
        (**self).respond(request, output)
    }
}
