//! Backups made while a server is in use, and the faults that a check finds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use assistants_local::{LocalServer, maintenance};
use serde_json::{Value, json};

use super::binary::{PROGRAM, Program};
use super::client::{Client, id, start};
use super::files::upload;

/// Runs a command of the program on a database.
pub(super) fn command(arguments: &[&str], database: &Path) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).arg("--database").arg(database);
    command.output().unwrap()
}

/// Checks a database and returns the report.
#[track_caller]
pub(super) fn report(database: &Path) -> Value {
    let output = command(&["check", "--json"], database);
    let text = String::from_utf8(output.stdout).unwrap();
    let report: Value = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text:?} {:?}", String::from_utf8_lossy(&output.stderr)));
    let is_sound = report["faults"].as_array().unwrap().is_empty();
    assert_eq!(output.status.code(), Some(i32::from(!is_sound)), "{report}");
    report
}

/// Checks a database and returns the kinds of its faults, sorted.
fn kinds(database: &Path) -> String {
    let report = report(database);
    let faults = report["faults"].as_array().unwrap();
    let mut kinds: Vec<&str> = faults.iter().map(|fault| fault["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    kinds.join(" ")
}

fn bytes_of(database: &Path, file: &Value) -> PathBuf {
    let name = format!("{}.files", database.file_name().unwrap().to_str().unwrap());
    database.with_file_name(name).join(id(file))
}

/// Uploads files and deletes every second one, until stopped.
fn work(client: &Client, stop: &AtomicBool) {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let file = upload(
            client,
            &format!("words of file {number} {}", "more ".repeat(number % 7 * 2000)),
        );
        client.thread("Hello");
        if number % 2 == 0 {
            client.delete(&format!("/files/{}", id(&file))).ok();
        }
    }
}

#[test]
fn a_backup_of_a_running_server_is_complete() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let program = Program::on(&database);
    let client = &program.client;
    let (kept, gone) = (upload(client, "kept words"), upload(client, "gone words"));
    let thread = client.thread("Hello");
    client.delete(&format!("/files/{}", id(&gone))).ok();
    let stop = AtomicBool::new(false);
    let backups: Vec<PathBuf> = std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| work(client, &stop));
        }
        let made = (0..4).map(|number| {
            let backup = directory.path().join(format!("backup{number}"));
            let output = command(&["backup", backup.to_str().unwrap()], &database);
            (backup, output)
        });
        let made: Vec<(PathBuf, Output)> = made.collect();
        stop.store(true, Ordering::Relaxed);
        let whole = made.into_iter().map(|(backup, output)| {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            backup
        });
        whole.collect()
    });
    drop(program);
    assert_eq!(kinds(&database), "");
    for (number, backup) in backups.iter().enumerate() {
        let restored = directory.path().join(format!("restored{number}.db"));
        let output = command(&["restore", backup.to_str().unwrap()], &restored);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(kinds(&restored), "");
        let (_server, client) = start(LocalServer::builder().database(&restored));
        assert_eq!(client.get(&format!("/files/{}", id(&kept))).ok(), kept);
        assert_eq!(fs::read_to_string(bytes_of(&restored, &kept)).unwrap(), "kept words");
        assert_eq!(client.get(&format!("/threads/{thread}")).status, 200);
        assert_eq!(client.get(&format!("/files/{}", id(&gone))).status, 404);
        assert!(!bytes_of(&restored, &gone).exists());
        let report = report(&restored);
        assert_eq!(
            (&report["lost"], &report["unfinished"], &report["served"]),
            (&json!(0), &json!(0), &json!(true))
        );
    }
}

#[test]
fn bytes_whose_removal_waits_for_a_backup_are_not_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let program = Program::on(&database);
    let gone = upload(&program.client, "gone words");
    let bytes = bytes_of(&database, &gone);
    // Locks the folder as a backup does.
    let copying = fs::File::open(bytes.with_file_name("backup.lock")).unwrap();
    copying.lock_shared().unwrap();
    program.client.delete(&format!("/files/{}", id(&gone))).ok();
    assert_eq!(report(&database)["removals"], 1);
    program.kill();
    assert_eq!(report(&database)["removals"], 1);
    drop(copying);
    drop(start(LocalServer::builder().database(&database)));
    assert!(!bytes.exists());
    assert_eq!(report(&database)["removals"], 0);
}

#[test]
fn other_programs_can_read_the_database_while_it_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let (_server, client) = start(LocalServer::builder().database(&database));
    let thread = client.thread("Hello");
    let reader = rusqlite::Connection::open(&database).unwrap();
    let sql = "SELECT count(*) FROM objects WHERE id = ?1";
    let count = |id: &str| reader.query_row(sql, [id], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count(&thread), 1);
    let other = client.thread("Hello again");
    assert_eq!(count(&other), 1);
}

