//! The file search tool of a run: a step with the results, and citations in the answer.

use std::sync::Arc;
use std::time::Duration;

use assistants_types::openai::{
    Annotation, Assistant, FileCitation, FileCitationAnnotation, FileSearch, FileSearchCall, FileSearchCallDelta,
    FileSearchOptions, FileSearchRanking, FileSearchResult, FileSearchResultContent, Ranker, Run, RunStep,
    RunStepStatus, RunStepType, StepToolCall, StepToolCallDelta, StreamEvent, Thread, Tool, ToolCallsDetails,
    ToolChoice, ToolResources,
};

use super::deltas::{annotation_delta, tool_call_delta};
use super::live_run::{LiveState, OpenMessage};
use super::records::{RunIds, new_step};
use crate::clock::now;
use crate::engine::vector_stores::assistant_files::store_id as legacy_store_id;
use crate::engine::vector_stores::{self, QueryVectors, Search, SearchHit};
use crate::engine::{Engine, RunNotes};
use crate::ids;
use crate::model::{Passage, Stop};
use crate::storage::object::{insert, load};
use crate::storage::{ACTIVE, Kind, StorageError, Transaction};

/// The default number of results, as documented by the provider for its larger models.
const RESULTS: i64 = 20;

/// How long a run waits for files that are still being indexed. After it, a run searches those that are, as with the
/// provider, which documents this limit for the vector stores of threads.
const FILE_WAIT: Duration = Duration::from_secs(60);

/// Returns whether a run may search files.
pub(crate) fn is_on(run: &Run) -> bool {
    options(run).is_some() && !matches!(run.tool_choice, Some(ToolChoice::None))
}

/// Returns the options of the tool, if the run has it.
fn options(run: &Run) -> Option<FileSearchOptions> {
    run.tools.iter().find_map(|tool| match tool {
        Tool::FileSearch(tool) => Some(tool.file_search.clone().unwrap_or_default()),
        Tool::Retrieval(_) => Some(FileSearchOptions::default()),
        _ => None,
    })
}

impl Engine {
    /// Waits until the files in the vector stores of the run's assistant and thread are indexed, until the run has ended,
    /// or until [`FILE_WAIT`] has passed.
    pub(crate) fn wait_for_attached(&self, run_ids: &RunIds, stop: &Arc<Stop>) -> Result<(), StorageError> {
        self.expire_stores(now().unix_timestamp())?;
        let store_ids = self.storage.read(|transaction| attached(transaction, run_ids))?;
        if !self.wait_for_files(store_ids, stop, FILE_WAIT)? {
            log::info!(
                "run {} searches without the files that are not indexed after {FILE_WAIT:?}",
                run_ids.run_id
            );
        }
        Ok(())
    }

    /// Searches the vector stores of the run's assistant and thread, in a run step of its own. `vectors` are those of the
    /// queries.
    pub(crate) fn file_search(
        &self,
        run_ids: &RunIds,
        live: &mut LiveState,
        queries: &[String],
        vectors: Option<&QueryVectors>,
    ) -> Result<Vec<Passage>, StorageError> {
        let Some((options, store_ids)) = self.storage.read(|transaction| scope(transaction, run_ids))? else {
            return Ok(Vec::new());
        };
        let (step, call) = self.begin_search(run_ids, live)?;
        let ranking = options.ranking_options.unwrap_or_default();
        let hits = self.search(&Search {
            store_ids: &store_ids,
            queries,
            vectors,
            weights: vector_stores::weights(ranking.hybrid_search.as_ref()),
            filter: None,
            limit: usize::try_from(options.max_num_results.unwrap_or(RESULTS)).unwrap_or_default(),
            least_score: ranking.score_threshold,
        })?;
        let file_search = FileSearch {
            ranking_options: Some(FileSearchRanking {
                ranker: ranking.ranker.unwrap_or(Ranker::Default20240821),
                score_threshold: ranking.score_threshold,
                ..FileSearchRanking::default()
            }),
            results: Some(hits.iter().map(result).collect()),
            ..FileSearch::default()
        };
        self.complete_search(live, step, FileSearchCall { file_search, ..call })?;
        let search = live.turn.as_ref().map_or(1, |turn| turn.searches);
        let passages = hits.into_iter().enumerate();
        Ok(passages.map(|(index, hit)| passage(search, index, hit)).collect())
    }

    /// Creates the step of a search.
    fn begin_search(&self, run_ids: &RunIds, live: &LiveState) -> Result<(RunStep, FileSearchCall), StorageError> {
        let step = new_step(run_ids, RunStepType::ToolCalls, ToolCallsDetails::default().into());
        self.storage
            .transact(|transaction| insert(transaction, &step, Some(&run_ids.run_id), Some(ACTIVE)))?;
        let call = FileSearchCall {
            id: ids::new("call_"),
            ..FileSearchCall::default()
        };
        let begun = Box::new(step.clone());
        live.publish(&[
            StreamEvent::RunStepCreated(begun.clone()),
            StreamEvent::RunStepInProgress(begun),
            search_delta(&step.id, &call),
        ]);
        Ok((step, call))
    }

