//! A model that follows commands in the user's message: deterministic, offline, without a key.
//!
//! It reads the last user message line by line and executes the lines that are commands. If there are none, it repeats
//! the message.
//!
//! | line | effect |
//! | --- | --- |
//! | `call NAME JSON` | calls the function with these arguments (`{}` if omitted); several lines make several calls |
//! | `repeat N` | writes N words, one per piece: `word1 word2 …`; if N exceeds 1,000,000, the run fails with `invalid_prompt` |
//! | `code CODE` | executes the code, and reports its logs with links to the files that it has created |
//! | `sleep MS` | waits for this many milliseconds, or until the run has ended |
//! | `fail CODE` | fails the run with this error code, and with the provider's message if it has one for the code |
//!
//! With file search, and if no line is a command, the answer quotes the lines of the attached files that contain most
//! of the message's words, from at most three passages, each with a citation.
//!
//! If the run has a function `file_search` with a parameter `queries`, and no line is a command, the function is called with
//! the message: so a server that offers file search as a function can be tested with this model behind it.
//!
//! Arguments are passed on unchanged, whether or not they are valid JSON. Calls are made after the other commands,
//! whatever the order of the lines. A function that the run does not have is not called, and the answer says so. Once
//! functions have been called, the answer reports their outputs, and the commands are not executed again. With
//! `parallel_tool_calls: false`, calls are made one at a time. `tool_choice` is respected: with `none` nothing is
//! called; with `required` the run's first function is called if no line calls one; and a named function is called
//! instead of those in the lines.
//!
//! A token is a word, delimited by white space. The prompt consists of the instructions, all messages and all outputs
//! of functions. A call counts as one token for its name and one for each word of its arguments.

use std::borrow::Cow;
use std::iter;
use std::time::Duration;

use serde_json::json;

use super::code::{CODE_INTERPRETER, FOLDER};
use super::{
    CompletedCall, Failure, Finish, FinishReason, Function, Model, ModelRequest, Output, Passage, ToolChoice, Usage,
};
use crate::search;

/// The maximum number of quoted passages, and of lines quoted from each.
const MAX_QUOTES: usize = 3;
const QUOTED_LINES: usize = 6;

/// The maximum number of words that `repeat` writes.
const MAX_WORDS: u64 = 1_000_000;

/// The number of characters in a piece of arguments.
const ARGUMENTS_PIECE: usize = 12;

/// The scripted model; see the [module](self).
#[derive(Clone, Copy, Debug, Default)]
pub struct Scripted;

impl Model for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn respond(&self, request: &ModelRequest, output: &mut Output<'_>) -> Result<Finish, Failure> {
        let mut usage = Usage {
            prompt_tokens: prompt_tokens(request),
            completion_tokens: 0,
        };
        if request.max_prompt_tokens.is_some_and(|most| usage.prompt_tokens > most) {
            return Ok(Finish {
                reason: FinishReason::MaxPromptTokens,
                usage,
            });
        }
        let mut answer = Answer {
            output,
            written: 0,
            most: request.max_completion_tokens,
        };
        let finished = perform(request, &mut answer);
        usage.completion_tokens = answer.written;
        match finished {
            Ok(()) => Ok(Finish {
                reason: FinishReason::Stop,
                usage,
            }),
            Err(End::Full) => Ok(Finish {
                reason: FinishReason::MaxCompletionTokens,
                usage,
            }),
            Err(End::Failure(failure)) => Err(failure),
        }
    }
}

/// Counts the tokens of the prompt.
pub(crate) fn prompt_tokens(request: &ModelRequest) -> u64 {
    let messages = request.messages.iter().map(|message| message.text.as_str());
    let outputs = request.calls().map(|call| call.output.as_str());
    request
        .instructions
        .as_deref()
        .into_iter()
        .chain(messages)
        .chain(outputs)
        .map(words)
        .sum()
}

