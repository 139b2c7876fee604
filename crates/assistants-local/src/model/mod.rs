//! The trait for language models, and what they receive and produce.
//!
//! A model is a blocking function. It receives everything that a run knows, writes its answer piece by piece to an
//! [`Output`], and returns when the answer is complete. Each turn of a run calls it once, on a thread of its own, so it
//! needs no async code.
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

mod catalog;
pub(crate) mod code;
mod finish;
mod fit;
mod output;
mod request;
pub mod scripted;
mod stop;
mod tokens;
pub mod upstream;

use std::sync::Arc;

pub use self::catalog::Catalog;
pub use self::code::{Execution, GeneratedFile};
pub use self::finish::{Failure, Finish, FinishReason, Stopped, Usage};
pub use self::output::Output;
pub(crate) use self::output::Piece;
pub use self::request::{
    CodeTool, CompletedCall, Function, Image, ImageSource, ModelMessage, ModelRequest, Passage, Role, ToolChoice,
};
pub(crate) use self::stop::Stop;

/// A language model, or something that acts as one.
///
/// A server calls the same model for all its runs, several at a time.
pub trait Model: Send + Sync + 'static {
    /// Returns the name of the model, which the program prints when it starts and `/v1/models` lists.
    fn name(&self) -> &str;

    /// Returns the names that `/v1/models` lists. By default the [`name`](Self::name) alone.
    fn list(&self) -> Vec<String> {
        vec![self.name().to_owned()]
    }

    /// Returns whether assistants, runs and chat completions can name this model. By default they can name any, as with a
    /// model that serves all requests.
    fn knows(&self, model: &str) -> bool {
        let _ = model;
        true
    }

    /// Writes one answer: text, calls of functions, or both.
    ///
    /// If functions were called, the run waits for their outputs, and the model is called again with one more entry in
    /// [`rounds`](ModelRequest::rounds). Calls must be complete when this returns.
    ///
    /// # Errors
    ///
    /// [`Failure::Failed`] ends the run as failed. [`Stopped`], which every method of `output` returns once the run has
    /// ended, only needs to be passed on with `?`.
    fn respond(&self, request: &ModelRequest, output: &mut Output<'_>) -> Result<Finish, Failure>;
}

impl<M: Model + ?Sized> Model for Arc<M> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn list(&self) -> Vec<String> {
        (**self).list()
    }

    fn knows(&self, model: &str) -> bool {
        (**self).knows(model)
    }

    fn respond(&self, request: &ModelRequest, output: &mut Output<'_>) -> Result<Finish, Failure> {
        (**self).respond(request, output)
    }
}
