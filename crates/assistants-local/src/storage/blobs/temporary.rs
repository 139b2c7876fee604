//! Folders in the system's temporary directory that are deleted with their server.
//!
//! A folder belongs to the process that holds the lock of a file in it. The system releases the locks of a process
//! however it ends, so the next server to start can recognize the folders of killed servers and deletes them. Unlinked
//! files would vanish by themselves, but the program that reads PDF files needs a path.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::entries::{OWNER, UNFINISHED, failed};
use crate::ids;
use crate::storage::{StorageError, private};

/// The prefix of temporary folders.
const TEMPORARY: &str = "assistants-local-";

/// Creates a folder in `place`, and deletes those of killed servers. Returns the folder and its lock.
pub(crate) fn create(place: &Path) -> Result<(PathBuf, File), StorageError> {
    let folder = place.join(ids::new(TEMPORARY));
    let own = || {
        private::folder(&folder)?;
        // The file is locked before it gets its final name, because other servers can look at it at any time.
        let unlocked = folder.join(ids::new(UNFINISHED));
        let lock = private::open(&unlocked)?;
        lock.lock()?;
        fs::rename(unlocked, folder.join(OWNER))?;
        Ok(lock)
    };
    let lock = own().map_err(|error| failed(&folder, "creating the folder", error))?;
    remove_abandoned(place, &folder);
    Ok((folder, lock))
}

/// Deletes temporary folders whose server has ended without doing so. Folders of other users are skipped.
fn remove_abandoned(place: &Path, own: &Path) {
    let Ok(folders) = fs::read_dir(place) else { return };
    let is_temporary = |name: &OsStr| name.to_str().is_some_and(|name| name.starts_with(TEMPORARY));
    for folder in folders.flatten().filter(|folder| is_temporary(&folder.file_name())) {
        let path = folder.path();
        let owner = path.join(OWNER);
        let is_file = owner.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
        if path == own || !is_file || !same_user(&path, own) {
            continue;
        }
        let free = File::open(&owner).is_ok_and(|lock| lock.try_lock().is_ok());
        if !free {
            continue;
        }
        match fs::remove_dir_all(&path) {
            // Another server may be deleting it at the same time.
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                log::warn!(
                    "{}, left by a server that was killed, could not be removed: {error}",
                    path.display()
                );
            }
            _ => log::info!("removed {}, left by a server that was killed", path.display()),
        }
    }
}

#[cfg(unix)]
fn same_user(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let user = |path: &Path| path.symlink_metadata().ok().map(|metadata| metadata.uid());
    user(one).is_some() && user(one) == user(other)
}

#[cfg(not(unix))]
fn same_user(_: &Path, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_folders_of_servers_that_ended_are_deleted_and_others_are_not() {
        let place = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = place.path().join(name);
            fs::create_dir(&folder).unwrap();
            folder
        };
        let (own, abandoned, used) = (
            folder("assistants-local-own"),
            folder("assistants-local-a"),
            folder("assistants-local-b"),
        );
        let (unowned, other) = (folder("assistants-local-c"), folder("other"));
        for folder in [&own, &abandoned, &used, &other] {
            fs::write(folder.join(OWNER), "").unwrap();
        }
        fs::write(abandoned.join("file-1"), "x").unwrap();
        let lock = File::open(used.join(OWNER)).unwrap();
        lock.lock().unwrap();
        remove_abandoned(place.path(), &own);
        assert!(!abandoned.exists());
        for folder in [&own, &used, &unowned, &other] {
            assert!(folder.exists(), "{}", folder.display());
        }
    }
}
