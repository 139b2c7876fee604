//! Bytes to JSON objects, in any of the forms that a stream of Yandex takes.
//!
//! The service writes an object per line, each as `{"result": …}`. Gateways and other servers write the objects without a
//! wrapper, one after the other or over several lines, as a list, or as server-sent events. [`JsonStream`] reads all of
//! these; [`unwrap`] removes the wrapper of an object. No socket, no clock: bytes in, objects out.

use std::io::{self, Read};

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};

use crate::error::{Result, decode};
use crate::stream::event_source::Origin;
use crate::stream::json_scanner::{Scanned, Scanner};
use crate::stream::sse::{MAX_EVENT_BYTES, SseReader};
use assistants_types::yandex::{Message, StreamEvent};

/// Splits what a reader yields into JSON objects.
pub(crate) struct JsonStream<R> {
    form: Form<R>,
    limits: StreamLimits,
    /// The stream ended before its first byte.
    empty: bool,
}

/// How much of a stream is held in memory at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamLimits {
    pub(crate) line_bytes: usize,
    pub(crate) object_bytes: usize,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            line_bytes: crate::stream::lines::MAX_LINE_BYTES,
            object_bytes: MAX_EVENT_BYTES,
        }
    }
}

enum Form<R> {
    /// Objects one after the other.
    Json(Scanner<R>),
    /// Server-sent events.
    Events(SseReader<io::Chain<io::Cursor<Vec<u8>>, R>>),
    Ended,
}

/// What [`JsonStream::next_object`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    Object(&'a [u8]),
    /// The bytes ended where a stream may end.
    End,
    /// The bytes ended within an object or a list, or before the event that ends the stream.
    Cut,
}

impl<R: Read> JsonStream<R> {
    /// Reads from `reader`. `events` says that the response is declared as server-sent events.
    pub(crate) fn new(reader: R, events: bool, limits: StreamLimits) -> Self {
        let form = if events {
            Form::Events(event_reader(Vec::new(), reader, limits))
        } else {
            Form::Json(Scanner::new(reader))
        };
        Self {
            form,
            limits,
            empty: false,
        }
    }

    /// The next object.
    ///
    /// # Errors
    ///
    /// [`Error::Stream`](crate::Error::Stream) for an object or line above its limit, for text that is not JSON, and for a
    /// failed read, unless the transport reported another error. After an error, and after [`Found::Cut`], the stream is at
    /// its end.
    pub(crate) fn next_object(&mut self) -> Result<Found<'_>> {
        if let Form::Json(scanner) = &mut self.form
            && scanner.is_at_start()
            && !scanner.begins_json()?
            && let Form::Json(scanner) = std::mem::replace(&mut self.form, Form::Ended)
        {
            let (start, reader) = scanner.into_parts();
            self.form = Form::Events(event_reader(start, reader, self.limits));
        }
        if let Form::Json(scanner) = &mut self.form {
            self.empty |= scanner.is_empty();
            let ended = match scanner.find(self.limits.object_bytes) {
                Ok(Scanned::Object) => None,
                Ok(Scanned::End) => Some(Ok(Found::End)),
                Ok(Scanned::Cut) => Some(Ok(Found::Cut)),
                Err(error) => Some(Err(error)),
            };
            if let Some(end) = ended {
                self.form = Form::Ended;
                return end;
            }
        }
        match &mut self.form {
            Form::Json(scanner) => Ok(Found::Object(scanner.found())),
            Form::Events(events) => match events.next_event()? {
                Some(event) if event.data.starts_with("[DONE]") || event.name == "done" => Ok(Found::End),
                Some(event) => Ok(Found::Object(event.data.as_bytes())),
                None => Ok(Found::Cut),
            },
            Form::Ended => Ok(Found::End),
        }
    }

    /// Whether it ended before its first byte.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.form {
            Form::Events(events) => events.bytes_read() == 0,
            Form::Json(_) | Form::Ended => self.empty,
        }
    }

    /// The beginning of the stream, if it is not JSON.
    pub(crate) fn head(&self) -> &[u8] {
        match &self.form {
            Form::Events(events) => events.head(),
            Form::Json(_) | Form::Ended => &[],
        }
    }

    /// The underlying reader, after the last object.
    pub(crate) fn into_reader(self) -> Option<R> {
        match self.form {
            Form::Json(scanner) => Some(scanner.into_parts().1),
            Form::Events(events) => Some(events.into_inner().into_inner().1),
            Form::Ended => None,
        }
    }
}

