//! The parameters of a request that its response repeats.

use assistants_types::Extra;
use assistants_types::responses::CreateResponse;
use serde_json::{Value, json};

/// Returns the parameters with their defaults. Clients in statically typed languages rely on them.
pub(super) fn echoed(params: &CreateResponse) -> Extra {
    let given = serde_json::to_value(params).expect("an object of the protocol has a JSON form");
    let defaults = [
        ("background", json!(false)),
        ("instructions", Value::Null),
        ("max_output_tokens", Value::Null),
        ("metadata", json!({})),
        ("parallel_tool_calls", json!(true)),
        ("previous_response_id", Value::Null),
        ("reasoning", json!({"effort": null, "summary": null})),
        ("temperature", json!(1.0)),
        ("text", json!({"format": {"type": "text"}})),
        ("tool_choice", json!("auto")),
        ("tools", json!([])),
        ("top_p", json!(1.0)),
        ("truncation", json!("disabled")),
    ];
    let mut echoed = Extra::default();
    for (name, default) in defaults {
        let value = given.get(name).filter(|value| !value.is_null()).cloned();
        echoed.insert(name.to_owned(), value.unwrap_or(default));
    }
    // Whatever the request says, nothing is stored.
    echoed.insert("store".to_owned(), json!(false));
    echoed
}
