//! Runs.

pub(crate) mod listen;

use assistants_types::Field;
use assistants_types::openai::{
    CreateRun as OpenAiCreate, ResponseFormat as OpenAiFormat, Run as OpenAiRun, RunStatus as OpenAiStatus,
    TruncationStrategy as OpenAiTruncation, TruncationType, Usage,
};
use assistants_types::yandex::{
    Assistant, CompletionOptions, ContentUsage, CreateRun, Error, ListRunsResponse, PromptTruncationOptions, Run,
    RunState, RunStateData, RunStatus, SubmitToRun, SubmitToRunEvent, SubmitToRunResponse, Tool, TruncationStrategy,
};

use super::error::Code;
use super::resource::{self, SUBJECT};
use super::{ApiError, ApiResponse, Call, assistants, messages, page, search_indexes, threads, tools};
use crate::engine::{Detail, Engine, RunNotes, failure_of, last_message};
use crate::http;
use crate::storage::object::{Loaded, load};
use crate::storage::{Document, Kind, List, Order, StorageError, Transaction};

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateRun = call.body()?;
    http::check_count(
        "additionalMessages",
        params.additional_messages.len(),
        messages::MAX_AT_ONCE,
    )?;
    tools::check(&params.tools)?;
    assistants::check_options(
        params.custom_prompt_truncation_options.as_ref(),
        params.custom_completion_options.as_ref(),
    )?;
    let (response, run) = call.once(|transaction| {
        let thread_document = threads::find(transaction, &params.thread_id)?;
        let thread = threads::view(thread_document.clone())?;
        let assistant_document = assistants::find(transaction, &params.assistant_id)?;
        let mut assistant = assistants::view(assistant_document.clone())?;
        for message in &params.additional_messages {
            messages::add(transaction, &thread, message.clone())?;
        }
        let all_tools = tools::of_run([&assistant.tools[..], &thread.tools, &params.tools]);
        let mut run_params = run_params(&params, &assistant, &all_tools);
        if let Field::Set(tools) = &mut run_params.tools {
            // Otherwise a run over this protocol would silently omit a tool that the OpenAI protocol rejects.
            tools.extend(tools::unknown_here(&assistant_document)?);
        }
        let notes = notes(&params, &all_tools)?;
        let run = call
            .engine
            .create_run_with_notes(transaction, &thread.id, &run_params, notes.clone())?;
        let folder = [&thread.folder_id, &assistant.folder_id]
            .into_iter()
            .find(|folder| !folder.is_empty());
        if let Some(folder) = folder {
            transaction.put_in_folder(Kind::Run, &run.id, folder)?;
        }
        threads::touch(&call.engine, transaction, thread_document, thread)?;
        if resource::touch(&mut assistant) {
            assistants::save(transaction, assistant_document, &assistant)?;
            resource::expire(&call.engine, transaction, &assistant)?;
        }
        for id in notes.stores.iter().flatten() {
            if let Some(document) = transaction.get(Kind::VectorStore, id)? {
                search_indexes::touch(&call.engine, transaction, search_indexes::view(document)?)?;
            }
        }
        Ok((view(transaction, find(transaction, &run.id)?)?, run))
    })?;
    if let Some(run) = run {
        call.engine.watch_deadline(&run);
        call.engine.launch(&run, &[], None);
    }
    Ok(response)
}

/// Creates the notes of a run: its request, without the messages.
fn notes(params: &CreateRun, all_tools: &[Tool]) -> Result<RunNotes, ApiError> {
    let request = CreateRun {
        additional_messages: Vec::new(),
        ..params.clone()
    };
    let protocol = serde_json::to_value(&request)
        .map_err(|error| ApiError::new(Code::Internal, format!("The request cannot be serialized: {error}.")))?;
    let history = if params.stream { Detail::Pieces } else { Detail::Ends };
    let search = tools::to_openai(all_tools).1.file_search;
    let stores = search.and_then(|search| search.vector_store_ids).unwrap_or_default();
    Ok(RunNotes::new(history, stores, protocol))
}

