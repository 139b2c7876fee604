//! Errors that say that a conversation is longer than the context of a model. There is no code for them that all servers
//! use, so they are recognized by their words.

/// The words of servers for a conversation that is too long, in lower case.
const WORDS: &[&str] = &[
    "context_length_exceeded",
    // OpenAI
    "exceeds the context window",
    "maximum context length",
    // llama.cpp
    "exceed_context_size_error",
    "exceeds the available context size",
    // Gemini
    "exceeds the maximum number of tokens allowed",
    // Groq
    "reduce the length of the messages",
    // LM Studio
    "greater than the context length",
    // Mistral
    "too large for model with",
    // Anthropic
    "prompt is too long",
    // xAI
    "maximum prompt length",
    // Ollama
    "input length exceeds",
    "exceeds maximum context",
    // Others
    "context window exceeded",
    "too many tokens",
    "token limit exceeded",
];

/// A conversation that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overflow {
    /// The context length in tokens, if the error says it.
    pub(super) context_tokens: Option<u64>,
}

/// Reads an error; `None` if it is about something else.
pub(super) fn read(text: &str) -> Option<Overflow> {
    let text = text.to_ascii_lowercase();
    let found = WORDS.iter().find(|words| text.contains(**words));
    let is_input = text.contains("input token count") && text.contains("exceeds the maximum");
    if found.is_none() && !is_input {
        return None;
    }
    let context_tokens = NUMBERS.iter().find_map(|before| number_after(&text, before));
    let before = [" maximum context length", " tokens allowed"]
        .iter()
        .find_map(|after| number_before(&text, after));
    Some(Overflow {
        context_tokens: context_tokens.or(before).filter(|tokens| *tokens > 0),
    })
}

/// What precedes the context length in errors.
const NUMBERS: &[&str] = &[
    "\"n_ctx\":",
    "context length is ",
    "context length of only ",
    "context length of ",
    "context length (",
    "context size (",
    "maximum prompt length is ",
    "tokens allowed (",
    " maximum number of tokens allowed ",
    " tokens > ",
];

fn number_after(text: &str, words: &str) -> Option<u64> {
    let rest = text.split_once(words)?.1.trim_start();
    digits(rest)
}

fn number_before(text: &str, words: &str) -> Option<u64> {
    let rest = text.split_once(words)?.0;
    let start = rest
        .rfind(|character: char| !character.is_ascii_digit())
        .map_or(0, |at| at + 1);
    digits(&rest[start..])
}

/// The number at the start of a text; its digits may be grouped by commas.
fn digits(text: &str) -> Option<u64> {
    let end = text
        .find(|character: char| !character.is_ascii_digit() && character != ',')
        .unwrap_or(text.len());
    text[..end].replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_words_of_every_server() {
        for (text, tokens) in [
            ("Your input exceeds the context window of this model.", None),
            (
                "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
                Some(8192),
            ),
            (
                r#"{"error":{"code":400,"message":"the request exceeds the available context size. try increasing the context size","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}}"#,
                Some(4096),
            ),
            (
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                Some(1_048_576),
            ),
            ("Please reduce the length of the messages or completion.", None),
            (
                "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context \
                 length of only 4096 tokens, which is not enough: the prompt is greater than the context length",
                Some(4096),
            ),
            (
                "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
                Some(32_768),
            ),
            ("prompt is too long: 210000 tokens > 200000 maximum", Some(200_000)),
            (
                "This model's maximum prompt length is 131,072 but the request contains 200000 tokens.",
                Some(131_072),
            ),
        ] {
            assert_eq!(read(text), Some(Overflow { context_tokens: tokens }), "{text}");
        }
        for text in ["The model is overloaded.", "max_tokens must be at least 1", ""] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
