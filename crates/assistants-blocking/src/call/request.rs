//! A request that has been described but not sent.

use std::borrow::Cow;

use assistants_types::fill_path;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::auth::api_key::ApiKey;
use crate::call::options::Options;
use crate::error::{Error, Result};
use crate::http::multipart::{Form, Multipart};
use crate::http::progress::Progress;
use crate::http::retry::Safety;

/// Method, path and body of a request, without the options for sending it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    /// Below the base URL, with the ids filled in. An invalid id is reported when the request is sent.
    path: Result<String, Fault>,
    /// Query parameters of the operation itself.
    pub(crate) query: Vec<(String, String)>,
    body: Option<Result<Vec<u8>, Box<str>>>,
    /// Fields and a file, instead of a JSON body.
    form: Option<Form>,
    /// The observer of the upload of a JSON body.
    pub(crate) progress: Option<Progress>,
    /// The last event that was received of a stream; its response continues after it.
    pub(crate) last_event_id: Option<String>,
    /// The response is a stream of events.
    pub(crate) stream: bool,
    /// The response is the content of a file.
    pub(crate) binary: bool,
    /// A retry changes nothing, whatever the method.
    read_only: bool,
    /// Neither request nor response may be logged.
    confidential: bool,
    /// A secret in its body, which nothing may show.
    pub(crate) secret: Option<ApiKey>,
}

/// Why a request cannot be sent at all.
#[derive(Clone, Debug)]
enum Fault {
    Config(Box<str>),
    Unsupported(Box<str>),
}

impl Request {
    /// A request for an operation: its method, its path template, and the ids for it.
    pub(crate) fn new(method: &'static str, template: &str, ids: &[&str]) -> Self {
        let path = fill_path(template, ids).map_err(|error| Fault::Config(error.to_string().into()));
        Self {
            method,
            path,
            query: Vec::new(),
            body: None,
            form: None,
            progress: None,
            last_event_id: None,
            stream: false,
            binary: false,
            read_only: false,
            confidential: false,
            secret: None,
        }
    }

    /// A request to a path given by the caller.
    pub(crate) fn to_path(method: &str, path: &str) -> Self {
        const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
        match METHODS.into_iter().find(|known| known.eq_ignore_ascii_case(method)) {
            Some(method) => Self {
                path: Ok(path.to_owned()),
                ..Self::new(method, "", &[])
            },
            None => {
                let fault = format!("`{}` is not an http method", method.escape_debug());
                Self {
                    path: Err(Fault::Config(fault.into())),
                    ..Self::new("GET", "", &[])
                }
            }
        }
    }

    /// A request that cannot be sent.
    pub(crate) fn impossible(why: &str) -> Self {
        Self {
            path: Err(Fault::Config(why.into())),
            ..Self::new("GET", "", &[])
        }
    }

    /// A request that the service does not support.
    pub(crate) fn unsupported(why: &str) -> Self {
        Self {
            path: Err(Fault::Unsupported(why.into())),
            ..Self::new("GET", "", &[])
        }
    }