/// Converts a request to the OpenAI protocol. Options missing in the run are taken from its assistant.
fn run_params(params: &CreateRun, assistant: &Assistant, all_tools: &[Tool]) -> OpenAiCreate {
    let options = |own: &dyn Fn(&CompletionOptions) -> bool| {
        let levels = [
            params.custom_completion_options.as_ref(),
            assistant.completion_options.as_ref(),
        ];
        levels.into_iter().flatten().find(|options| own(options))
    };
    let truncation = |own: &dyn Fn(&PromptTruncationOptions) -> bool| {
        let levels = [
            params.custom_prompt_truncation_options.as_ref(),
            assistant.prompt_truncation_options.as_ref(),
        ];
        levels.into_iter().flatten().find(|options| own(options))
    };
    let temperature = options(&|options| options.temperature.is_some()).and_then(|options| options.temperature);
    let max_tokens = options(&|options| options.max_tokens.is_some()).and_then(|options| options.max_tokens);
    let max_prompt_tokens =
        truncation(&|options| options.max_prompt_tokens.is_some()).and_then(|options| options.max_prompt_tokens);
    let strategy = truncation(&|options| options.strategy.is_some()).and_then(|options| options.strategy.as_ref());
    let last_messages = match strategy {
        Some(TruncationStrategy::LastMessagesStrategy(strategy)) => Some(strategy.num_messages),
        _ => None,
    };
    let own_format = params.custom_response_format.as_ref();
    let format = own_format.or(assistant.response_format.as_ref());
    OpenAiCreate {
        tools: Field::Set(tools::to_openai(all_tools).0),
        metadata: Field::Set(params.labels.clone()),
        temperature: temperature.map_or(Field::Keep, Field::Set),
        max_completion_tokens: max_tokens.map_or(Field::Keep, Field::Set),
        max_prompt_tokens: max_prompt_tokens.map_or(Field::Keep, Field::Set),
        truncation_strategy: last_messages.map_or(Field::Keep, |last_messages| {
            Field::Set(OpenAiTruncation {
                last_messages: Some(last_messages),
                ..OpenAiTruncation::new(TruncationType::LastMessages)
            })
        }),
        response_format: Field::Set(tools::format_to_openai(format).unwrap_or(OpenAiFormat::Auto)),
        ..OpenAiCreate::new(&params.assistant_id)
    }
}

pub(super) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    let response = call.read(|transaction| {
        let page = page::of_folder(call, transaction, Kind::Run)?;
        let runs = page.documents.into_iter().map(|document| view(transaction, document));
        Ok(ListRunsResponse {
            runs: runs.collect::<Result<_, _>>()?,
            next_page_token: page.next,
            ..ListRunsResponse::default()
        })
    })?;
    call.respond(&response)
}

pub(super) fn get(call: &Call) -> Result<ApiResponse, ApiError> {
    let run = call.read(|transaction| Ok(view(transaction, find(transaction, call.id("runId"))?)?))?;
    call.respond(&run)
}

pub(super) fn get_last_by_thread(call: &Call) -> Result<ApiResponse, ApiError> {
    let thread_id = call.required("threadId")?;
    let run = call.read(|transaction| {
        threads::find(transaction, thread_id)?;
        let newest = transaction.list(&List {
            kind: Kind::Run,
            parent: Some(thread_id),
            tag: None,
            order: Order::Descending,
            after: None,
            before: None,
            limit: 1,
        })?;
        match newest.documents.into_iter().next() {
            Some(document) => Ok(view(transaction, document)?),
            None => Err(ApiError::new(
                Code::NotFound,
                format!("The thread {thread_id} has no run."),
            )),
        }
    })?;
    call.respond(&run)
}