    /// Completes the step of a search with its results.
    fn complete_search(
        &self,
        live: &mut LiveState,
        mut step: RunStep,
        call: FileSearchCall,
    ) -> Result<(), StorageError> {
        let details = ToolCallsDetails {
            tool_calls: vec![StepToolCall::FileSearch(call)],
            ..ToolCallsDetails::default()
        };
        step.step_details = details.into();
        step.status = RunStepStatus::Completed;
        step.completed_at = Some(now());
        self.storage.transact(|transaction| {
            let Some(mut stored) = load::<RunStep>(transaction, &step.id)? else {
                return Ok::<_, StorageError>(());
            };
            stored.object = step.clone();
            stored.document.tag = None;
            stored.save(transaction)
        })?;
        live.publish(&[StreamEvent::RunStepCompleted(Box::new(step))]);
        if let Some(turn) = &mut live.turn {
            turn.searches += 1;
        }
        Ok(())
    }
}

/// Returns the options of a run's search and the vector stores that it covers; `None` if the run cannot search.
fn scope(
    transaction: &dyn Transaction,
    run_ids: &RunIds,
) -> Result<Option<(FileSearchOptions, Vec<String>)>, StorageError> {
    let run = load::<Run>(transaction, &run_ids.run_id)?;
    match run.and_then(|run| options(&run.object)) {
        Some(options) => Ok(Some((options, attached(transaction, run_ids)?))),
        None => Ok(None),
    }
}

/// Returns the vector stores that a run searches: those named for the run, or else those of the assistant, including
/// the one for its own files, and of the thread.
fn attached(transaction: &dyn Transaction, run_ids: &RunIds) -> Result<Vec<String>, StorageError> {
    if let Some(run) = transaction.get(Kind::Run, &run_ids.run_id)?
        && let Some(stores) = RunNotes::of(&run)?.stores
    {
        return vector_stores::existing(transaction, stores);
    }
    let legacy = legacy_store_id(&run_ids.assistant_id);
    let assistant = load::<Assistant>(transaction, &run_ids.assistant_id)?;
    let thread = load::<Thread>(transaction, &run_ids.thread_id)?;
    let resources = [
        assistant.and_then(|assistant| assistant.object.tool_resources),
        thread.and_then(|thread| thread.object.tool_resources),
    ];
    let named = resources.into_iter().flatten().flat_map(stores_of).collect();
    let mut store_ids = vector_stores::existing(transaction, named)?;
    if transaction.get(Kind::VectorStore, &legacy)?.is_some() {
        store_ids.insert(0, legacy);
    }
    Ok(store_ids)
}

fn stores_of(resources: ToolResources) -> Vec<String> {
    let file_search = resources.file_search;
    file_search
        .and_then(|file_search| file_search.vector_store_ids)
        .unwrap_or_default()
}

fn result(hit: &SearchHit) -> FileSearchResult {
    let content = FileSearchResultContent {
        text: Some(hit.text.clone()),
        ..FileSearchResultContent::default()
    };
    FileSearchResult {
        file_id: hit.file_id.clone(),
        file_name: hit.file_name.clone(),
        score: hit.score,
        content: Some(vec![content]),
        ..FileSearchResult::default()
    }
}

fn passage(search: usize, index: usize, hit: SearchHit) -> Passage {
    Passage {
        search,
        index,
        file_id: hit.file_id,
        file_name: hit.file_name,
        score: hit.score,
        text: hit.text,
    }
}

/// Creates the event for the beginning of a search.
pub(super) fn search_delta(step_id: &str, call: &FileSearchCall) -> StreamEvent {
    let call = FileSearchCallDelta {
        index: 0,
        id: Some(call.id.clone()),
        file_search: serde_json::json!({}),
        ..FileSearchCallDelta::default()
    };
    tool_call_delta(step_id, StepToolCallDelta::FileSearch(call))
}

/// Appends a citation of a passage to an open message, and returns its event. The marker in the text names the search and
/// the passage, with the word `source` as the hosted service wrote it: `【1:0†source】`.
pub(super) fn citation(message: &mut OpenMessage, passage: &Passage) -> StreamEvent {
    let index = message.annotations.len();
    let marker = format!("【{}:{}†source】", passage.search, passage.index);
    let position = |text: &str| i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let start_index = position(&message.text);
    let annotation = Annotation::from(FileCitationAnnotation {
        text: marker.clone(),
        file_citation: FileCitation {
            file_id: passage.file_id.clone(),
            ..FileCitation::default()
        },
        start_index,
        end_index: start_index.saturating_add(position(&marker)),
        ..FileCitationAnnotation::default()
    });
    message.text.push_str(&marker);
    let event = annotation_delta(&message.id, message.images.len(), index, &annotation, &marker);
    message.annotations.push(annotation);
    event
}
