//! The model that answers as a script says.

use std::sync::Arc;
use std::time::Duration;

use super::answer_rule::AnswerRule;
use super::rules::Rules;
use crate::model::scripted::{argument_pieces, prompt_tokens, provider_message, words};
use crate::model::{Failure, Finish, Model, ModelRequest, Output, Stopped, Usage};

/// How many characters of a prompt an error quotes.
const QUOTED: usize = 200;

/// Answers prompts by the rules of a script, and passes on the others.
pub(crate) struct ScriptedAnswers {
    rules: Rules<AnswerRule>,
    /// Whether a prompt that no rule matches is an error.
    strict: bool,
    others: Arc<dyn Model>,
}

impl ScriptedAnswers {
    pub(crate) fn new(rules: Vec<AnswerRule>, strict: bool, others: Arc<dyn Model>) -> Self {
        Self {
            rules: Rules::new(rules),
            strict,
            others,
        }
    }
}

impl Model for ScriptedAnswers {
    fn name(&self) -> &str {
        self.others.name()
    }

    fn list(&self) -> Vec<String> {
        let mut names = self.others.list();
        for name in self.rules.iter().filter_map(|rule| rule.model.as_ref()?.literal()) {
            if !names.iter().any(|listed| listed == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    fn knows(&self, model: &str) -> bool {
        let mut patterns = self.rules.iter().filter_map(|rule| rule.model.as_ref());
        patterns.any(|pattern| pattern.matches(model)) || self.others.knows(model)
    }

    fn respond(&self, request: &ModelRequest, output: &mut Output<'_>) -> Result<Finish, Failure> {
        if let Some((number, rule)) = self.rules.take(|rule| rule.matches(request)) {
            let run = request.run_id.as_deref().unwrap_or("a chat or response");
            log::debug!("answer {number} of the script: {run}");
            return play(rule, request, output);
        }
        if self.strict {
            return Err(Failure::new("invalid_prompt", unmatched(request)));
        }
        self.others.respond(request, output)
    }
}

fn unmatched(request: &ModelRequest) -> String {
    let prompt = request.last_user_text();
    let end = prompt
        .char_indices()
        .nth(QUOTED)
        .map_or(prompt.to_owned(), |(end, _)| format!("{}…", &prompt[..end]));
    format!(
        "No answer of the script matches the model '{}', round {} and the prompt '{end}'.",
        request.model,
        request.rounds.len()
    )
}

fn play(rule: &AnswerRule, request: &ModelRequest, output: &mut Output<'_>) -> Result<Finish, Failure> {
    if !rule.delay.is_zero() {
        output.wait(rule.delay)?;
    }
    let mut pauses = Pauses {
        length: rule.piece_delay,
        begun: false,
    };
    let mut completion_tokens = 0;
    let found = if rule.file_search.is_empty() {
        Vec::new()
    } else {
        pauses.before_piece(output)?;
        output.file_search(&rule.file_search)?
    };
    if let Some(text) = &rule.text {
        for piece in text.pieces() {
            pauses.before_piece(output)?;
            output.text(piece)?;
            completion_tokens += words(piece);
        }
        if let Some(best) = found.first() {
            output.cite(best)?;
        }
    }
    for call in &rule.calls {
        pauses.before_piece(output)?;
        let index = output.call(&call.name)?;
        for piece in argument_pieces(&call.arguments) {
            pauses.before_piece(output)?;
            output.arguments(index, piece)?;
        }
        completion_tokens += 1 + words(&call.arguments);
    }
    if let Some(error) = &rule.error {
        let message = error.message.clone().unwrap_or_else(|| {
            let code = &error.code;
            format!("{}The script asks for the failure {code}.", provider_message(code))
        });
        return Err(Failure::new(&error.code, message));
    }
    let counted = Usage {
        prompt_tokens: prompt_tokens(request),
        completion_tokens,
    };
    let usage = rule.usage.map_or(counted, |usage| Usage {
        prompt_tokens: usage.prompt_tokens,
        completion_tokens: usage.completion_tokens,
    });
    Ok(Finish::new(rule.finish_reason(), usage))
}

/// The pauses between pieces.
struct Pauses {
    length: Duration,
    begun: bool,
}

impl Pauses {
    fn before_piece(&mut self, output: &Output<'_>) -> Result<(), Stopped> {
        if self.begun && !self.length.is_zero() {
            output.wait(self.length)?;
        }
        self.begun = true;
        Ok(())
    }
}