/// Counts the words of a text, each of which is a token.
pub(crate) fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// A line that is a command.
#[derive(Debug, PartialEq, Eq)]
enum Command<'a> {
    Call { name: &'a str, arguments: &'a str },
    Repeat(u64),
    Code(&'a str),
    Sleep(Duration),
    Fail(&'a str),
}

fn command(line: &str) -> Option<Command<'_>> {
    let (verb, rest) = line.trim().split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    match verb {
        "call" => {
            let (name, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, "{}"));
            Some(Command::Call {
                name,
                arguments: arguments.trim_start(),
            })
        }
        "repeat" => rest.parse().ok().map(Command::Repeat),
        "code" => Some(Command::Code(rest)),
        "sleep" => rest.parse().ok().map(Duration::from_millis).map(Command::Sleep),
        "fail" if !rest.contains(char::is_whitespace) => Some(Command::Fail(rest)),
        _ => None,
    }
}

fn perform(request: &ModelRequest, answer: &mut Answer<'_, '_>) -> Result<(), End> {
    let message = request.last_user_text();
    let commands: Vec<Command<'_>> = message.lines().filter_map(command).collect();
    let wanted = wanted_calls(request, &commands);
    let is_code = |call: &&CompletedCall| call.name == CODE_INTERPRETER && !has_function(request, &call.name);
    let done: Vec<&CompletedCall> = request.calls().filter(|call| !is_code(call)).collect();
    if request.parallel_tool_calls {
        if !done.is_empty() {
            return report(&done, answer);
        }
    } else if !done.is_empty() && done.len() >= wanted.len() {
        return report(&done, answer);
    }
    if done.is_empty() {
        for command in &commands {
            match command {
                Command::Sleep(duration) => answer.output.wait(*duration).map_err(Failure::from)?,
                Command::Repeat(count) => answer.repeat(*count)?,
                Command::Code(code) => execute(request, code, answer)?,
                Command::Fail(code) => {
                    return Err(Failure::new(*code, failure_message(code)).into());
                }
                Command::Call { .. } => {}
            }
        }
    }
    let next = if request.parallel_tool_calls {
        &wanted[..]
    } else {
        wanted.get(done.len()..).unwrap_or_default()
    };
    let next = if request.parallel_tool_calls {
        next
    } else {
        next.get(..1).unwrap_or_default()
    };
    for (name, arguments) in next {
        answer.call(name, arguments)?;
    }
    if done.is_empty() {
        refuse(request, &commands, answer)?;
    }
    if commands.is_empty() && next.is_empty() && request.file_search {
        return quote(message, answer);
    }
    let silent = commands.iter().all(|command| matches!(command, Command::Sleep(_)));
    match commands.len() {
        0 if next.is_empty() => answer.text(message),
        1.. if silent && next.is_empty() => answer.text("Slept."),
        _ => Ok(()),
    }
}

/// Returns the message of a failure. Programs match the provider's messages, so these come first.
fn failure_message(code: &str) -> String {
    format!("{}The message asked for the failure {code}.", provider_message(code))
}

/// Returns the provider's message for an error code, followed by a space; empty if it has none.
pub(crate) fn provider_message(code: &str) -> &'static str {
    match code {
        "context_length_exceeded" => {
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 8193 tokens. \
             Please reduce the length of the messages. "
        }
        "insufficient_quota" => "You exceeded your current quota, please check your plan and billing details. ",
        "invalid_prompt" => {
            "Invalid prompt: your prompt was flagged as potentially violating our usage policy. \
             Please try again with a different prompt. "
        }
        "rate_limit_exceeded" => "Rate limit reached for requests. Please try again in 1 second. ",
        "server_error" => {
            "The server had an error processing your request. Sorry about that! You can retry your request. "
        }
        _ => "",
    }
}

/// Executes code, and reports what it has written.
fn execute(request: &ModelRequest, code: &str, answer: &mut Answer<'_, '_>) -> Result<(), End> {
    if request.code_interpreter.is_none() {
        return answer.text("The run may not execute code.");
    }
    let execution = answer.output.code_interpreter(code).map_err(Failure::from)?;
    answer.text(&format!("The code wrote: {}", execution.logs))?;
    for file in &execution.files {
        answer.text(&format!("\n[{}]({FOLDER}{})", file.name, file.name))?;
    }
    Ok(())
}

