//! Creates files and folders that only their owner can access, and locks between processes.
//!
//! Permissions are set independently of the umask, and tightened on files created by earlier versions, which followed
//! the umask.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// The pause between attempts to take a lock.
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

/// Returns the path with `end` appended to the file name.
pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name: OsString = path.file_name().unwrap_or_default().to_owned();
    name.push(end);
    path.with_file_name(name)
}

/// Resolves symbolic links, so that a file has one path whichever of its names is given. The file need not exist; its
/// folder must.
pub(crate) fn real_path(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = path.file_name().ok_or(error)?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            Ok(fs::canonicalize(folder.unwrap_or(Path::new(".")))?.join(name))
        }
        found => found,
    }
}

/// Opens a file for reading and writing, and creates it if it is missing.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    private_mode(&mut options);
    let file = options.open(path)?;
    restrict(path)?;
    Ok(file)
}

/// Creates a file for writing. Fails if it exists.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private_mode(&mut options);
    let file = options.open(path)?;
    restrict(path)?;
    Ok(file)
}

/// Creates a folder and its ancestors if they are missing.
pub(crate) fn folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    restrict(path)
}

/// Locks a file, which is created if it is missing. Returns `None` if another process holds the lock for longer than
/// `timeout`. The lock is released when the returned file is dropped or the process ends.
///
/// The lock is polled, because neither `std` nor the system has a file lock that waits for a limited time.
pub(crate) fn lock(path: &Path, timeout: Duration) -> io::Result<Option<File>> {
    let file = open(path)?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if start.elapsed() < timeout => thread::sleep(LOCK_INTERVAL),
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

#[cfg(unix)]
fn private_mode(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
fn private_mode(_: &mut OpenOptions) {}

/// Removes the permissions of other users on a file or folder, if it exists.
#[cfg(unix)]
pub(crate) fn restrict(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
    let mode = metadata.permissions().mode() & 0o777;
    if mode == wanted {
        return Ok(());
    }
    match fs::set_permissions(path, fs::Permissions::from_mode(wanted)) {
        Ok(()) if mode & !wanted != 0 => {
            log::warn!(
                "changed the permissions of {} from {mode:03o} to {wanted:03o}",
                path.display()
            );
        }
        Ok(()) => {}
        // The server works without this: the file system may have no permissions, or the file another owner.
        Err(error) => log::warn!(
            "could not change the permissions {mode:03o} of {}: {error}",
            path.display()
        ),
    }
    Ok(())
}

/// Removes the permissions of other users on a file or folder. Does nothing on this platform.
#[cfg(not(unix))]
pub(crate) fn restrict(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Syncs a folder, so that created and renamed entries are durable.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Syncs a folder. Does nothing on this platform.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_taken_once_and_free_again_when_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = lock(&path, Duration::ZERO).unwrap();
        assert!(held.is_some());
        assert!(lock(&path, Duration::ZERO).unwrap().is_none());
        drop(held);
        assert!(lock(&path, Duration::ZERO).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn rights_of_others_are_taken_away() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (file, inner) = (folder.path().join("file"), folder.path().join("inner"));
        fs::write(&file, "x").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
        drop(open(&file).unwrap());
        super::folder(&inner).unwrap();
        create_new(&folder.path().join("new")).unwrap();
        assert_eq!((mode(&file), mode(&inner)), (0o600, 0o700));
        assert_eq!(mode(&folder.path().join("new")), 0o600);
        restrict(&folder.path().join("none")).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn all_names_of_a_file_are_one_path() {
        let folder = tempfile::tempdir().unwrap();
        let (file, other) = (folder.path().join("a.db"), folder.path().join("b.db"));
        std::os::unix::fs::symlink(&file, &other).unwrap();
        let before = real_path(&file).unwrap();
        fs::write(&file, "x").unwrap();
        assert_eq!(real_path(&file).unwrap(), before);
        assert_eq!(real_path(&other).unwrap(), before);
        assert!(real_path(&folder.path().join("none/a.db")).is_err());
    }
}
