//! Responses.

use assistants_types::responses::operations as op;

use super::Client;
use crate::Call;
use crate::responses::{CreateResponse, Response, ResponseStreamCall};

/// Responses: the model continues a conversation that the caller keeps. From [`Client::responses`].
#[derive(Clone, Debug)]
pub struct Responses {
    pub(super) client: Client,
}

impl Responses {
    /// Answers a conversation. `POST /responses`.
    ///
    /// This may take long, because the server sends nothing before the answer is complete. A response may be incomplete or
    /// failed; see its [`status`](Response::status).
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::responses::{CreateResponse, ResponseFunction, ResponseItem};
    /// use serde_json::json;
    ///
    /// let double = ResponseFunction::new("double").parameters(json!({"type": "integer"}));
    /// let mut input = vec![ResponseItem::user("call double 21")];
    /// let params = CreateResponse::new("scripted", input.clone()).tool(double).store(false);
    /// let response = client.responses().create(params.clone()).send()?;
    ///
    /// // The next request contains the items of this response, and the outputs of its calls.
    /// input.extend(response.output.iter().cloned());
    /// for call in response.function_calls() {
    ///     assert_eq!((call.name.as_str(), call.arguments.as_str()), ("double", "21"));
    ///     input.push(ResponseItem::function_output(&call.call_id, "42"));
    /// }
    /// let response = client.responses().create(CreateResponse { input, ..params }).send()?;
    /// assert_eq!(response.text(), "double returned 42");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, params: CreateResponse) -> Call<Response> {
        self.client.call_with(op::CREATE_RESPONSE, &[], &params)
    }

    /// As [`create`](Self::create), and streams the answer as it is written.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::responses::{CreateResponse, ResponseItem};
    ///
    /// let params = CreateResponse::new("gpt-5.4", [ResponseItem::user("Hello")]).instructions("Be brief.").store(false);
    /// let mut stream = client.responses().stream(params).send()?;
    /// for text in stream.text_deltas() {
    ///     print!("{}", text?);
    /// }
    /// println!("\n{:?} tokens", stream.finish()?.usage.map(|usage| usage.total_tokens));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stream(&self, params: CreateResponse) -> ResponseStreamCall {
        ResponseStreamCall::new(self.create(params))
    }
}