/// Quotes and cites the best passages of the attached files.
fn quote(question: &str, answer: &mut Answer<'_, '_>) -> Result<(), End> {
    let found = answer
        .output
        .file_search(&[question.to_owned()])
        .map_err(Failure::from)?;
    let words = search::words(question);
    let mut quoted: Vec<(String, &Passage)> = Vec::new();
    for passage in &found {
        let best = best_lines(&passage.text, &words);
        if quoted.len() < MAX_QUOTES && !best.is_empty() && quoted.iter().all(|(other, _)| *other != best) {
            quoted.push((best, passage));
        }
    }
    if quoted.is_empty() {
        return answer.text("The attached files say nothing about it.");
    }
    for (index, (lines, passage)) in quoted.into_iter().enumerate() {
        if index > 0 {
            answer.text("\n\n")?;
        }
        answer.text(&format!("{}:\n{lines} ", passage.file_name))?;
        answer.output.cite(passage).map_err(Failure::from)?;
    }
    Ok(())
}

/// Returns the consecutive lines of a text that contain most of the words; a short paragraph is returned as a whole.
fn best_lines(text: &str, words: &[String]) -> String {
    let lines: Vec<&str> = text.lines().collect();
    // The words that a line contains. Inflected forms are recognized by a common prefix.
    let has = |line: &str| -> Vec<bool> {
        let own = search::words(line);
        let alike = |word: &String| own.iter().any(|other| other.starts_with(stem(word)));
        words.iter().map(alike).collect()
    };
    let found: Vec<Vec<bool>> = lines.iter().map(|line| has(line)).collect();
    let mut best = (0, 0..0);
    for start in 0..lines.len() {
        let end = (start + QUOTED_LINES).min(lines.len());
        // A blank line ends a paragraph.
        let end = (start..end).find(|at| lines[*at].trim().is_empty()).unwrap_or(end);
        let covered = (0..words.len()).filter(|word| found[start..end].iter().any(|line| line[*word]));
        let first_counts = usize::from(found.get(start).is_some_and(|line| line.contains(&true)));
        let score = 2 * covered.count() + first_counts;
        if first_counts > 0 && score > best.0 {
            best = (score, start..end);
        }
    }
    lines[best.1].join("\n").trim().to_owned()
}

/// Returns the prefix that inflected forms of a word roughly share.
fn stem(word: &str) -> &str {
    let letters = word.chars().count();
    let kept = if letters > 4 { letters - 1 } else { letters };
    word.char_indices().nth(kept).map_or(word, |(end, _)| &word[..end])
}

/// Returns the calls to make in the whole run, in order.
fn wanted_calls<'a>(request: &'a ModelRequest, commands: &[Command<'a>]) -> Vec<(&'a str, Cow<'a, str>)> {
    let asked = commands.iter().filter_map(|command| match command {
        Command::Call { name, arguments } if has_function(request, name) => Some((*name, Cow::Borrowed(*arguments))),
        _ => None,
    });
    let without_arguments = |name: &'a str| (name, Cow::Borrowed("{}"));
    match &request.tool_choice {
        ToolChoice::None => Vec::new(),
        ToolChoice::Auto if commands.is_empty() => search_call(request).into_iter().collect(),
        ToolChoice::Auto => asked.collect(),
        ToolChoice::Required => {
            let asked: Vec<_> = asked.collect();
            let first = request
                .functions
                .first()
                .map(|function| without_arguments(&function.name));
            if asked.is_empty() {
                first.into_iter().collect()
            } else {
                asked
            }
        }
        ToolChoice::Function(name) => {
            let asked: Vec<_> = asked.filter(|(asked, _)| asked == name).collect();
            if asked.is_empty() && has_function(request, name) {
                vec![without_arguments(name)]
            } else {
                asked
            }
        }
    }
}

/// Returns the call of a function that searches files, if there is one.
fn search_call(request: &ModelRequest) -> Option<(&str, Cow<'_, str>)> {
    let has_queries = |function: &&Function| {
        let parameters = function.parameters.as_ref();
        function.name == "file_search" && parameters.is_some_and(|schema| schema["properties"]["queries"].is_object())
    };
    let function = request.functions.iter().find(has_queries)?;
    let arguments = json!({"queries": [request.last_user_text()]});
    Some((&function.name, arguments.to_string().into()))
}

