//! Sending requests whose responses are streams.

use ureq::http::HeaderMap;
use ureq::http::header::CONTENT_TYPE;

use crate::call::options::Options;
use crate::call::request::Request;
use crate::error::Result;
use crate::http::endpoint::Endpoint;
use crate::http::incoming::Incoming;
use crate::stream::event_source::{EventSource, Origin};
use crate::stream::json_objects::{JsonStream, StreamLimits};
use crate::stream::sse::SseReader;

/// Sends the request; returns the events of the response when it begins.
pub(crate) fn open_events(endpoint: &Endpoint, request: &Request, options: &Options) -> Result<EventSource<Incoming>> {
    let response = endpoint.open(request, options)?;
    let origin = Origin::of(request, &response)?;
    let events = SseReader::new(response.body)
        .max_line_bytes(endpoint.config.max_line_bytes)
        .max_event_bytes(endpoint.config.max_event_bytes);
    Ok(EventSource::new(events, origin))
}

/// Sends the request; returns the JSON objects of the response when it begins, which are bare or in events.
pub(crate) fn open_objects(
    endpoint: &Endpoint,
    request: &Request,
    options: &Options,
) -> Result<(JsonStream<Incoming>, Origin)> {
    let response = endpoint.open(request, options)?;
    let origin = Origin::of(request, &response)?;
    let limits = StreamLimits {
        line_bytes: endpoint.config.max_line_bytes,
        object_bytes: endpoint.config.max_event_bytes,
    };
    let events = is_event_stream(&response.headers);
    Ok((JsonStream::new(response.body, events, limits), origin))
}

/// Whether a response declares that it contains server-sent events.
fn is_event_stream(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/event-stream"))
}
