//! Properties that hold for any bytes read as the chunks of a chat.
#![allow(
    clippy::missing_panics_doc,
    reason = "a panic is how a property says that it does not hold"
)]

use super::{ChatAccumulator, ChunkReader};
use crate::fuzz::{Pieces, settings};

/// However the bytes arrive, the chunks and the final error are the same; a chunk is written back as it arrived; and the
/// combined answer contains their text and no more than what arrived.
///
/// Settings: two bytes, how the bytes arrive, twice.
pub fn chat_chunks(input: &[u8]) {
    let Some(([first, second], bytes)) = settings(input) else {
        return;
    };
    let mut again = ChunkReader::new(Pieces::new(bytes, second));
    let mut chunks = ChunkReader::new(Pieces::new(bytes, first));
    let mut answer = ChatAccumulator::new();
    let mut text = String::new();
    for chunk in &mut chunks {
        match (chunk, again.next()) {
            (Ok(chunk), Some(Ok(other))) => {
                assert_eq!(chunk, other);
                let json = serde_json::to_string(&chunk).expect("every chunk has a JSON form");
                assert_eq!(serde_json::from_str(&json).ok(), Some(chunk.clone()), "{json}");
                for choice in chunk.choices.iter().filter(|choice| choice.index == 0) {
                    text.push_str(choice.text());
                }
                answer.apply(&chunk);
            }
            (Err(error), Some(Err(other))) => assert_eq!(error.to_string(), other.to_string()),
            other => panic!("{other:?}"),
        }
    }
    assert!(again.next().is_none());
    let completion = answer.into_completion();
    let first = completion.choices.iter().find(|choice| choice.index == 0);
    assert_eq!(first.map_or("", |choice| choice.text()), text);
    let calls: usize = completion.choices.iter().map(|choice| choice.tool_calls().len()).sum();
    assert!(completion.choices.len() + calls <= bytes.len());
}

#[cfg(test)]
mod tests {
    use crate::fuzz::tests::case_of;
    use proptest::prelude::*;

    const CHUNKS: &[&str] = &[
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}},{\"index\":-1,\"delta\":{\"content\":\"x\"}}]}\n\n",
        "data: {\"choices\":[{\"index\":1000000000,\"delta\":{\"reasoning_content\":\"hm\"},\"logprobs\":{\"content\":[]}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":5,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}},{\"function\":{\"arguments\":\"}\"}}]},\"finish_reason\":null}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"function_call\":{\"name\":\"f\"},\"audio\":{\"data\":\"a\"},\"annotations\":[{}]},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1.0}}\n\n",
        "data: {\"error\":{\"message\":\"m\"}}\n\n",
        "event: error\n",
        "data: [DONE]\n\n",
        "data: []\n\n",
        "\n",
        ":\n",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn chunks_do_not_depend_on_how_they_arrive(case in case_of(CHUNKS, 20)) {
            super::chat_chunks(&case);
        }
    }
}
