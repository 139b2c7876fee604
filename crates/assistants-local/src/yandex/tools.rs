//! Converts tools, their calls and results, and response formats between the two protocols.

use assistants_types::openai::{
    Assistant, FileSearchOptions, FileSearchResources, FileSearchTool, FunctionDefinition, JsonSchemaFormat,
    ResponseFormat as OpenAiFormat, ResponseFormatJsonObject, ResponseFormatJsonSchema, Run, Tool as OpenAiTool,
    ToolCall as OpenAiCall, ToolOutput, ToolResources,
};
use assistants_types::yandex::{
    FunctionCall, FunctionTool, ResponseFormat, ResponseFormatKind, SearchIndexTool, Tool, ToolCall, ToolCallList,
    ToolKind, ToolResultKind, ToolResultList,
};
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::storage::object::Loaded;
use crate::storage::{Document, StorageError};

/// Converts tools to the OpenAI protocol. It has functions and search; other tools are only in the notes.
pub(super) fn to_openai(tools: &[Tool]) -> (Vec<OpenAiTool>, ToolResources) {
    let mut indexes: Vec<String> = Vec::new();
    let mut all = Vec::new();
    for tool in tools {
        match &tool.kind {
            Some(ToolKind::Function(function)) => all.push(openai_function(function)),
            Some(ToolKind::SearchIndex(search)) => {
                if indexes.is_empty() {
                    let options = FileSearchOptions {
                        max_num_results: search.max_num_results,
                        ..FileSearchOptions::default()
                    };
                    all.push(FileSearchTool::default().file_search(options).into());
                }
                indexes.extend(search.search_index_ids.iter().cloned());
            }
            _ => {}
        }
    }
    let file_search = (!indexes.is_empty()).then(|| FileSearchResources {
        vector_store_ids: Some(indexes),
        ..FileSearchResources::default()
    });
    let resources = ToolResources {
        file_search,
        ..ToolResources::default()
    };
    (all, resources)
}

fn openai_function(function: &FunctionTool) -> OpenAiTool {
    let definition = FunctionDefinition {
        name: function.name.clone(),
        description: Some(function.description.clone()).filter(|description| !description.is_empty()),
        parameters: function.parameters.clone(),
        ..FunctionDefinition::new(&function.name)
    };
    assistants_types::openai::FunctionTool::new(definition).into()
}

/// Converts the tools of an object that was created over the OpenAI protocol.
pub(super) fn from_openai(tools: &[OpenAiTool], resources: Option<&ToolResources>) -> Vec<Tool> {
    let known = tools.iter().filter_map(|tool| match tool {
        OpenAiTool::Function(tool) => {
            let function = FunctionTool {
                name: tool.function.name.clone(),
                description: tool.function.description.clone().unwrap_or_default(),
                parameters: tool.function.parameters.clone(),
                ..FunctionTool::default()
            };
            Some(function.into())
        }
        OpenAiTool::FileSearch(_) => {
            let resources = resources.and_then(|resources| resources.file_search.as_ref());
            let ids = resources.and_then(|resources| resources.vector_store_ids.clone())?;
            let search = SearchIndexTool {
                search_index_ids: ids,
                ..SearchIndexTool::default()
            };
            Some(search.into())
        }
        _ => None,
    });
    known.collect()
}

/// Returns the tools of an assistant that only the OpenAI protocol has.
pub(super) fn unknown_here(assistant: &Document) -> Result<Vec<OpenAiTool>, StorageError> {
    let mut tools = Loaded::<Assistant>::parse(assistant.clone())?.object.tools;
    tools.retain(|tool| matches!(tool, OpenAiTool::CodeInterpreter(_)));
    Ok(tools)
}

/// Returns the tools of a run, from those of its assistant, its thread and its own. A later function replaces an
/// earlier one with the same name, and a later tool of another kind replaces an earlier one of that kind.
pub(super) fn of_run<'a>(levels: impl IntoIterator<Item = &'a [Tool]>) -> Vec<Tool> {
    let mut all: Vec<Tool> = Vec::new();
    for level in levels {
        all.retain(|tool| !level.iter().any(|later| replaces(later, tool)));
        all.extend(level.iter().cloned());
    }
    all
}

fn replaces(later: &Tool, earlier: &Tool) -> bool {
    match (&later.kind, &earlier.kind) {
        (Some(ToolKind::Function(later)), Some(ToolKind::Function(earlier))) => later.name == earlier.name,
        (Some(later), Some(earlier)) => later.member_name() == earlier.member_name(),
        _ => false,
    }
}

