//! Assistants and their versions.

use assistants_types::openai::{Assistant as OpenAiAssistant, ResponseFormat as OpenAiFormat};
use assistants_types::yandex::{
    Assistant, AssistantVersion, AutoStrategy, CompletionOptions, CreateAssistant, DeleteAssistantResponse, FieldMask,
    ListAssistantVersionsResponse, ListAssistantsResponse, PromptTruncationOptions, TruncationStrategy,
    UpdateAssistant,
};
use time::OffsetDateTime;

use super::resource::{self, SUBJECT, noted, to_text, whole_seconds};
use super::{ApiError, ApiResponse, Call, page, tools};
use crate::ids;
use crate::storage::object::{Loaded, insert_with_notes, to_json};
use crate::storage::{Document, Kind, StorageError, Transaction};

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateAssistant = call.body()?;
    let mut assistant = Assistant {
        folder_id: params.folder_id,
        name: params.name,
        description: params.description,
        expiration_config: params.expiration_config,
        labels: params.labels,
        model_uri: params.model_uri,
        instruction: params.instruction,
        prompt_truncation_options: params.prompt_truncation_options,
        completion_options: params.completion_options,
        tools: params.tools,
        response_format: params.response_format,
        ..Assistant::default()
    };
    settle(&mut assistant)?;
    resource::set_created(&mut assistant, ids::new("asst_"))?;
    let notes = to_text(&assistant)?;
    call.respond_once(|transaction| {
        insert_with_notes(transaction, &project(&assistant), None, None, Some(notes.clone()))?;
        transaction.put_in_folder(Kind::Assistant, &assistant.id, &assistant.folder_id)?;
        resource::expire(&call.engine, transaction, &assistant)?;
        add_version(transaction, &assistant, FieldMask::default())?;
        Ok(assistant.clone())
    })
}

pub(super) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    let page = call.read(|transaction| page::of_folder(call, transaction, Kind::Assistant))?;
    call.respond(&ListAssistantsResponse {
        assistants: page.documents.into_iter().map(view).collect::<Result<_, _>>()?,
        next_page_token: page.next,
        ..ListAssistantsResponse::default()
    })
}

pub(super) fn list_versions(call: &Call) -> Result<ApiResponse, ApiError> {
    let id = call.required("assistantId")?;
    let page = call.read(|transaction| {
        find(transaction, id)?;
        page::below(call, transaction, Kind::AssistantVersion, id)
    })?;
    let versions = page.documents.iter().map(|document| {
        serde_json::from_str(&document.body).map_err(|error| StorageError {
            action: format!("reading a version of the assistant {id}: the stored data is damaged"),
            source: Some(Box::new(error)),
        })
    });
    call.respond(&ListAssistantVersionsResponse {
        versions: versions.collect::<Result<_, _>>()?,
        next_page_token: page.next,
        ..ListAssistantVersionsResponse::default()
    })
}

pub(super) fn get(call: &Call) -> Result<ApiResponse, ApiError> {
    let document = call.read(|transaction| find(transaction, call.id("assistantId")))?;
    call.respond(&view(document)?)
}

pub(super) fn update(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: UpdateAssistant = call.body()?;
    call.respond_once(|transaction| {
        let document = find(transaction, call.id("assistantId"))?;
        let mut assistant = resource::update(&view(document.clone())?, &params, &params.update_mask)?;
        let temperature = params
            .completion_options
            .as_ref()
            .and_then(|options| options.temperature);
        if names_temperature(&params.update_mask) && temperature.is_none() {
            // The service was observed to do this: if the mask names the temperature and the body has none, it becomes
            // 0.
            assistant.completion_options.get_or_insert_default().temperature = Some(0.0);
        }
        settle(&mut assistant)?;
        save(transaction, document, &assistant)?;
        resource::expire(&call.engine, transaction, &assistant)?;
        add_version(transaction, &assistant, params.update_mask.clone())?;
        Ok(assistant)
    })
}

fn names_temperature(mask: &FieldMask) -> bool {
    mask.paths()
        .any(|path| matches!(path, "completionOptions.temperature" | "completion_options.temperature"))
}

pub(super) fn delete(call: &Call) -> Result<ApiResponse, ApiError> {
    let id = call.id("assistantId");
    call.transact(
        |transaction| match transaction.delete(Kind::Assistant, id, resource::now().unix_timestamp())? {
            true => Ok(()),
            false => Err(ApiError::not_found(Kind::Assistant, id)),
        },
    )?;
    call.respond(&DeleteAssistantResponse::default())
}

pub(super) fn find(transaction: &dyn Transaction, id: &str) -> Result<Document, ApiError> {
    transaction
        .get(Kind::Assistant, id)?
        .ok_or_else(|| ApiError::not_found(Kind::Assistant, id))
}

/// Stores the new state of an assistant.
pub(super) fn save(
    transaction: &dyn Transaction,
    mut document: Document,
    assistant: &Assistant,
) -> Result<(), ApiError> {
    let before = Loaded::<OpenAiAssistant>::parse(document.clone())?.object;
    let after = OpenAiAssistant {
        top_p: before.top_p,
        extra: before.extra,
        ..project(assistant)
    };
    document.body = to_json(&after);
    document.notes = Some(to_text(assistant)?);
    Ok(transaction.update(&document)?)
}