#[test]
fn nothing_is_overwritten_and_nothing_partial_remains() {
    let directory = tempfile::tempdir().unwrap();
    let (database, backup) = (directory.path().join("a.db"), directory.path().join("backup"));
    let (server, client) = start(LocalServer::builder().database(&database));
    let file = upload(&client, "words");
    drop(server);
    maintenance::backup(&database, &backup).unwrap();
    let refused = |result: Result<maintenance::Copied, assistants_local::Error>, want: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(want), "{message}");
    };
    refused(maintenance::backup(&database, &backup), "is not empty");
    refused(
        maintenance::backup(directory.path().join("none.db"), &backup),
        "there is no database",
    );
    refused(maintenance::restore(&backup, &database), "is not overwritten");
    let other = directory.path().join("other.db");
    fs::create_dir(directory.path().join("other.db.files")).unwrap();
    refused(maintenance::restore(&backup, &other), "is not overwritten");
    assert!(!other.exists());
    // A backup that lacks something is not restored, and one that cannot be complete is not made.
    let (third, copied) = (directory.path().join("third.db"), backup.join("assistants.db"));
    fs::remove_file(bytes_of(&copied, &file)).unwrap();
    refused(maintenance::restore(&backup, &third), "1 faults");
    fs::remove_file(bytes_of(&database, &file)).unwrap();
    let another = directory.path().join("another");
    refused(maintenance::backup(&database, &another), "copying the bytes of");
    assert_eq!(fs::read_dir(&another).unwrap().count(), 0);
    assert!(!third.exists());
}

#[cfg(unix)]
#[test]
fn a_backup_is_readable_only_by_its_owner() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let (database, backup) = (directory.path().join("a.db"), directory.path().join("backup"));
    let (_server, client) = start(LocalServer::builder().database(&database));
    let file = upload(&client, "words");
    maintenance::backup(&database, &backup).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let copied = backup.join("assistants.db");
    let bytes = bytes_of(&copied, &file);
    assert_eq!((mode(&backup), mode(bytes.parent().unwrap())), (0o700, 0o700));
    assert_eq!((mode(&copied), mode(&bytes)), (0o600, 0o600));
}

#[test]
fn a_check_reports_faults() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let (server, client) = start(LocalServer::builder().database(&database));
    let (one, other) = (upload(&client, "words"), upload(&client, "other words"));
    let thread = client.thread("Hello");
    drop(server);
    assert_eq!(kinds(&database), "");
    fs::write(bytes_of(&database, &one), "wor").unwrap();
    fs::remove_file(bytes_of(&database, &other)).unwrap();
    let stray = json!({"id": "file-stray"});
    fs::write(bytes_of(&database, &stray), "stray").unwrap();
    fs::write(bytes_of(&database, &json!({"id": "tmp-1"})), "unfinished").unwrap();
    assert_eq!(kinds(&database), "length missing_bytes stray");
    let changes = rusqlite::Connection::open(&database).unwrap();
    changes.pragma_update(None, "foreign_keys", false).unwrap();
    let run = format!(r#"{{"id": "run_1", "status": "in_progress", "thread_id": "{thread}"}}"#);
    let insert = "INSERT INTO objects (kind, id, parent, tag, created_at, body) VALUES (?1, ?2, ?3, ?4, 0, ?5)";
    for (kind, id, parent, tag, body) in [
        ("run", "run_1", thread.as_str(), None, run.as_str()),
        ("run_step", "step_1", "run_1", Some("active"), "{}"),
        (
            "message",
            "msg_1",
            thread.as_str(),
            Some("run_1"),
            r#"{"status": "in_progress"}"#,
        ),
        ("message", "msg_2", "thread_none", None, "no JSON"),
    ] {
        changes.execute(insert, (kind, id, parent, tag, body)).unwrap();
    }
    let passage = "INSERT INTO passages (collection, owner, position, text) VALUES ('vs_1', 'msg_1', 0, 'words')";
    changes.execute(passage, []).unwrap();
    drop(changes);
    assert_eq!(
        kinds(&database),
        "dangling half half half half length missing_bytes stray unreadable"
    );
    let printed = command(&["check"], &database);
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(
        text.contains("half: run_1 has the status in_progress but is listed as ended\n"),
        "{text}"
    );
    assert!(text.contains("a.db: 9 faults in "), "{text}");
    assert!(text.contains("1 unfinished files"), "{text}");
    assert_eq!(printed.status.code(), Some(1));
    assert!(!directory.path().join("none.db").exists());
    let none = command(&["check"], &directory.path().join("none.db"));
    assert!(String::from_utf8_lossy(&none.stderr).contains("there is no database"));
    assert!(!directory.path().join("none.db").exists());
}

#[test]
fn a_damaged_database_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let (server, client) = start(LocalServer::builder().database(&database));
    for _ in 0..40 {
        client.thread(&"words ".repeat(200));
    }
    drop(server);
    let mut bytes = fs::read(&database).unwrap();
    let (start, end) = (bytes.len() / 2, bytes.len() / 2 + 4096);
    bytes[start..end].fill(7);
    fs::write(&database, bytes).unwrap();
    let output = command(&["check"], &database);
    assert_eq!(output.status.code(), Some(1));
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("damaged"), "{said}");
}

#[test]
fn lost_files_are_removed_and_pairs_are_made_only_on_command() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let (server, client) = start(LocalServer::builder().database(&database));
    let file = upload(&client, "words");
    drop(server);
    let folder = bytes_of(&database, &file).parent().unwrap().to_owned();
    fs::remove_file(folder.join("identity")).unwrap();
    assert_eq!(kinds(&database), "no_pair");
    assert!(LocalServer::builder().database(&database).start().is_err());
    assert!(command(&["check", "--adopt"], &database).status.success());
    fs::write(folder.join("file-unknown"), "x").unwrap();
    drop(start(LocalServer::builder().database(&database)));
    assert_eq!(report(&database)["lost"], 1);
    let lost = folder.join("lost+found").join("file-unknown");
    assert!(lost.exists());
    assert!(command(&["check", "--remove-lost"], &database).status.success());
    assert!(!lost.exists() && bytes_of(&database, &file).exists());
    assert_eq!(report(&database)["lost"], 0);
}
