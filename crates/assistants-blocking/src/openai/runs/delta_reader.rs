//! Message deltas, most of which differ from the previous one only in their text.
//!
//! The last parsed delta is kept, split around its text. If the next one begins and ends with the same bytes, only the
//! string in between is parsed. Replacing one JSON string by another changes nothing else in a document, so the result is
//! the same as that of parsing the whole delta.

use std::borrow::Cow;

use memchr::memmem;
use serde::Deserialize;

use crate::openai::{MessageDelta, MessageDeltaContent};

/// Reads the data of the message deltas of one stream, one after the other.
#[derive(Default)]
pub(crate) struct DeltaReader {
    /// The data of the kept delta, up to and including the opening quotation mark of its text; empty if there is none.
    before: String,
    /// The rest of that data, after the closing quotation mark of the text.
    after: String,
    /// That delta, with an empty text; `None` if it was read for its text only.
    delta: Option<MessageDelta>,
    /// How many deltas in a row were parsed completely.
    misses: u32,
    /// A buffer for a text in quotation marks, as it is searched for in the data.
    quoted: String,
}

impl DeltaReader {
    /// The typed form of a delta.
    pub(crate) fn read(&mut self, data: &str) -> serde_json::Result<MessageDelta> {
        if let Some(delta) = self.repeated(data) {
            self.misses = 0;
            return Ok(delta);
        }
        let mut delta: MessageDelta = serde_json::from_str(data)?;
        if text_of(&mut delta).is_some_and(|text| self.remember(data, text)) {
            let mut empty = delta.clone();
            text_of(&mut empty).map(String::clear);
            self.delta = Some(empty);
        }
        Ok(delta)
    }

    /// Appends to `into` the text of a delta that has nothing but text. `None` for any other delta.
    pub(crate) fn read_text(&mut self, data: &str, into: &mut String) -> Option<()> {
        if let Some(Ok(text)) = self.string(data).map(serde_json::from_str::<Borrowed<'_>>) {
            self.misses = 0;
            into.push_str(&text.0);
            return Some(());
        }
        let text = parse_text(data)?;
        if self.remember(data, &text) {
            self.delta = None;
        }
        into.push_str(&text);
        Some(())
    }

    /// The delta, if it differs from the kept one only in its text.
    fn repeated(&self, data: &str) -> Option<MessageDelta> {
        let last = self.delta.as_ref()?;
        let text = serde_json::from_str(self.string(data)?).ok()?;
        let mut delta = last.clone();
        *text_of(&mut delta)? = text;
        Some(delta)
    }

    /// The bytes in place of the text, if everything else is the same as in the kept delta. Only their parser can tell
    /// whether they are exactly one JSON string.
    fn string<'d>(&self, data: &'d str) -> Option<&'d str> {
        if self.before.is_empty() {
            return None;
        }
        data.strip_prefix(self.before.as_str())?
            .strip_suffix(self.after.as_str())
    }

    /// Splits `data` around its text, if the place of the text is certain: it has no escapes, so it occurs literally, and
    /// only once. Tried less and less often in a stream whose deltas all differ.
    fn remember(&mut self, data: &str, text: &str) -> bool {
        self.misses = self.misses.saturating_add(1);
        if !self.misses.is_power_of_two() {
            return false;
        }
        self.quoted.clear();
        self.quoted.extend(["\"", text, "\""]);
        let find = |from: usize| memmem::find(&data.as_bytes()[from..], self.quoted.as_bytes()).map(|at| from + at);
        let Some(at) = find(0) else { return false };
        if find(at + 1).is_some() || data.contains('\\') {
            return false;
        }
        self.before.clear();
        self.before.push_str(&data[..at]);
        self.after.clear();
        self.after.push_str(&data[at + self.quoted.len()..]);
        true
    }
}

/// The text of a delta with a single part, which is text.
fn text_of(delta: &mut MessageDelta) -> Option<&mut String> {
    match delta.delta.content.as_mut()?.as_mut_slice() {
        [MessageDeltaContent::Text(part)] => part.text.as_mut()?.value.as_mut(),
        _ => None,
    }
}

/// Borrowed unless it has escapes. (Directly in an `Option`, a `Cow` would always be copied.)
#[derive(Deserialize)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

/// The text in the data of a message delta that has a single part, which is text; otherwise `None`.
fn parse_text(data: &str) -> Option<Cow<'_, str>> {
    let delta: DeltaText<'_> = serde_json::from_str(data).ok()?;
    let [part] = delta.delta.content;
    let text = part.text.filter(|_| part.kind.0 == "text")?;
    Some(text.value?.0)
}

/// The path to the text in the data of a message delta: `delta.content[0].text.value`.
#[derive(Deserialize)]
struct DeltaText<'a> {
    #[serde(borrow)]
    delta: Body<'a>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    content: [Part<'a>; 1],
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Borrowed<'a>,
    #[serde(borrow, default)]
    text: Option<PartText<'a>>,
}