fn event_reader<R: Read>(
    start: Vec<u8>,
    reader: R,
    limits: StreamLimits,
) -> SseReader<io::Chain<io::Cursor<Vec<u8>>, R>> {
    SseReader::new(io::Cursor::new(start).chain(reader))
        .max_line_bytes(limits.line_bytes)
        .max_event_bytes(limits.object_bytes)
}

/// A type that is streamed.
pub(crate) trait Streamed: DeserializeOwned {
    /// Members that show that an object is of this type, and no wrapper.
    const OWN: &'static [&'static str];
    /// The member that contains the whole list, on servers that do not stream.
    const LIST: Option<&'static str>;
}

impl Streamed for StreamEvent {
    const OWN: &'static [&'static str] = &["eventType", "event_type"];
    const LIST: Option<&'static str> = None;
}

impl Streamed for Message {
    const OWN: &'static [&'static str] = &["id", "content", "threadId", "thread_id"];
    const LIST: Option<&'static str> = Some("messages");
}

/// Removes the wrapper of an object of a stream, and calls `take` with its contents.
///
/// # Errors
///
/// [`Error::Api`](crate::Error::Api) for an object that reports the failure of the stream,
/// [`Error::Decode`](crate::Error::Decode) for one that does not match the type.
pub(crate) fn unwrap<T: Streamed>(object: &[u8], origin: &Origin, mut take: impl FnMut(T)) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(bound = "T: DeserializeOwned")]
    struct Wrapped<T> {
        result: T,
    }
    #[derive(Deserialize)]
    #[serde(bound = "T: DeserializeOwned")]
    struct Listed<T> {
        messages: Vec<T>,
    }

    let members: Members = decode(object, &origin.secrets, || origin.what())?;
    let has = |name: &str| members.0.iter().any(|member| member == name);
    let own = T::OWN.iter().any(|name| has(name));
    if has("result") && !own {
        take(decode::<Wrapped<T>>(object, &origin.secrets, || origin.what())?.result);
    } else if has("error") && !own {
        return Err(origin.api_error(&String::from_utf8_lossy(object)));
    } else if T::LIST.is_some_and(has) && !own {
        let list: Listed<T> = decode(object, &origin.secrets, || origin.what())?;
        list.messages.into_iter().for_each(take);
    } else {
        take(decode(object, &origin.secrets, || origin.what())?);
    }
    Ok(())
}

