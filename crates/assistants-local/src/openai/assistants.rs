//! Assistants.

use assistants_types::Field;
use assistants_types::openai::{
    Assistant, AssistantDeleted, CreateAssistant, CreateToolResources, CreateVectorStore, FileSearchResources,
    ReasoningEffort, ResponseFormat, ToolResources, UpdateAssistant,
};

use super::page::page;
use super::v1::assistant_files;
use super::{ApiError, ApiResponse, Call};
use crate::clock::now;
use crate::engine::vector_stores::{self, create_store};
use crate::ids;
use crate::storage::object::{insert, load};
use crate::storage::{Kind, Transaction};

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateAssistant = call.body_with("CreateAssistant", |body| assistant_files::normalize(call, body))?;
    require_model(call, &params.model)?;
    let file_ids = params.file_ids;
    let resources = params.tool_resources;
    let mut assistant = Assistant {
        created_at: Some(now()),
        name: params.name.into_value(),
        description: params.description.into_value(),
        model: params.model,
        instructions: params.instructions.into_value(),
        tools: params.tools.unwrap_or_default(),
        metadata: Some(params.metadata.into_value().unwrap_or_default()),
        temperature: Some(params.temperature.into_value().unwrap_or(1.0)),
        top_p: Some(params.top_p.into_value().unwrap_or(1.0)),
        response_format: Some(params.response_format.into_value().unwrap_or(ResponseFormat::Auto)),
        ..Assistant::default()
    };
    set_reasoning_effort(&mut assistant, params.reasoning_effort);
    call.object(|transaction| {
        let assistant = Assistant {
            id: ids::new("asst_"),
            tool_resources: Some(tool_resources(transaction, resources.clone())?.unwrap_or_default()),
            ..assistant.clone()
        };
        insert(transaction, &assistant, None, None)?;
        if call.legacy {
            vector_stores::assistant_files::set_files(transaction, &assistant.id, file_ids.as_deref())?;
        }
        Ok(assistant)
    })
}

pub(super) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    page(call, Kind::Assistant, None, None, |_| Ok(()))
}

pub(super) fn retrieve(call: &Call) -> Result<ApiResponse, ApiError> {
    call.stored(Kind::Assistant, call.id("assistant_id"), None)
}

pub(super) fn update(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: UpdateAssistant = call.body_with("UpdateAssistant", |body| assistant_files::normalize(call, body))?;
    if let Some(model) = &params.model {
        require_model(call, model)?;
    }
    let id = call.id("assistant_id");
    call.object(|transaction| {
        let mut assistant =
            load::<Assistant>(transaction, id)?.ok_or_else(|| ApiError::not_found(Kind::Assistant, id))?;
        apply(&mut assistant.object, params.clone());
        assistant.save(transaction)?;
        if call.legacy {
            vector_stores::assistant_files::set_files(transaction, id, params.file_ids.as_deref())?;
        }
        Ok(assistant.object)
    })
}

pub(super) fn delete(call: &Call) -> Result<ApiResponse, ApiError> {
    let id = call.id("assistant_id");
    call.transact(
        |transaction| match transaction.delete(Kind::Assistant, id, now().unix_timestamp())? {
            true => Ok(()),
            false => Err(ApiError::not_found(Kind::Assistant, id)),
        },
    )?;
    let deleted = AssistantDeleted {
        id: id.to_owned(),
        deleted: true,
        ..AssistantDeleted::default()
    };
    Ok(ApiResponse::json(&deleted))
}

/// Applies an update. Members that were not sent keep their values; metadata is replaced as a whole.
fn apply(assistant: &mut Assistant, params: UpdateAssistant) {
    if let Some(model) = params.model {
        assistant.model = model;
    }
    if let Some(tools) = params.tools {
        assistant.tools = tools;
    }
    params.name.apply_to(&mut assistant.name);
    params.description.apply_to(&mut assistant.description);
    params.instructions.apply_to(&mut assistant.instructions);
    params.tool_resources.apply_to(&mut assistant.tool_resources);
    params.metadata.apply_to(&mut assistant.metadata);
    params.temperature.apply_to(&mut assistant.temperature);
    params.top_p.apply_to(&mut assistant.top_p);
    params.response_format.apply_to(&mut assistant.response_format);
    set_reasoning_effort(assistant, params.reasoning_effort);
    assistant.metadata.get_or_insert_default();
}

/// Fails with status 400 if the server has no such model. Runs report it as their `last_error` instead.
fn require_model(call: &Call, model: &str) -> Result<(), ApiError> {
    if call.engine.knows_model(model) {
        return Ok(());
    }
    Err(
        ApiError::invalid(format!("The requested model '{model}' does not exist."))
            .param("model")
            .code("model_not_found"),
    )
}

/// Requests have this member, and the protocol's assistant does not, so it is kept among the unknown ones.
fn set_reasoning_effort(assistant: &mut Assistant, effort: Field<ReasoningEffort>) {
    match effort {
        Field::Keep => {}
        Field::Clear => drop(assistant.extra.remove("reasoning_effort")),
        Field::Set(effort) => drop(
            assistant
                .extra
                .insert("reasoning_effort".to_owned(), effort.as_str().into()),
        ),
    }
}

/// Returns the resources of a new object, and creates the vector stores that the request describes.
pub(super) fn tool_resources(
    transaction: &dyn Transaction,
    params: Field<CreateToolResources>,
) -> Result<Option<ToolResources>, ApiError> {
    let Some(params) = params.into_value() else {
        return Ok(None);
    };
    let file_search = match params.file_search {
        None => None,
        Some(resources) => {
            let mut store_ids = resources.vector_store_ids;
            for new in resources.vector_stores.into_iter().flatten() {
                let param = "tool_resources.file_search.vector_stores";
                if store_ids.as_ref().is_some_and(|ids| !ids.is_empty()) {
                    let message = "Only one of 'vector_store_ids' and 'vector_stores' may be given.";
                    return Err(ApiError::invalid(message).param(param));
                }
                let params = CreateVectorStore {
                    file_ids: new.file_ids,
                    chunking_strategy: new.chunking_strategy,
                    metadata: new.metadata,
                    ..CreateVectorStore::default()
                };
                let store = create_store(transaction, &params).map_err(|refusal| refusal.at(param))?;
                store_ids.get_or_insert_default().push(store.id);
            }
            Some(FileSearchResources {
                vector_store_ids: store_ids,
                extra: resources.extra,
            })
        }
    };
    Ok(Some(ToolResources {
        code_interpreter: params.code_interpreter,
        file_search,
        extra: params.extra,
    }))
}
