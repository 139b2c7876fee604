//! File search as a function that the model calls, and citations in its answer.
//!
//! The hosted service offered its models a function of up to five queries, and showed the results with marks that an answer
//! could repeat as citations. The same works for any model that can call functions.

use serde_json::{Value, json};

use crate::model::{Function, Output, Passage, Stopped};

/// The name of the function.
pub(super) const NAME: &str = "file_search";

/// The highest number of queries of one search.
const MAX_QUERIES: usize = 5;

/// The tokens that the results of a search may have, as with the hosted service.
const BUDGET: u64 = 16_000;

/// The instructions that introduce the function to the model.
pub(super) const INSTRUCTIONS: &str = "You can search the files that the user has provided with the function file_search. \
    Search before you answer a question about them. If the answer relies on a passage, cite it by repeating its mark, \
    such as 【1:0†source】, directly after the sentence.";

/// Returns the function to offer.
pub(super) fn function() -> Function {
    let mut function = Function::new(NAME);
    function.description = Some(
        "Searches the files that the user has provided, and returns the passages that match best. Give up to five \
         queries: the question of the user, completed so that it can be understood by itself, and other wordings or \
         parts of it."
            .to_owned(),
    );
    function.parameters = Some(json!({
        "type": "object",
        "properties": {"queries": {"type": "array", "items": {"type": "string"}}},
        "required": ["queries"],
        "additionalProperties": false,
    }));
    function
}

/// Returns the queries of a call. Models also write a single `query`, or a string for the list.
fn queries(arguments: &str) -> Vec<String> {
    let arguments: Value = serde_json::from_str(arguments).unwrap_or(Value::Null);
    let queries = match arguments.get("queries").or_else(|| arguments.get("query")) {
        Some(Value::Array(queries)) => queries.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(query)) => vec![query.clone()],
        _ => Vec::new(),
    };
    let given = queries.into_iter().filter(|query| !query.trim().is_empty());
    given.take(MAX_QUERIES).collect()
}

/// Performs a call, adds what it finds to `passages`, and returns the output for the model.
pub(super) fn perform(
    arguments: &str,
    output: &mut Output<'_>,
    passages: &mut Vec<Passage>,
) -> Result<String, Stopped> {
    let queries = queries(arguments);
    if queries.is_empty() {
        return Ok("The function needs a list of queries: {\"queries\": [\"…\"]}.".to_owned());
    }
    let found = output.file_search(&queries)?;
    if found.is_empty() {
        return Ok("Nothing was found.".to_owned());
    }
    let mut text = String::new();
    let mut left = BUDGET;
    for passage in found {
        let tokens = crate::model::tokens::of_text(&passage.text);
        if tokens > left {
            break;
        }
        left -= tokens;
        text.push_str(&format!(
            "{} {}\n{}\n\n",
            mark(&passage),
            passage.file_name,
            passage.text
        ));
        passages.push(passage);
    }
    Ok(text)
}

/// The mark of a passage, which becomes the text of its citation.
fn mark(passage: &Passage) -> String {
    format!("【{}:{}†source】", passage.search, passage.index)
}

/// Turns marks in the text of an answer into citations. A mark can be split over any number of pieces.
#[derive(Debug, Default)]
pub(super) struct Citations {
    held: String,
}

/// The longest text in brackets that can be a mark, in bytes.
const LONGEST_MARK: usize = 100;

impl Citations {
    /// Writes a piece of text, with citations in place of marks of `passages`.
    pub(super) fn push(&mut self, text: &str, passages: &[Passage], output: &mut Output<'_>) -> Result<(), Stopped> {
        self.held.push_str(text);
        loop {
            let Some(start) = self.held.find('【') else {
                output.text(&std::mem::take(&mut self.held))?;
                return Ok(());
            };
            if start > 0 {
                output.text(&self.held[..start])?;
                self.held.drain(..start);
            }
            match self.held.find('】') {
                Some(end) => {
                    let end = end + '】'.len_utf8();
                    match cited(&self.held[..end], passages) {
                        Some(passage) => output.cite(passage)?,
                        None => output.text(&self.held[..end])?,
                    }
                    self.held.drain(..end);
                }
                None if self.held.len() > LONGEST_MARK => {
                    output.text(&std::mem::take(&mut self.held))?;
                    return Ok(());
                }
                None => return Ok(()),
            }
        }
    }

    /// Writes what is held.
    pub(super) fn finish(&mut self, output: &mut Output<'_>) -> Result<(), Stopped> {
        output.text(&std::mem::take(&mut self.held))
    }
}

/// Finds the passage of a mark. Models vary what follows the numbers.
fn cited<'p>(mark: &str, passages: &'p [Passage]) -> Option<&'p Passage> {
    let inner = mark.strip_prefix('【')?.strip_suffix('】')?;
    let numbers = inner.split('†').next()?.trim();
    let (search, index) = numbers.split_once(':')?;
    let (search, index): (usize, usize) = (search.trim().parse().ok()?, index.trim().parse().ok()?);
    passages
        .iter()
        .find(|passage| passage.search == search && passage.index == index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_up_to_five_queries_in_whichever_form() {
        assert_eq!(queries(r#"{"queries":["a","b"]}"#), ["a", "b"]);
        assert_eq!(queries(r#"{"query":"a"}"#), ["a"]);
        assert_eq!(queries(r#"{"queries":["1","2","3","4","5","6"," "]}"#).len(), 5);
        assert!(queries("nonsense").is_empty());
    }

    #[test]
    fn a_mark_names_a_passage() {
        let mut passage = Passage::default();
        (passage.search, passage.index) = (1, 2);
        let passages = [passage];
        assert!(cited("【1:2†source】", &passages).is_some());
        assert!(cited("【1:2†notes.md】", &passages).is_some());
        assert!(cited("【1:3†source】", &passages).is_none());
        assert!(cited("【note】", &passages).is_none());
        assert_eq!(mark(&passages[0]), "【1:2†source】");
    }
}
