//! The connection that writes, and the commits that several threads share.
//!
//! A commit waits for the disk. So that not every request has to wait for a commit of its own, transactions that stand in
//! line form a group: they run one after another in one SQLite transaction, each in a savepoint, and the last one commits
//! for all. None of them returns before that commit.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::failure;
use super::pool::{Pool, Turn};
use crate::storage::{Outcome, StorageError};

/// How many transactions share a commit at most.
const MAX_GROUP: usize = 256;

/// How long the first transaction of a group waits for the work of others. Longer than a sync on most disks, so that the
/// requests of many clients fit into one group.
const MAX_WAIT: Duration = Duration::from_millis(25);

/// The connection that writes.
pub(super) struct Writer {
    shared: Pool<Shared>,
    max_wait: Duration,
}

/// The connection, and what is open in it between two turns.
struct Shared {
    connection: Connection,
    group: Option<Group>,
}

/// What became of a commit, once it is known: the description of its error, if it failed.
type Commit = Arc<OnceLock<Result<(), String>>>;

/// Transactions that are committed together.
struct Group {
    members: usize,
    /// When the work of the first one was done.
    waits_since: Option<Instant>,
    commit: Commit,
}

impl Writer {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            shared: Pool::new(vec![Shared {
                connection,
                group: None,
            }]),
            max_wait: MAX_WAIT,
        }
    }

    /// Runs `work` in a transaction. If this returns `Ok` after [`Outcome::Commit`], its writes are on disk.
    ///
    /// `work` must not wait for another thread's transaction, which can be waiting for the commit of this one.
    pub(super) fn transaction(&self, work: impl FnOnce(&Connection) -> Outcome) -> Result<(), StorageError> {
        let mut turn = self.shared.enter();
        let commit = turn.join()?;
        let worked = catch_unwind(AssertUnwindSafe(|| work(&turn.connection)));
        let outcome = *worked.as_ref().unwrap_or(&Outcome::RollBack);
        if turn.connection.is_autocommit() {
            // After some errors, such as a full disk, SQLite rolls the whole transaction back.
            turn.fail("another one failed, and the database rolled both back");
            if outcome == Outcome::RollBack && worked.is_ok() {
                // `work` knows its own error better.
                return Ok(());
            }
        } else if let Err(error) = turn.leave(outcome) {
            turn.roll_back(&error);
        } else if turn.must_commit(self.max_wait) {
            turn.commit();
        }
        drop(turn);
        let committed = commit.wait();
        match worked {
            Ok(_) => committed
                .clone()
                .map_err(|action| StorageError { action, source: None }),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Runs `work` on the connection, outside of a transaction.
    pub(super) fn alone<T>(&self, work: impl FnOnce(&Connection) -> T) -> T {
        let mut turn = self.shared.enter();
        if turn.group.is_some() {
            turn.commit();
        }
        work(&turn.connection)
    }
}

impl Turn<'_, Shared> {
    /// Whether the group must not wait for another transaction: there is none in line, or only one of the background, which
    /// can take long.
    fn must_commit(&mut self, max_wait: Duration) -> bool {
        let is_next = self.is_request_next();
        let Some(group) = &mut self.group else { return false };
        let waits_since = *group.waits_since.get_or_insert_with(Instant::now);
        !is_next || group.members >= MAX_GROUP || waits_since.elapsed() >= max_wait
    }
}

impl Shared {
    /// Begins a transaction in the open group, or in a new one.
    fn join(&mut self) -> Result<Commit, StorageError> {
        let failed = |error| failure("beginning a transaction", error);
        if self.group.is_none() {
            self.connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
        }
        let group = self.group.get_or_insert_with(|| Group {
            members: 0,
            waits_since: None,
            commit: Arc::default(),
        });
        group.members += 1;
        let commit = Arc::clone(&group.commit);
        if let Err(error) = self.connection.execute_batch("SAVEPOINT work") {
            let error = failed(error);
            self.roll_back(&error);
            return Err(error);
        }
        Ok(commit)
    }

    /// Ends the transaction within the group.
    fn leave(&self, outcome: Outcome) -> Result<(), StorageError> {
        let (action, sql) = match outcome {
            Outcome::Commit => ("committing a transaction", "RELEASE work"),
            Outcome::RollBack => ("rolling back a transaction", "ROLLBACK TO work; RELEASE work"),
        };
        self.connection
            .execute_batch(sql)
            .map_err(|error| failure(action, error))
    }

    fn commit(&mut self) {
        match self.connection.execute_batch("COMMIT") {
            Ok(()) => self.end(Ok(())),
            Err(error) => self.roll_back(&failure("committing a transaction", error)),
        }
    }