/// The names of the members of an object, except those that are null.
struct Members(Vec<String>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut names = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Option<IgnoredAny>>()? {
                    if value.is_some() {
                        names.push(name);
                    }
                }
                Ok(Members(names))
            }
        }

        deserializer.deserialize_map(Names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::buffer::FIRST_READ;
    use crate::stream::lines::tests::Steps;
    use proptest::prelude::*;

    fn origin() -> Origin {
        Origin {
            method: "GET",
            path: "/x".into(),
            ..Origin::bytes()
        }
    }

    /// Writes down the indexes of the events, and how the stream ended.
    fn read<R: Read>(reader: R, limits: StreamLimits) -> String {
        let mut stream = JsonStream::new(reader, false, limits);
        let mut out = String::new();
        loop {
            let found = match stream.next_object() {
                Ok(found) => found,
                Err(error) => return out + &format!("!{error}"),
            };
            match found {
                Found::Object(object) => {
                    let taken = unwrap(object, &origin(), |event: StreamEvent| {
                        out += &format!("{} ", event.text().unwrap_or_else(|| event.index().to_string()));
                    });
                    if let Err(error) = taken {
                        return out + &format!("!{error}");
                    }
                }
                Found::End => return out + ".",
                Found::Cut => return out + "cut",
            }
        }
    }

    fn in_steps(input: &[u8], step: usize) -> String {
        read(Steps { left: input, step }, StreamLimits::default())
    }

    #[track_caller]
    fn check(input: &str, want: &str) {
        for step in 1..=input.len().clamp(1, 200) {
            assert_eq!(
                in_steps(input.as_bytes(), step),
                want,
                "read {step} bytes at a time: {input}"
            );
        }
    }

    fn event(index: i64) -> String {
        format!(r#"{{"eventType":"TOOL_CALLS","streamCursor":{{"currentEventIdx":"{index}"}}}}"#)
    }

    /// A stream of events: the pieces that complete one event each, and what follows the last of them.
    struct Form {
        pieces: Vec<String>,
        end: &'static str,
    }

    impl Form {
        /// The events with `between` in front of each but the first, which follows `start`.
        fn joined(start: &str, events: &[String], between: &str, end: &'static str) -> Self {
            let piece = |(index, event)| format!("{}{event}", if index == 0 { start } else { between });
            Self {
                pieces: events.iter().enumerate().map(piece).collect(),
                end,
            }
        }

        fn text(&self) -> String {
            self.pieces.concat() + self.end
        }

        /// How many events the first `bytes` of it complete.
        fn events_within(&self, bytes: usize) -> usize {
            let mut end = 0;
            let complete = self.pieces.iter().take_while(|piece| {
                end += piece.len();
                end <= bytes
            });
            complete.count()
        }
    }

    /// The same events in every form.
    fn forms(count: i64) -> Vec<Form> {
        let bare: Vec<String> = (0..count).map(event).collect();
        let snake: Vec<String> = bare
            .iter()
            .map(|event| {
                event
                    .replace("eventType", "event_type")
                    .replace("streamCursor", "stream_cursor")
                    .replace("currentEventIdx", "current_event_idx")
            })
            .collect();
        let mut forms = Vec::new();
        for events in [&bare, &snake] {
            let wrapped: Vec<String> = events.iter().map(|event| format!(r#"{{"result":{event}}}"#)).collect();
            for events in [events, &wrapped] {
                let pretty: Vec<String> = events
                    .iter()
                    .map(|event| {
                        let value: serde_json::Value = serde_json::from_str(event).unwrap();
                        serde_json::to_string_pretty(&value).unwrap()
                    })
                    .collect();
                forms.push(Form::joined("", events, "\n", "\n"));
                forms.push(Form::joined("", events, "", ""));
                forms.push(Form::joined("", &pretty, "\r\n", ""));
                forms.push(Form::joined("\u{feff} [", &pretty, ",\n", "]\n"));
                let data: Vec<String> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
                forms.push(Form::joined(": hello\n\nevent: x\n", &data, "", "data: [DONE]\n\n"));
                let folded: Vec<String> = pretty
                    .iter()
                    .map(|event| format!("data: {}\n\n", event.replace('\n', "\ndata: ")))
                    .collect();
                forms.push(Form::joined("\u{feff}id: 7\n", &folded, "", "data: [DONE]\n\n"));
            }
        }
        forms
    }

    #[test]
    fn every_form_is_the_same_stream() {
        for form in forms(12) {
            check(&form.text(), "0 1 2 3 4 5 6 7 8 9 10 11 .");
        }
    }

    #[test]
    fn braces_and_quotes_in_text_are_text() {
        let text = r#"}{][\"\\\u0022 \n{"#;
        let event = format!(
            r#"{{"eventType":"PARTIAL_MESSAGE","partialMessage":{{"content":[{{"text":{{"content":"{text}"}}}}]}}}}"#
        );
        check(
            &format!(r#"{event}{{"result":{event}}}"#),
            "}{][\"\\\" \n{ }{][\"\\\" \n{ .",
        );
    }

    #[test]
    fn an_empty_stream_ends() {
        check("", ".");
        check(" \r\n", ".");
        check("\u{feff}", ".");
        check("[]", ".");
        check("data: [DONE]\n\n", ".");
    }

    #[test]
    fn an_error_in_the_middle_has_its_code_and_message() {
        let start = event(0);
        for (error, want) in [
            (
                r#"{"code":14,"message":"went away","details":[]}"#,
                "(14 UNAVAILABLE): went away",
            ),
            (
                r#"{"grpcCode":3,"httpCode":400,"message":"bad","httpStatus":"Bad Request"}"#,
                "(3 INVALID_ARGUMENT): bad",
            ),
            (
                r#"{"grpc_code":5,"http_code":404,"message":"gone"}"#,
                "(5 NOT_FOUND): gone",
            ),
            (r#""plain words""#, ": plain words"),
        ] {
            let want = format!(
                "0 !GET /x: the server sent an error in the stream{}{want}",
                if want.starts_with('(') { " " } else { "" }
            );
            check(&format!("{start}\n{{\"error\":{error}}}\n"), &want);
            check(&format!("data: {start}\n\ndata: {{\"error\":{error}}}\n\n"), &want);
        }
    }

    #[test]
    fn an_event_that_reports_an_error_is_an_event() {
        check(r#"{"result":{"eventType":"ERROR","error":{"message":"m"}}}"#, "0 .");
        check(r#"{"event_type":"ERROR","error":{"message":"m"},"result":null}"#, "0 .");
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        check(
            &format!("{}\nnonsense", event(0)),
            "0 !line 2 of the stream is not json",
        );
        check("[1]", "!line 1 of the stream is not json");
        check("<html>", "cut");
        let broken = in_steps(b"{\"eventType\":7 7}", 3);
        assert!(broken.starts_with("!GET /x: unexpected json"), "{broken}");
    }

    #[test]
    fn messages_come_in_a_list_too() {
        for form in [
            r#"{"messages":[{"id":"a"},{"id":"b"}]}"#,
            r#"{"result":{"id":"a"}} {"result":{"id":"b"}}"#,
            r#"[{"id":"a"},{"id":"b"}]"#,
            "{\"id\":\"a\"}\n{\"id\":\"b\"}\n",
        ] {
            let mut stream = JsonStream::new(form.as_bytes(), false, StreamLimits::default());
            let mut ids = Vec::new();
            while let Found::Object(object) = stream.next_object().unwrap() {
                unwrap(object, &origin(), |message: Message| ids.push(message.id)).unwrap();
            }
            assert_eq!(ids, ["a", "b"], "{form}");
        }
    }

    #[test]
    fn a_limit_bounds_object_and_buffer() {
        let limits = StreamLimits {
            line_bytes: 100,
            object_bytes: 100,
        };
        let long = format!("{{\"x\":\"{}\"}}", "y".repeat(1000));
        for (input, want) in [
            (
                format!("{}{long}", event(0)),
                "0 !the data of an event is longer than 100 bytes at line 1 of the stream",
            ),
            (format!("{}\n{}\n", event(0), event(1)), "0 1 ."),
            (
                format!("data: {long}\n\n"),
                "!line 1 of the stream is longer than 100 bytes",
            ),
        ] {
            for step in [1, 7, 5000] {
                let steps = Steps {
                    left: input.as_bytes(),
                    step,
                };
                assert_eq!(read(steps, limits), want);
            }
        }
        let endless = b"{\"x\":\"".chain(io::repeat(b'y'));
        let mut scanner = Scanner::new(endless);
        assert!(scanner.find(100_000).is_err());
        assert_eq!(scanner.capacity(), 100_001);
    }

    #[test]
    fn a_long_stream_keeps_a_small_buffer() {
        const EVENTS: i64 = 20_000;
        let input = forms(EVENTS).swap_remove(0).text();
        let mut stream = JsonStream::new(input.as_bytes(), false, StreamLimits::default());
        let mut seen = 0;
        while let Found::Object(_) = stream.next_object().unwrap() {
            seen += 1;
            let super::Form::Json(scanner) = &stream.form else {
                panic!("the objects are bare")
            };
            assert_eq!(scanner.capacity(), FIRST_READ);
        }
        assert_eq!(seen, EVENTS);
    }

    #[test]
    fn an_object_above_the_limit_is_on_the_same_line_however_it_arrives() {
        let limits = StreamLimits {
            object_bytes: 12,
            ..StreamLimits::default()
        };
        for input in ["{}\n{\"a\":\n1,\n\"b\":\n2}\n", "{}\n{\"a\":\n1,\n\"b\":\n2,\n\n\n"] {
            for step in 1..=input.len() {
                let steps = Steps {
                    left: input.as_bytes(),
                    step,
                };
                let got = read(steps, limits);
                assert_eq!(
                    got, "0 !the data of an event is longer than 12 bytes at line 4 of the stream",
                    "{step} of {input:?}"
                );
            }
        }
    }

    #[test]
    fn a_stream_may_end_within_a_byte_order_mark() {
        for length in 0..=3 {
            for step in 1..=3 {
                assert_eq!(
                    in_steps(&b"\xEF\xBB\xBF"[..length], step),
                    ".",
                    "{length} bytes, {step} at a time"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(form in 0usize..24, cuts in proptest::collection::vec(1usize..40, 0..200)) {
            /// Yields as many bytes at a time as the list says, over and over.
            struct Pieces<'a>(&'a [u8], std::iter::Cycle<std::vec::IntoIter<usize>>);
            impl Read for Pieces<'_> {
                fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                    let step = self.1.next().unwrap_or(1);
                    let count = step.min(into.len()).min(self.0.len());
                    into[..count].copy_from_slice(&self.0[..count]);
                    self.0 = &self.0[count..];
                    Ok(count)
                }
            }
            let input = forms(8).swap_remove(form).text();
            let pieces = Pieces(input.as_bytes(), cuts.into_iter().cycle());
            prop_assert_eq!(read(pieces, StreamLimits::default()), "0 1 2 3 4 5 6 7 .");
        }

        #[test]
        fn any_cut_gives_the_events_before_it(form in 0usize..24, at in 0.0f64..1.0) {
            let form = forms(8).swap_remove(form);
            let input = form.text();
            let cut = (input.len() as f64 * at) as usize;
            let got = in_steps(&input.as_bytes()[..cut], 13);
            let events: String = (0..form.events_within(cut)).map(|index| format!("{index} ")).collect();
            prop_assert!(got == events.clone() + "cut" || got == events + ".", "{got}");
        }

        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            in_steps(&bytes, 7);
        }
    }
}