#[derive(Deserialize)]
struct PartText<'a> {
    #[serde(borrow, default)]
    value: Option<Borrowed<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(content: &str) -> String {
        format!(r#"{{"id":"m","object":"thread.message.delta","delta":{{"role":"assistant","content":{content}}}}}"#)
    }

    fn text_delta(text: &str) -> String {
        delta(&format!(
            r#"[{{"index":0,"type":"text","text":{{"value":{text},"annotations":[]}}}}]"#
        ))
    }

    #[track_caller]
    fn text(reader: &mut DeltaReader, data: &str) -> Option<String> {
        let mut text = String::new();
        reader.read_text(data, &mut text).map(|()| text)
    }

    #[test]
    fn reads_the_text_of_a_delta() {
        let one = r#"[{"index":0,"type":"text","text":{"value":"a\u00e9\n","annotations":[{"x":1}]}}]"#;
        assert_eq!(text(&mut DeltaReader::default(), &delta(one)).as_deref(), Some("aé\n"));
        // A delta without exactly one text part is parsed completely.
        for other in [
            "[]",
            r#"[{"index":0,"type":"refusal","refusal":"no"}]"#,
            "3",
            r#"[{"text":{"value":"a"}},{"x":1}]"#,
        ] {
            assert_eq!(text(&mut DeltaReader::default(), &delta(other)), None, "{other}");
        }
    }

    #[test]
    fn earlier_deltas_do_not_change_the_result() {
        let texts = [
            r#"" word""#,
            r#"" another""#,
            r#""""#,
            r#"":""#,
            r#"",""#,
            r#""value""#,
            r#""thread.message.delta""#,
            r#""m""#,
            r#""line\nquote\"end""#,
            r#""\u0020word""#,
            r#""\ud800""#,
            r#""Ж😀""#,
            r#" "spaced" "#,
            "null",
            "3",
            "\"tab\tinside\"",
            // The JSON continues where the text of another delta would end.
            r#"" word","value":"twice""#,
            r#"" word","more":"m""#,
            r#"" word","annotations":[]}},{"index":1,"type":"text","text":{"value":" part""#,
            "\"",
            "",
        ];
        let mut deltas: Vec<String> = texts.iter().map(|text| text_delta(text)).collect();
        // The text also occurs elsewhere, or occurs literally only elsewhere.
        for (elsewhere, text) in [
            (" word", "\\u0020word"),
            (" other", "\\u0020word"),
            (":", ":"),
            ("?", ":"),
            ("a", "a"),
            ("b", "a"),
        ] {
            deltas.push(format!(
                r#"{{"x":"{elsewhere}","id":"m","delta":{{"content":[{{"index":0,"type":"text","text":{{"value":"{text}"}}}}]}}}}"#
            ));
        }
        deltas.extend([
            r#"{"id":"n","delta":{"content":[{"index":0,"type":"text","text":{"value":" word"}}]},"x":1.0,"y":null}"#
                .to_owned(),
            r#"{"id":"n","delta":{"content":[{"index":0,"type":"text","text":{"value":" more"}}]},"x":1.0,"y":null}"#
                .to_owned(),
            r#"{"id":"n","delta":{"content":[{"index":0,"type":"text","text":{"value":" word"}}]},"x":1,"y":null}"#
                .to_owned(),
            // The searched bytes occur at two places that overlap.
            text_delta(r#"" : ""#).replace(r#""value":"#, r#""value" : "#),
            text_delta(r#"" : ""#).replace(r#""value":"#, r#""value"  :  "#),
            delta("[]"),
            delta("null"),
            delta(r#"[{"index":0,"type":"refusal","refusal":" word"}]"#),
            r#"" word""#.to_owned(),
            String::new(),
        ]);
        for first in &deltas {
            for second in &deltas {
                for first_typed in [true, false] {
                    let mut reader = DeltaReader::default();
                    if first_typed {
                        drop(reader.read(first));
                    } else {
                        text(&mut reader, first);
                    }
                    let want = serde_json::from_str::<MessageDelta>(second);
                    let want_text = want.as_ref().ok().map(|delta| delta.text().into_owned());
                    let after = format!("{second} after {first}");
                    if let Some(text) = text(&mut reader, second) {
                        assert_eq!(Some(text), want_text, "{after}");
                    }
                    match (reader.read(second), want) {
                        (Ok(delta), Ok(want)) => {
                            assert_eq!(delta, want, "{after}");
                            let json = |delta| serde_json::to_string(delta).unwrap();
                            assert_eq!(json(&delta), json(&want), "{after}");
                        }
                        (Err(error), Err(want)) => assert_eq!(error.to_string(), want.to_string(), "{after}"),
                        other => panic!("{after}: {other:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn a_delta_like_the_previous_one_is_not_parsed_completely() {
        let mut reader = DeltaReader::default();
        for (text, parsed_whole) in [(r#""one""#, true), (r#""two\n""#, false), (r#""three""#, false)] {
            let data = text_delta(text);
            assert_eq!(reader.repeated(&data).is_none(), parsed_whole, "{text}");
            reader.read(&data).unwrap();
        }
        // Another beginning is recognized at once; in a stream whose deltas all differ, less and less often.
        for (id, learnt) in [(1, true), (2, true), (3, false), (4, true), (5, false)] {
            let data = text_delta(r#"" word""#).replacen('m', &id.to_string(), 1);
            reader.read(&data).unwrap();
            assert_eq!(reader.before.contains(&id.to_string()), learnt, "{id}");
        }
    }
}
