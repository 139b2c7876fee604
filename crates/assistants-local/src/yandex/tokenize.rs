//! Tokenizes texts in the way that the scripted model counts tokens: a token is a word with the white space before it.

use assistants_types::yandex::{
    CompletionMessage, CompletionMessageContent, CompletionRequest, Dialect, FunctionResultContent, Token, Tokenize,
    TokenizeResponse, ToolCallKind, ToolResultKind,
};

use super::request::to_json;
use super::{ApiError, ApiResponse, Call};

pub(super) fn text(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: Tokenize = call.body()?;
    count_tokens(call, &params.model_uri, &[params.text])
}

pub(super) fn completion(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CompletionRequest = call.body()?;
    let texts: Vec<String> = params.messages.iter().flat_map(texts).collect();
    count_tokens(call, &params.model_uri, &texts)
}

fn count_tokens(call: &Call, model_uri: &str, texts: &[String]) -> Result<ApiResponse, ApiError> {
    if model_uri.trim().is_empty() {
        return Err(ApiError::invalid("`modelUri` is required."));
    }
    let response = TokenizeResponse {
        tokens: texts.iter().flat_map(|text| words(text)).map(token).collect(),
        model_version: call.engine.model_name().to_owned(),
        ..TokenizeResponse::default()
    };
    // The provider's host for models responds in lowerCamelCase, whatever the one for assistants does.
    Ok(ApiResponse::Json(to_json(Dialect::CamelCase, &response)?))
}

fn texts(message: &CompletionMessage) -> Vec<String> {
    match &message.content {
        Some(CompletionMessageContent::Text(text)) => vec![text.clone()],
        Some(CompletionMessageContent::ToolCallList(list)) => {
            let calls = list.tool_calls.iter().filter_map(|call| match &call.kind {
                Some(ToolCallKind::FunctionCall(call)) => {
                    let arguments = call.arguments.as_ref().map(ToString::to_string).unwrap_or_default();
                    Some(format!("{} {arguments}", call.name))
                }
                _ => None,
            });
            calls.collect()
        }
        Some(CompletionMessageContent::ToolResultList(list)) => {
            let results = list.tool_results.iter().filter_map(|result| match &result.kind {
                Some(ToolResultKind::FunctionResult(result)) => match &result.content {
                    Some(FunctionResultContent::Content(text)) => Some(text.clone()),
                    _ => None,
                },
                _ => None,
            });
            results.collect()
        }
        _ => Vec::new(),
    }
}

/// Splits a text before the white space between words. The concatenated pieces are the text.
fn words(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let is_space = |character: char| character.is_whitespace();
        let start = rest.find(|character| !is_space(character)).unwrap_or(rest.len());
        let end = rest[start..].find(is_space).map_or(rest.len(), |length| start + length);
        let (piece, left) = rest.split_at(end);
        pieces.push(piece);
        rest = left;
    }
    pieces
}

fn token(text: &str) -> Token {
    // FNV-1a, so that equal words have equal ids.
    let id = text.trim().bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    Token {
        id: i64::from(id),
        text: text.to_owned(),
        special: false,
        ..Token::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_texts_into_words() {
        assert_eq!(words("one  two\nthree "), ["one", "  two", "\nthree", " "]);
        assert_eq!(words("é à"), ["é", " à"]);
        assert!(words("").is_empty());
    }
}