pub(super) fn submit(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: SubmitToRun = call.body()?;
    let Some(SubmitToRunEvent::ToolResultList(results)) = params.event else {
        return Err(ApiError::invalid("`toolResultList` is required."));
    };
    let (response, submitted) = call.once(|transaction| {
        let run = load::<OpenAiRun>(transaction, &params.run_id)?;
        let run = run
            .ok_or_else(|| ApiError::not_found(Kind::Run, &params.run_id))?
            .object;
        let outputs = if run.status == OpenAiStatus::RequiresAction {
            tools::outputs(&run, &results)?
        } else {
            // The engine reports why the run accepts no results.
            Vec::new()
        };
        let submitted = Engine::submit_outputs(transaction, &run.thread_id, &run.id, &outputs)?;
        Ok((SubmitToRunResponse::default(), submitted))
    })?;
    if let Some((run, events)) = submitted {
        call.engine.launch(&run, &events, None);
    }
    Ok(response)
}

fn find(transaction: &dyn Transaction, id: &str) -> Result<Document, ApiError> {
    transaction
        .get(Kind::Run, id)?
        .ok_or_else(|| ApiError::not_found(Kind::Run, id))
}

/// Returns the run of a document, including its notes.
fn view(transaction: &dyn Transaction, document: Document) -> Result<Run, StorageError> {
    let notes = RunNotes::of(&document)?;
    let asked = asked(&document.id, &notes)?;
    let run = Loaded::<OpenAiRun>::parse(document)?.object;
    let (status, data) = state(transaction, &run)?;
    let usage = match status {
        RunStatus::ToolCalls => {
            let signed = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
            let spent = notes.spent();
            Some(usage(signed(spent.prompt_tokens), signed(spent.completion_tokens)))
        }
        RunStatus::Completed => run.usage.as_ref().map(
            |Usage {
                 prompt_tokens,
                 completion_tokens,
                 ..
             }| usage(*prompt_tokens, *completion_tokens),
        ),
        _ => None,
    };
    let asked = asked.unwrap_or_else(|| CreateRun::new(run.assistant_id.as_str(), run.thread_id.as_str()));
    Ok(Run {
        id: run.id,
        assistant_id: run.assistant_id,
        thread_id: run.thread_id,
        created_by: SUBJECT.to_owned(),
        created_at: run.created_at,
        labels: run.metadata.unwrap_or_default(),
        state: Some(RunState {
            status,
            data,
            ..RunState::default()
        }),
        usage,
        custom_prompt_truncation_options: asked.custom_prompt_truncation_options,
        custom_completion_options: asked.custom_completion_options,
        tools: asked.tools,
        custom_response_format: asked.custom_response_format,
        ..Run::default()
    })
}

/// Returns the request of a run that was created over this protocol.
fn asked(run_id: &str, notes: &RunNotes) -> Result<Option<CreateRun>, StorageError> {
    if notes.protocol.is_null() {
        return Ok(None);
    }
    let asked = serde_json::from_value(notes.protocol.clone()).map_err(|error| StorageError {
        action: format!("reading the request of the run {run_id}: the stored data is damaged"),
        source: Some(Box::new(error)),
    })?;
    Ok(Some(asked))
}

fn state(transaction: &dyn Transaction, run: &OpenAiRun) -> Result<(RunStatus, Option<RunStateData>), StorageError> {
    Ok(match &run.status {
        OpenAiStatus::Queued if run.started_at.is_none() => (RunStatus::Pending, None),
        OpenAiStatus::RequiresAction => {
            let calls = tools::calls(run.tool_calls());
            (RunStatus::ToolCalls, Some(RunStateData::ToolCallList(calls)))
        }
        status if !status.is_terminal() => (RunStatus::InProgress, None),
        _ => {
            let message = last_message(transaction, run)?;
            match failure_of(run, message.as_ref()) {
                Some(reason) => {
                    let error = Error {
                        message: reason,
                        ..Error::default()
                    };
                    (RunStatus::Failed, Some(RunStateData::Error(error)))
                }
                None => {
                    let message = message
                        .map(|message| messages::written(transaction, &message))
                        .transpose()?;
                    (RunStatus::Completed, message.map(RunStateData::CompletedMessage))
                }
            }
        }
    })
}

fn usage(prompt_tokens: i64, completion_tokens: i64) -> ContentUsage {
    ContentUsage {
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens.saturating_add(completion_tokens),
        ..ContentUsage::default()
    }
}