fn has_function(request: &ModelRequest, name: &str) -> bool {
    request.functions.iter().any(|function| function.name == name)
}

/// Reports the calls that were requested and not made.
fn refuse(request: &ModelRequest, commands: &[Command<'_>], answer: &mut Answer<'_, '_>) -> Result<(), End> {
    for command in commands {
        let Command::Call { name, .. } = command else { continue };
        if !has_function(request, name) {
            answer.text(&format!("The run has no function {name}."))?;
        } else if request.tool_choice == ToolChoice::None {
            answer.text(&format!("The run may not call the function {name}."))?;
        }
    }
    Ok(())
}

/// Splits arguments into the pieces in which they are written.
pub(crate) fn argument_pieces(arguments: &str) -> impl Iterator<Item = &str> {
    let mut rest = arguments;
    iter::from_fn(move || {
        let end = rest
            .char_indices()
            .nth(ARGUMENTS_PIECE)
            .map_or(rest.len(), |(end, _)| end);
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

fn report(done: &[&CompletedCall], answer: &mut Answer<'_, '_>) -> Result<(), End> {
    for (index, call) in done.iter().enumerate() {
        let line_break = if index == 0 { "" } else { "\n" };
        answer.text(&format!("{line_break}{} returned {}", call.name, call.output))?;
    }
    Ok(())
}

/// Why an answer ends early.
enum End {
    /// `max_completion_tokens` was reached.
    Full,
    Failure(Failure),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Writes the answer, counts its words, and stops at the limit.
struct Answer<'a, 'o> {
    output: &'a mut Output<'o>,
    written: u64,
    most: Option<u64>,
}

impl Answer<'_, '_> {
    /// Writes a text word by word, including its white space.
    fn text(&mut self, text: &str) -> Result<(), End> {
        let mut rest = text;
        while !rest.is_empty() {
            let word_start = rest
                .find(|character: char| !character.is_whitespace())
                .unwrap_or(rest.len());
            let word_end = rest[word_start..]
                .find(char::is_whitespace)
                .map_or(rest.len(), |length| word_start + length);
            if word_start < word_end {
                self.count(1)?;
            }
            self.output.text(&rest[..word_end]).map_err(Failure::from)?;
            rest = &rest[word_end..];
        }
        Ok(())
    }

    fn repeat(&mut self, count: u64) -> Result<(), End> {
        if count > MAX_WORDS {
            let message = format!("The message asked for {count} words, and the model writes at most {MAX_WORDS}.");
            return Err(Failure::new("invalid_prompt", message).into());
        }
        for number in 1..=count {
            let space = if number == 1 { "" } else { " " };
            self.count(1)?;
            self.output
                .text(&format!("{space}word{number}"))
                .map_err(Failure::from)?;
        }
        Ok(())
    }

    fn call(&mut self, name: &str, arguments: &str) -> Result<(), End> {
        self.count(1 + words(arguments))?;
        let index = self.output.call(name).map_err(Failure::from)?;
        for piece in argument_pieces(arguments) {
            self.output.arguments(index, piece).map_err(Failure::from)?;
        }
        Ok(())
    }

    fn count(&mut self, words: u64) -> Result<(), End> {
        if self.most.is_some_and(|most| self.written + words > most) {
            return Err(End::Full);
        }
        self.written += words;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CodeTool, Function, GeneratedFile, ModelMessage, Piece, Role, Stop};
    use std::fmt::Write as _;
    use std::ops::ControlFlow;

    fn request(message: &str) -> ModelRequest {
        ModelRequest {
            messages: vec![ModelMessage::new(Role::User, message)],
            functions: vec![Function::new("f"), Function::new("g")],
            parallel_tool_calls: true,
            ..ModelRequest::default()
        }
    }

    fn after(message: &str, outputs: &[&str]) -> ModelRequest {
        let round = |output: &&str| {
            let mut answer = ModelMessage::new(Role::Assistant, "");
            answer.calls = vec![CompletedCall::new("call_1", "f", "{}", *output)];
            answer
        };
        ModelRequest {
            rounds: outputs.iter().map(round).collect(),
            ..request(message)
        }
    }

    /// Returns the pieces of the answer, each in brackets, with calls as `name:` and arguments as `index=text`,
    /// followed by how it ended.
    fn answer(request: &ModelRequest) -> String {
        let mut pieces = String::new();
        let stop = Stop::default();
        let mut take = |piece: Piece<'_>| {
            match piece {
                Piece::Text(text) => write!(pieces, "[{text}]"),
                Piece::Call { name } => write!(pieces, "[{name}:]"),
                Piece::Arguments { index, text } => write!(pieces, "[{index}={text}]"),
                Piece::Search { queries, found } => {
                    let query = queries.join(" | ");
                    let passage = Passage {
                        file_name: "a.md".to_owned(),
                        text: "# Tests\n\nRun the tests\nwith cargo.\n\nBread is good.".to_owned(),
                        ..Passage::default()
                    };
                    found.extend((query != "nothing").then_some(passage));
                    write!(pieces, "[search {query}]")
                }
                Piece::Citation(passage) => write!(pieces, "[cite {}]", passage.file_name),
                Piece::State(state) => write!(pieces, "[state {state}]"),
                Piece::Code { code, execution } => {
                    execution.logs = "42".to_owned();
                    execution.files.push(GeneratedFile {
                        name: "a.csv".to_owned(),
                        ..GeneratedFile::default()
                    });
                    write!(pieces, "[code {code}]")
                }
            }
            .unwrap();
            ControlFlow::Continue(())
        };
        let finish = Scripted.respond(request, &mut Output::new(&mut take, &stop));
        match finish {
            Ok(Finish {
                reason: FinishReason::Stop,
                ..
            }) => {}
            Ok(finish) => write!(pieces, " {:?}", finish.reason).unwrap(),
            Err(failure) => write!(pieces, " {failure:?}").unwrap(),
        }
        pieces
    }

    #[track_caller]
    fn check(request: &ModelRequest, want: &str) {
        assert_eq!(answer(request), want);
    }

    #[test]
    fn echoes_word_by_word() {
        check(&request("Hello big  world\n"), "[Hello][ big][  world][\n]");
        check(&request(""), "");
        check(
            &request("calling f is not a command"),
            "[calling][ f][ is][ not][ a][ command]",
        );
        check(&request("repeat after me"), "[repeat][ after][ me]");
        check(&request("fail me now"), "[fail][ me][ now]");
    }

    #[test]
    fn calls_functions() {
        check(&request("call f"), "[f:][0={}]");
        check(
            &request("call f {\"city\":\"Paris\"}"),
            "[f:][0={\"city\":\"Par][0=is\"}]",
        );
        check(&request("Please:\ncall f {}\ncall g 1"), "[f:][0={}][g:][1=1]");
        check(&request("call f {broken"), "[f:][0={broken]");
        check(&request("call h {}"), "[The][ run][ has][ no][ function][ h.]");
    }

    #[test]
    fn answers_with_the_outputs() {
        check(&after("call f {}", &["sunny day"]), "[f][ returned][ sunny][ day]");
        check(
            &after("call f {}\nsleep 5", &["1", "2"]),
            "[f][ returned][ 1][\nf][ returned][ 2]",
        );
    }

    #[test]
    fn calls_one_by_one_without_parallel_calls() {
        let one_by_one = |request: ModelRequest| ModelRequest {
            parallel_tool_calls: false,
            ..request
        };
        let message = "call f 1\ncall g 2";
        check(&one_by_one(request(message)), "[f:][0=1]");
        check(&one_by_one(after(message, &["a"])), "[g:][0=2]");
        check(
            &one_by_one(after(message, &["a", "b"])),
            "[f][ returned][ a][\nf][ returned][ b]",
        );
    }

    #[test]
    fn keeps_to_the_tool_choice() {
        let choose = |choice: ToolChoice, message: &str| ModelRequest {
            tool_choice: choice,
            ..request(message)
        };
        check(
            &choose(ToolChoice::None, "call f {}"),
            "[The][ run][ may][ not][ call][ the][ function][ f.]",
        );
        check(&choose(ToolChoice::Required, "Hello"), "[f:][0={}]");
        check(&choose(ToolChoice::Required, "call g 1"), "[g:][0=1]");
        let named = ToolChoice::Function("g".to_owned());
        check(&choose(named.clone(), "Hello"), "[g:][0={}]");
        check(&choose(named.clone(), "call f 1\ncall g 2"), "[g:][0=2]");
        let outputs = ModelRequest {
            tool_choice: named,
            ..after("Hello", &["1"])
        };
        check(&outputs, "[f][ returned][ 1]");
    }

    #[test]
    fn repeats_sleeps_and_fails() {
        check(&request("repeat 3"), "[word1][ word2][ word3]");
        check(&request("repeat 0"), "");
        check(
            &request("repeat 1000001"),
            " Failed { code: \"invalid_prompt\", \
             message: \"The message asked for 1000001 words, and the model writes at most 1000000.\" }",
        );
        check(&request("sleep 0"), "[Slept.]");
        check(&request("sleep 0\nrepeat 1"), "[word1]");
        check(
            &request("fail server_error"),
            " Failed { code: \"server_error\", message: \"The server had an error processing your request. Sorry about that! \
             You can retry your request. The message asked for the failure server_error.\" }",
        );
    }

    #[test]
    fn stops_at_the_most_tokens() {
        let limited = |most, message| ModelRequest {
            max_completion_tokens: Some(most),
            ..request(message)
        };
        check(&limited(2, "repeat 3"), "[word1][ word2] MaxCompletionTokens");
        check(&limited(3, "repeat 3"), "[word1][ word2][ word3]");
        check(&limited(1, "call f {}"), " MaxCompletionTokens");
        let prompt = ModelRequest {
            max_prompt_tokens: Some(1),
            ..request("two words")
        };
        check(&prompt, " MaxPromptTokens");
    }

    #[test]
    fn counts_words_as_tokens() {
        let request = ModelRequest {
            instructions: Some("Be brief.".to_owned()),
            ..after("call f {}", &["a b c"])
        };
        let stop = Stop::default();
        let mut take = |_: Piece<'_>| ControlFlow::Continue(());
        let finish = Scripted.respond(&request, &mut Output::new(&mut take, &stop)).unwrap();
        assert_eq!(
            finish.usage,
            Usage {
                prompt_tokens: 2 + 3 + 3,
                completion_tokens: 5
            }
        );
    }

    #[test]
    fn a_function_that_searches_files_is_called_with_the_message() {
        let mut function = Function::new("file_search");
        function.parameters = Some(json!({"type": "object", "properties": {"queries": {"type": "array"}}}));
        let with = |request: ModelRequest| ModelRequest {
            functions: vec![function.clone()],
            ..request
        };
        check(&with(request("Why?")), r#"[file_search:][0={"queries":[][0="Why?"]}]"#);
        check(&with(after("Why?", &["because"])), "[f][ returned][ because]");
        check(&with(request("repeat 1")), "[word1]");
    }

    #[test]
    fn executes_code_unless_the_run_may_not() {
        let with = |request: ModelRequest| ModelRequest {
            code_interpreter: Some(CodeTool::default()),
            ..request
        };
        check(
            &with(request("code x = 1")),
            "[code x = 1][The][ code][ wrote:][ 42][\n[a.csv](sandbox:/mnt/data/a.csv)]",
        );
        check(&request("code x"), "[The][ run][ may][ not][ execute][ code.]");
        // Code that the run has executed before is not a call to report.
        let mut executed = ModelMessage::new(Role::Assistant, "");
        executed.calls = vec![CompletedCall::new("1", CODE_INTERPRETER, "{}", "42")];
        let mut later = with(after("code x\ncall f", &["1"]));
        later.rounds.insert(0, executed);
        check(&later, "[f][ returned][ 1]");
    }

    #[test]
    fn a_sleep_ends_with_the_run() {
        let stop = Stop::default();
        let message = request("sleep 3600000");
        let mut take = |_: Piece<'_>| ControlFlow::Continue(());
        let answered = std::thread::scope(|scope| {
            scope.spawn(|| stop.set());
            Scripted.respond(&message, &mut Output::new(&mut take, &stop))
        });
        assert_eq!(answered, Err(Failure::Stopped));
    }
}