    /// Gives the group up after an error of the database.
    fn roll_back(&mut self, error: &StorageError) {
        let cause = error
            .source
            .as_ref()
            .map(|cause| format!(": {cause}"))
            .unwrap_or_default();
        log::error!("{error}{cause}");
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            log::error!("rolling back a transaction: {error}");
        }
        self.end(Err(error.action.clone()));
    }

    /// Ends a group that the database has rolled back.
    fn fail(&mut self, reason: &str) {
        self.end(Err(format!("committing a transaction: {reason}")));
    }

    fn end(&mut self, committed: Result<(), String>) {
        if let Some(group) = self.group.take() {
            // It has no other end.
            drop(group.commit.set(committed));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    /// A database with a table of names, and a second connection to it.
    fn writer(folder: &tempfile::TempDir) -> (Writer, Connection) {
        let path = folder.path().join("a.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE names (name TEXT NOT NULL)")
            .unwrap();
        let writer = Writer {
            max_wait: Duration::MAX,
            ..Writer::new(connection)
        };
        (writer, Connection::open(path).unwrap())
    }

    fn add(connection: &Connection, name: &str) -> Outcome {
        connection.execute("INSERT INTO names VALUES (?1)", [name]).unwrap();
        Outcome::Commit
    }

    fn names(connection: &Connection) -> Vec<String> {
        let mut statement = connection.prepare("SELECT name FROM names ORDER BY rowid").unwrap();
        let names = statement.query_map([], |row| row.get(0)).unwrap();
        names.map(Result::unwrap).collect()
    }

    /// Runs `first`, and `second` in the same group.
    fn together(
        writer: &Writer,
        first: impl FnOnce(&Connection) -> Outcome,
        second: impl FnOnce(&Connection) -> Outcome + Send,
    ) -> [Result<(), StorageError>; 2] {
        thread::scope(|scope| {
            let (begun, begins) = mpsc::channel();
            let mut second_result = None;
            let first_result = writer.transaction(|connection| {
                second_result = Some(scope.spawn(move || {
                    begun.send(()).unwrap();
                    writer.transaction(second)
                }));
                begins.recv().unwrap();
                // The turn is held, so nothing else can happen.
                while !writer.shared.has_request() {
                    thread::yield_now();
                }
                first(connection)
            });
            [first_result, second_result.unwrap().join().unwrap()]
        })
    }

    #[test]
    fn transactions_in_line_share_a_commit() {
        let folder = tempfile::tempdir().unwrap();
        let (writer, _) = writer(&folder);
        let [first, second] = together(
            &writer,
            |connection| add(connection, "first"),
            |connection| {
                assert_eq!(names(connection), ["first"]);
                let other = Connection::open(folder.path().join("a.db")).unwrap();
                assert!(names(&other).is_empty(), "the first one has committed on its own");
                add(connection, "second")
            },
        );
        first.unwrap();
        second.unwrap();
        writer.alone(|connection| assert_eq!(names(connection), ["first", "second"]));
    }

    #[test]
    fn a_transaction_that_is_rolled_back_takes_nothing_else_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let (writer, other) = writer(&folder);
        let rolled_back = |connection: &Connection| {
            add(connection, "lost");
            Outcome::RollBack
        };
        let [first, second] = together(&writer, rolled_back, |connection| add(connection, "a"));
        first.unwrap();
        second.unwrap();
        let [first, second] = together(&writer, |connection| add(connection, "b"), rolled_back);
        first.unwrap();
        second.unwrap();
        assert_eq!(names(&other), ["a", "b"]);
    }

    #[test]
    fn nothing_is_acknowledged_when_the_database_rolls_everything_back() {
        let folder = tempfile::tempdir().unwrap();
        let (writer, other) = writer(&folder);
        let fails = |connection: &Connection| {
            connection.execute_batch("ROLLBACK").unwrap();
            Outcome::RollBack
        };
        let [first, second] = together(&writer, |connection| add(connection, "a"), fails);
        first.unwrap_err();
        // Its caller has an error of its own.
        second.unwrap();
        assert!(names(&other).is_empty());
        writer.transaction(|connection| add(connection, "b")).unwrap();
        assert_eq!(names(&other), ["b"]);
    }

    #[test]
    fn a_commit_that_fails_fails_for_all() {
        let folder = tempfile::tempdir().unwrap();
        let (writer, other) = writer(&folder);
        writer.alone(|connection| {
            let schema = "PRAGMA foreign_keys = ON; CREATE TABLE owners (id INTEGER PRIMARY KEY);
                CREATE TABLE things (owner INTEGER REFERENCES owners DEFERRABLE INITIALLY DEFERRED);";
            connection.execute_batch(schema).unwrap();
        });
        let orphan = |connection: &Connection| {
            connection.execute("INSERT INTO things VALUES (7)", []).unwrap();
            Outcome::Commit
        };
        let [first, second] = together(&writer, |connection| add(connection, "a"), orphan);
        assert_eq!(first.unwrap_err().action, "committing a transaction");
        assert_eq!(second.unwrap_err().action, "committing a transaction");
        assert!(names(&other).is_empty());
    }

    #[test]
    fn a_panic_is_rolled_back_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (writer, other) = writer(&folder);
        let panics = |connection: &Connection| -> Outcome {
            add(connection, "lost");
            panic!("this panic is part of the test");
        };
        let caught = catch_unwind(AssertUnwindSafe(|| {
            together(&writer, panics, |connection| add(connection, "a"))
        }));
        assert!(caught.is_err());
        assert_eq!(names(&other), ["a"]);
    }
}