/// Checks tools.
pub(super) fn check(tools: &[Tool]) -> Result<(), ApiError> {
    for (index, tool) in tools.iter().enumerate() {
        let refused = |message: &str| Err(ApiError::invalid(format!("`tools[{index}]`: {message}.")));
        match &tool.kind {
            Some(ToolKind::Function(function)) if function.name.is_empty() => {
                return refused("a function needs a `name`");
            }
            Some(ToolKind::SearchIndex(search)) if search.search_index_ids.len() != 1 => {
                return refused("exactly one search index can be given");
            }
            Some(ToolKind::SearchIndex(search)) if search.max_num_results.is_some_and(|most| most < 1) => {
                return refused("`maxNumResults` must be greater than 0");
            }
            None => return refused("it contains no tool"),
            _ => {}
        }
    }
    Ok(())
}

/// Converts calls to this protocol, in which they have no ids and their arguments are an object.
pub(super) fn calls(calls: &[OpenAiCall]) -> ToolCallList {
    let each = |call: &OpenAiCall| {
        ToolCall::from(FunctionCall::new(
            &call.function.name,
            arguments(&call.function.arguments),
        ))
    };
    calls.iter().map(each).collect()
}

/// Arguments are an object in this protocol. If the model wrote something else, it becomes the member `arguments` of
/// one.
fn arguments(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Value::Object(members),
        Ok(other) => Value::Object(Map::from_iter([("arguments".to_owned(), other)])),
        Err(_) => Value::Object(Map::from_iter([("arguments".to_owned(), text.into())])),
    }
}

/// Converts the results of a run's calls. They are matched by name, and results with the same name in the order of the
/// calls.
pub(super) fn outputs(run: &Run, results: &ToolResultList) -> Result<Vec<ToolOutput>, ApiError> {
    let mut open: Vec<&OpenAiCall> = run.tool_calls().iter().collect();
    let mut outputs = Vec::new();
    for result in &results.tool_results {
        let Some(ToolResultKind::FunctionResult(result)) = &result.kind else {
            return Err(ApiError::invalid("A tool result must be a `functionResult`."));
        };
        let Some(index) = open.iter().position(|call| call.function.name == result.name) else {
            let names: Vec<&str> = open.iter().map(|call| call.function.name.as_str()).collect();
            return Err(ApiError::invalid(format!(
                "The run {} is not waiting for a result of '{}'. It is waiting for: '{}'.",
                run.id,
                result.name,
                names.join("', '")
            )));
        };
        let call = open.remove(index);
        outputs.push(ToolOutput {
            tool_call_id: Some(call.id.clone()),
            output: Some(result.text().unwrap_or_default().to_owned()),
            ..ToolOutput::default()
        });
    }
    if open.is_empty() {
        return Ok(outputs);
    }
    let names: Vec<&str> = open.iter().map(|call| call.function.name.as_str()).collect();
    Err(ApiError::invalid(format!(
        "All results must be submitted at once; missing: '{}'.",
        names.join("', '")
    )))
}

/// Converts a response format to the OpenAI protocol.
pub(super) fn format_to_openai(format: Option<&ResponseFormat>) -> Option<OpenAiFormat> {
    match &format?.kind {
        Some(ResponseFormatKind::JsonObject(true)) => {
            Some(OpenAiFormat::JsonObject(ResponseFormatJsonObject::default()))
        }
        Some(ResponseFormatKind::JsonSchema(schema)) => {
            let format = JsonSchemaFormat {
                schema: schema.schema.clone(),
                ..JsonSchemaFormat::new("answer")
            };
            Some(OpenAiFormat::JsonSchema(ResponseFormatJsonSchema::new(format)))
        }
        _ => None,
    }
}

/// Converts a response format from the OpenAI protocol.
pub(super) fn format_from_openai(format: Option<&OpenAiFormat>) -> Option<ResponseFormat> {
    match format? {
        OpenAiFormat::JsonObject(_) => Some(ResponseFormat::json_object()),
        OpenAiFormat::JsonSchema(format) => format.json_schema.schema.clone().map(ResponseFormat::json_schema),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arguments_are_an_object() {
        assert_eq!(arguments(r#"{"a":1}"#), json!({"a": 1}));
        assert_eq!(arguments(" "), json!({}));
        assert_eq!(arguments("[1]"), json!({"arguments": [1]}));
        assert_eq!(arguments("{oops"), json!({"arguments": "{oops"}));
    }

    #[test]
    fn later_tools_replace_earlier_ones() {
        let function = |name: &str, description: &str| Tool::from(FunctionTool::new(name).description(description));
        let (assistant, run) = ([function("f", "old"), function("g", "")], [function("f", "new")]);
        let all = of_run([&assistant[..], &[], &run[..]]);
        assert_eq!(all, [function("g", ""), function("f", "new")]);
    }
}