fn add_version(transaction: &dyn Transaction, assistant: &Assistant, mask: FieldMask) -> Result<(), ApiError> {
    let version = AssistantVersion {
        id: ids::new("version_"),
        update_mask: mask,
        assistant: Some(assistant.clone()),
        ..AssistantVersion::default()
    };
    Ok(transaction.insert(&Document {
        kind: Kind::AssistantVersion,
        id: version.id.clone(),
        parent: Some(assistant.id.clone()),
        tag: None,
        created_at: assistant.updated_at.map_or(0, OffsetDateTime::unix_timestamp),
        body: to_text(&version)?,
        notes: None,
    })?)
}

/// Checks an assistant, and fills in the defaults that the service shows.
fn settle(assistant: &mut Assistant) -> Result<(), ApiError> {
    if assistant.model_uri.is_empty() {
        return Err(ApiError::invalid("`modelUri` is required."));
    }
    tools::check(&assistant.tools)?;
    check_options(
        assistant.prompt_truncation_options.as_ref(),
        assistant.completion_options.as_ref(),
    )?;
    assistant.completion_options.get_or_insert_default();
    let truncation = assistant.prompt_truncation_options.get_or_insert_default();
    truncation
        .strategy
        .get_or_insert_with(|| AutoStrategy::default().into());
    Ok(())
}

/// Checks the options of an assistant or a run against their limits.
pub(super) fn check_options(
    truncation: Option<&PromptTruncationOptions>,
    completion: Option<&CompletionOptions>,
) -> Result<(), ApiError> {
    let positive = |name: &str, value: Option<i64>| match value {
        Some(value) if value < 1 => Err(ApiError::invalid(format!(
            "`{name}` must be greater than 0, not {value}."
        ))),
        _ => Ok(()),
    };
    if let Some(truncation) = truncation {
        positive("maxPromptTokens", truncation.max_prompt_tokens)?;
        if let Some(TruncationStrategy::LastMessagesStrategy(strategy)) = &truncation.strategy {
            positive("numMessages", Some(strategy.num_messages))?;
        }
    }
    if let Some(completion) = completion {
        positive("maxTokens", completion.max_tokens)?;
        if let Some(temperature) = completion.temperature
            && !(0.0..=1.0).contains(&temperature)
        {
            return Err(ApiError::invalid(format!(
                "`temperature` must be from 0 to 1, not {temperature}."
            )));
        }
    }
    Ok(())
}

/// Converts an assistant to the OpenAI protocol.
fn project(assistant: &Assistant) -> OpenAiAssistant {
    let (tools, resources) = tools::to_openai(&assistant.tools);
    let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let options = assistant.completion_options.as_ref();
    OpenAiAssistant {
        id: assistant.id.clone(),
        created_at: whole_seconds(assistant.created_at),
        name: text(&assistant.name),
        description: text(&assistant.description),
        model: assistant.model_uri.clone(),
        instructions: text(&assistant.instruction),
        tools,
        tool_resources: Some(resources),
        metadata: Some(assistant.labels.clone()),
        temperature: options.and_then(|options| options.temperature),
        response_format: Some(
            tools::format_to_openai(assistant.response_format.as_ref()).unwrap_or(OpenAiFormat::Auto),
        ),
        ..OpenAiAssistant::default()
    }
}

/// Returns the assistant of a document: its notes, updated with what the OpenAI protocol has changed since.
pub(super) fn view(document: Document) -> Result<Assistant, StorageError> {
    let is_ours = document.notes.is_some();
    let mut assistant = noted::<Assistant>(&document)?.unwrap_or_default();
    let before = project(&assistant);
    let now = Loaded::<OpenAiAssistant>::parse(document)?.object;
    if !is_ours {
        assistant.id = now.id;
        assistant.created_at = now.created_at;
        assistant.updated_at = now.created_at;
        assistant.created_by = SUBJECT.to_owned();
        assistant.updated_by = SUBJECT.to_owned();
        assistant.completion_options = Some(CompletionOptions::default());
        assistant.prompt_truncation_options = Some(PromptTruncationOptions {
            strategy: Some(AutoStrategy::default().into()),
            ..PromptTruncationOptions::default()
        });
    }
    if before.name != now.name {
        assistant.name = now.name.unwrap_or_default();
    }
    if before.description != now.description {
        assistant.description = now.description.unwrap_or_default();
    }
    if before.instructions != now.instructions {
        assistant.instruction = now.instructions.unwrap_or_default();
    }
    assistant.model_uri = now.model;
    assistant.labels = now.metadata.unwrap_or_default();
    if before.temperature != now.temperature {
        assistant.completion_options.get_or_insert_default().temperature = now.temperature;
    }
    if before.tools != now.tools || before.tool_resources != now.tool_resources {
        assistant.tools = tools::from_openai(&now.tools, now.tool_resources.as_ref());
    }
    if before.response_format != now.response_format {
        assistant.response_format = tools::format_from_openai(now.response_format.as_ref());
    }
    Ok(assistant)
}