    /// Adds a JSON body.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_vec(body).map_err(|error| error.to_string().into()));
        self
    }

    /// Adds a form with a file as the body.
    pub(crate) fn form(mut self, form: Form) -> Self {
        self.form = Some(form);
        self
    }

    /// Expects the content of a file.
    pub(crate) fn binary(mut self) -> Self {
        self.binary = true;
        self
    }

    /// The form as it is sent, with the fields that the options add.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the file cannot be sent.
    pub(crate) fn multipart(&self, options: &Options, boundary: impl FnOnce() -> String) -> Result<Option<Multipart>> {
        let Some(form) = &self.form else { return Ok(None) };
        let mut form = form.clone();
        for (name, value) in options.added.all_body_fields() {
            form.set(name, value);
        }
        form.encode(boundary()).map(Some)
    }

    /// Requests a stream of events: `"stream": true` in the body.
    pub(crate) fn streamed(mut self) -> Self {
        self.stream = true;
        self
    }

    /// Adds a query parameter of the operation.
    pub(crate) fn parameter(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// The parameters of the operation and those of the caller, which replace the former of the same name.
    pub(crate) fn query_with(&self, own: &[(String, String)]) -> Vec<(String, String)> {
        let replaced = |name: &String| own.iter().any(|(other, _)| other == name);
        let kept = self.query.iter().filter(|(name, _)| !replaced(name));
        kept.chain(own).cloned().collect()
    }

    /// Declares that a retry changes nothing.
    pub(crate) fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Keeps both bodies out of the log, because they contain secrets.
    pub(crate) fn confidential(mut self) -> Self {
        self.confidential = true;
        self
    }

    /// As [`confidential`](Self::confidential), and also keeps this secret out of errors.
    pub(crate) fn carries(mut self, secret: &ApiKey) -> Self {
        self.secret = Some(secret.clone());
        self.confidential()
    }

    /// A body as the log may show it, apart from the secrets of the call.
    pub(crate) fn shown<'b>(&self, body: &'b [u8]) -> Cow<'b, str> {
        if self.confidential {
            "(not shown)".into()
        } else {
            String::from_utf8_lossy(body)
        }
    }

    /// The path, or why it is invalid.
    pub(crate) fn path(&self) -> Result<&str> {
        self.path.as_deref().map_err(|fault| match fault {
            Fault::Config(text) => Error::config(text.clone()),
            Fault::Unsupported(text) => Error::unsupported(text.clone()),
        })
    }

    /// The request in messages: `POST /threads`.
    pub(crate) fn what(&self) -> String {
        format!("{} {}", self.method, self.path.as_deref().unwrap_or("(no path)"))
    }

    /// Whether it has a JSON body.
    pub(crate) fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// The bytes of the body, with the fields that the options add.
    pub(crate) fn body(&self, options: &Options) -> Result<Option<Vec<u8>>> {
        let Some(body) = &self.body else { return Ok(None) };
        let fault = |error: &dyn std::fmt::Display| Error::config(format!("{}: {error}", self.what()));
        let body = body.as_ref().map_err(|text| fault(text))?;
        let added = options.added.all_body_fields();
        if added.clone().next().is_none() && !self.stream {
            return Ok(Some(body.clone()));
        }
        let mut fields: Map<String, Value> = serde_json::from_slice(body).map_err(|error| fault(&error))?;
        if self.stream {
            fields.insert("stream".to_owned(), true.into());
        }
        fields.extend(added.cloned());
        serde_json::to_vec(&fields).map(Some).map_err(|error| fault(&error))
    }

    /// What a retry of the request can do, if every `POST` carries an idempotency key.
    pub(crate) fn safety(&self) -> Safety {
        match self.method {
            _ if self.read_only => Safety::Read,
            "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE" => Safety::Read,
            "POST" => Safety::KeyedWrite,
            _ => Safety::Write,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn adds_fields_to_the_body() {
        let request = Request::new("POST", "/threads", &[]).json(&json!({"a": 1}));
        let body = |request: &Request, options: &Options| {
            serde_json::from_slice::<Value>(&request.body(options).unwrap().unwrap()).unwrap()
        };
        assert_eq!(body(&request, &Options::new()), json!({"a": 1}));
        let options = Options::new().body_field("a", 2).body_field("b", json!([1]));
        assert_eq!(body(&request, &options), json!({"a": 2, "b": [1]}));
        assert_eq!(
            body(&request.streamed(), &Options::new()),
            json!({"a": 1, "stream": true})
        );
    }

    #[test]
    fn a_parameter_of_the_caller_replaces_that_of_the_operation() {
        let request = Request::new("GET", "/threads", &[])
            .parameter("limit", "20")
            .parameter("include[]", "a")
            .parameter("include[]", "b");
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect()
        };
        for (own, want) in [
            (&[][..], &[("limit", "20"), ("include[]", "a"), ("include[]", "b")][..]),
            (
                &[("limit", "5")],
                &[("include[]", "a"), ("include[]", "b"), ("limit", "5")],
            ),
            (
                &[("include[]", "c"), ("x", "1"), ("x", "2")],
                &[("limit", "20"), ("include[]", "c"), ("x", "1"), ("x", "2")],
            ),
        ] {
            assert_eq!(request.query_with(&pairs(own)), pairs(want));
        }
    }

    #[test]
    fn a_bad_id_shows_when_the_path_is_needed() {
        let request = Request::new("GET", "/threads/{thread_id}", &[""]);
        assert!(matches!(request.path(), Err(Error::Config(_))));
        assert!(matches!(Request::to_path("FETCH", "/x").path(), Err(Error::Config(_))));
        assert_eq!(Request::to_path("get", "/x").method, "GET");
    }
}
