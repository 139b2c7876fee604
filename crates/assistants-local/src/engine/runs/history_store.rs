//! Stores the history of a run: one document per ended turn.

use std::sync::Arc;

use assistants_types::openai::{Message, MessageStatus, Role, Run, RunStatus, StreamEvent, ToolCall};
use serde::{Deserialize, Serialize};

use super::history::{EndedTurn, History, Interruption, TurnText};
use super::records::last_message;
use super::turn_end::TurnEnd;
use crate::clock::now;
use crate::engine::{Engine, EngineError, RunNotes};
use crate::ids;
use crate::storage::object::{Loaded, load};
use crate::storage::{Document, Kind, List, Order, StorageError, Transaction};

/// A turn in the storage. Its message is stored separately.
#[derive(Debug, Serialize, Deserialize)]
struct StoredTurn {
    #[serde(flatten)]
    text: TurnText,
    end: StoredTurnEnd,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredTurnEnd {
    Calls(Vec<ToolCall>),
    Message(String),
    Failure(String),
}

impl History {
    /// Loads the history of a run from the storage. If its history is not stored, it consists of the run's current
    /// state.
    pub(crate) fn load(transaction: &dyn Transaction, run: &Loaded<Run>) -> Result<Self, StorageError> {
        let notes = RunNotes::of(&run.document)?;
        let run = &run.object;
        let mut ended_turns = Vec::new();
        if notes.history.is_some() {
            for document in stored(transaction, &run.id)? {
                ended_turns.push(EndedTurn::read(transaction, run, &document)?);
            }
        } else {
            let end = match run.status {
                RunStatus::RequiresAction => Some(TurnEnd::Calls(run.tool_calls().to_vec())),
                _ => TurnEnd::of_run(run, last_message(transaction, run)?.map(Box::new)),
            };
            ended_turns.extend(end.map(|end| EndedTurn {
                text: TurnText::default(),
                end,
            }));
        }
        let waits = run.status == RunStatus::RequiresAction;
        Ok(Self::of(notes.history, ended_turns, waits, run.status.is_terminal()))
    }
}

impl StoredTurn {
    fn parse(run_id: &str, document: &Document) -> Result<Self, StorageError> {
        serde_json::from_str(&document.body).map_err(|error| StorageError {
            action: format!("reading the history of the run {run_id}: the stored data is damaged"),
            source: Some(Box::new(error)),
        })
    }
}

impl EndedTurn {
    fn read(transaction: &dyn Transaction, run: &Run, document: &Document) -> Result<Self, StorageError> {
        let stored = StoredTurn::parse(&run.id, document)?;
        let end = match stored.end {
            StoredTurnEnd::Calls(calls) => TurnEnd::Calls(calls),
            StoredTurnEnd::Failure(reason) => TurnEnd::Failure(reason),
            StoredTurnEnd::Message(id) => TurnEnd::Message(Box::new(match load::<Message>(transaction, &id)? {
                Some(message) => message.object,
                // The message was deleted, and its text with it.
                None => Message {
                    id,
                    created_at: run.completed_at,
                    thread_id: run.thread_id.clone(),
                    role: Role::Assistant,
                    status: MessageStatus::Completed,
                    assistant_id: Some(run.assistant_id.clone()),
                    ..Message::default()
                },
            })),
        };
        Ok(Self { text: stored.text, end })
    }
}

impl Engine {
    /// Returns the history of a run, which continues as the run does.
    pub(crate) fn history(&self, run_id: &str) -> Result<Arc<History>, EngineError> {
        self.with_live(run_id, |_, live| {
            if let Some(history) = &live.history {
                return Ok(Arc::clone(history));
            }
            let loaded = self.storage.read(|transaction| {
                let run = load::<Run>(transaction, run_id)?.ok_or_else(|| EngineError::not_found(Kind::Run, run_id))?;
                let history = History::load(transaction, &run)?;
                if live.turn.is_some() {
                    history.begin();
                }
                Ok::<_, EngineError>((Arc::new(history), run.object.status.is_terminal()))
            });
            if let Ok((history, false)) = &loaded {
                if self.run_workers.is_closed() {
                    history.break_off(Interruption::Stopped);
                }
                live.history = Some(Arc::clone(history));
            }
            self.forget_unused(run_id, live);
            loaded.map(|(history, _)| history)
        })
    }
}

/// Stores the turn that these events end, if the run's history is stored.
pub(crate) fn store(
    transaction: &dyn Transaction,
    run_id: &str,
    notes: &RunNotes,
    history: Option<&History>,
    events: &[StreamEvent],
) -> Result<(), StorageError> {
    let Some(end) = TurnEnd::of(events).filter(|_| notes.history.is_some()) else {
        return Ok(());
    };
    let turn = StoredTurn {
        text: history.map(History::text).unwrap_or_default(),
        end: match end {
            TurnEnd::Calls(calls) => StoredTurnEnd::Calls(calls),
            TurnEnd::Message(message) => StoredTurnEnd::Message(message.id),
            TurnEnd::Failure(reason) => StoredTurnEnd::Failure(reason),
        },
    };
    transaction.insert(&Document {
        kind: Kind::RunHistory,
        id: ids::new("history_"),
        parent: Some(run_id.to_owned()),
        tag: None,
        created_at: now().unix_timestamp(),
        body: serde_json::to_string(&turn).expect("a turn has a JSON form"),
        notes: None,
    })
}

/// Removes the text of a deleted message from the turn that wrote it.
pub(crate) fn forget_message(
    transaction: &dyn Transaction,
    run_id: &str,
    message_id: &str,
) -> Result<(), StorageError> {
    for mut document in stored(transaction, run_id)? {
        let mut turn = StoredTurn::parse(run_id, &document)?;
        if matches!(&turn.end, StoredTurnEnd::Message(id) if id == message_id) {
            turn.text = TurnText::default();
            document.body = serde_json::to_string(&turn).expect("a turn has a JSON form");
            transaction.update(&document)?;
        }
    }
    Ok(())
}

/// Returns the stored turns of a run, oldest first.
fn stored(transaction: &dyn Transaction, run_id: &str) -> Result<Vec<Document>, StorageError> {
    let list = List {
        kind: Kind::RunHistory,
        parent: Some(run_id),
        tag: None,
        order: Order::Ascending,
        after: None,
        before: None,
        limit: usize::MAX,
    };
    Ok(transaction.list(&list)?.documents)
}
