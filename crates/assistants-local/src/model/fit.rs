//! Shortens conversations.

use super::request::{ModelMessage, ModelRequest};
use super::tokens;

impl ModelRequest {
    /// Estimates the number of tokens of the prompt.
    #[must_use]
    pub fn prompt_tokens(&self) -> u64 {
        let messages = self.messages.iter().map(tokens::of_message);
        self.fixed_tokens().saturating_add(messages.sum())
    }

    /// Estimates the tokens of what cannot be left out: instructions, functions, and the answers of this run.
    fn fixed_tokens(&self) -> u64 {
        let instructions = tokens::of_text(self.instructions.as_deref().unwrap_or_default());
        let rounds: u64 = self.rounds.iter().map(tokens::of_message).sum();
        let functions = self.functions.iter().map(|function| {
            let parameters = function.parameters.as_ref().map(ToString::to_string);
            let texts = [Some(&function.name), function.description.as_ref(), parameters.as_ref()];
            texts
                .into_iter()
                .flatten()
                .map(|text| tokens::of_text(text))
                .sum::<u64>()
        });
        instructions + rounds + functions.sum::<u64>()
    }

    /// Leaves messages out of the middle of the conversation until the prompt has at most `most` tokens, by estimate. The
    /// first message and the newest ones remain, as with the hosted service; the last one remains in any case. Returns
    /// whether the prompt fits.
    pub fn fit(&mut self, most: u64) -> bool {
        let room = most.saturating_sub(self.fixed_tokens());
        fit_messages(&mut self.messages, room)
    }
}

/// Leaves messages out until the others have at most `room` tokens.
fn fit_messages(messages: &mut Vec<ModelMessage>, room: u64) -> bool {
    let costs: Vec<u64> = messages.iter().map(tokens::of_message).collect();
    let mut total: u64 = costs.iter().sum();
    let newest = messages.len().saturating_sub(1);
    // From the second message on, the oldest first; the first message goes last.
    let order = (1..newest).chain((newest > 0).then_some(0));
    let mut dropped = vec![false; messages.len()];
    for index in order {
        if total <= room {
            break;
        }
        total -= costs[index];
        dropped[index] = true;
    }
    let mut index = 0;
    messages.retain(|_| {
        index += 1;
        !dropped[index - 1]
    });
    total <= room
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;

    fn conversation(texts: &[&str]) -> ModelRequest {
        ModelRequest {
            messages: texts.iter().map(|text| ModelMessage::new(Role::User, *text)).collect(),
            ..ModelRequest::default()
        }
    }

    /// The texts that remain if the prompt may have `most` tokens; each word and each message costs something.
    #[track_caller]
    fn check(most: u64, fits: bool, want: &[&str]) {
        let mut request = conversation(&["a", "b", "c", "d", "e"]);
        assert_eq!(request.fit(most), fits, "{most}");
        let texts: Vec<&str> = request.messages.iter().map(|message| message.text.as_str()).collect();
        assert_eq!(texts, want, "{most}");
    }

    #[test]
    fn messages_are_left_out_of_the_middle() {
        assert_eq!(conversation(&["a", "b", "c", "d", "e"]).prompt_tokens(), 25);
        check(25, true, &["a", "b", "c", "d", "e"]);
        check(24, true, &["a", "c", "d", "e"]);
        check(15, true, &["a", "d", "e"]);
        check(10, true, &["a", "e"]);
        check(9, true, &["e"]);
        check(4, false, &["e"]);
    }

    #[test]
    fn instructions_take_room_from_messages() {
        let mut request = conversation(&["a", "b", "c"]);
        request.instructions = Some("one two three four five".to_owned());
        assert!(request.fit(15));
        assert_eq!(request.messages.len(), 2);
    }

    #[test]
    fn no_message_is_no_problem() {
        assert!(ModelRequest::default().fit(0));
    }
}
