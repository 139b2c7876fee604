//! The pieces of an answer, as parts of a message and as deltas of a stream.

use assistants_types::chat::{
    ChatCalledFunction, ChatCompletionMessage, ChatDelta, ChatFunctionDelta, ChatFunctionToolCall, ChatRole,
    ChatToolCall, ChatToolCallDelta, ChatToolCallType,
};

use super::conventions::Conventions;
use crate::model::Piece;

/// Adds a piece to a message.
pub(super) fn add(message: &mut ChatCompletionMessage, piece: Piece<'_>, conventions: &Conventions) {
    match piece {
        Piece::Text(text) => message.content.get_or_insert_default().push_str(text),
        Piece::Call { name } => {
            let function = ChatCalledFunction::new(name, "");
            let call = ChatFunctionToolCall::new((conventions.call_id)(name), function);
            message.tool_calls.get_or_insert_default().push(call.into());
        }
        Piece::Arguments { index, text } => {
            let calls = message.tool_calls.as_deref_mut().unwrap_or_default();
            if let Some(ChatToolCall::Function(call)) = calls.get_mut(index) {
                call.function.arguments.push_str(text);
            }
        }
        Piece::Search { .. } | Piece::Code { .. } | Piece::Citation(_) | Piece::State(_) => {}
    }
}

/// Completes a message to which all pieces were added.
pub(super) fn complete(message: &mut ChatCompletionMessage, conventions: &Conventions) {
    if conventions.content_beside_calls {
        message.content.get_or_insert_default();
    }
    if conventions.indexed_calls {
        for (index, call) in message.tool_calls.iter_mut().flatten().enumerate() {
            if let ChatToolCall::Function(call) = call {
                call.extra.insert("index".to_owned(), index.into());
            }
        }
    }
}

/// Returns the first delta of a message.
pub(super) fn first_delta(is_text: bool, conventions: &Conventions) -> ChatDelta {
    ChatDelta {
        role: Some(ChatRole::Assistant),
        content: (is_text && conventions.content_beside_role).then(String::new),
        ..ChatDelta::default()
    }
}

/// Returns the delta for a piece; `calls` is the number of calls begun before it.
pub(super) fn delta(piece: Piece<'_>, calls: i64, conventions: &Conventions) -> ChatDelta {
    let of_call = |call| ChatDelta {
        tool_calls: Some(vec![call]),
        ..ChatDelta::default()
    };
    match piece {
        Piece::Text(text) => ChatDelta {
            content: Some(text.to_owned()),
            ..ChatDelta::default()
        },
        Piece::Call { name } => of_call(ChatToolCallDelta {
            index: calls,
            id: Some((conventions.call_id)(name)),
            type_: Some(ChatToolCallType::Function),
            function: Some(ChatFunctionDelta {
                name: Some(name.to_owned()),
                arguments: Some(String::new()),
                ..ChatFunctionDelta::default()
            }),
            ..ChatToolCallDelta::default()
        }),
        Piece::Arguments { index, text } => of_call(ChatToolCallDelta {
            index: i64::try_from(index).unwrap_or(i64::MAX),
            function: Some(ChatFunctionDelta {
                arguments: Some(text.to_owned()),
                ..ChatFunctionDelta::default()
            }),
            ..ChatToolCallDelta::default()
        }),
        Piece::Search { .. } | Piece::Code { .. } | Piece::Citation(_) | Piece::State(_) => ChatDelta::default(),
    }
}

/// Returns all calls of a message in one delta, which is empty if there are none.
pub(super) fn calls_at_once(message: ChatCompletionMessage) -> ChatDelta {
    let calls = message.tool_calls.map(|calls| {
        let calls = calls.into_iter().enumerate().filter_map(|(index, call)| match call {
            ChatToolCall::Function(call) => Some(ChatToolCallDelta {
                index: i64::try_from(index).unwrap_or(i64::MAX),
                id: Some(call.id),
                type_: Some(ChatToolCallType::Function),
                function: Some(ChatFunctionDelta {
                    name: Some(call.function.name),
                    arguments: Some(call.function.arguments),
                    ..ChatFunctionDelta::default()
                }),
                ..ChatToolCallDelta::default()
            }),
            _ => None,
        });
        calls.collect()
    });
    ChatDelta {
        // The client of Yandex, the only provider that sends calls like this, requires `content` in every chunk that has calls.
        content: calls.is_some().then(String::new),
        tool_calls: calls,
        ..ChatDelta::default()
    }
}
