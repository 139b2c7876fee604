//! Stores the bytes of files, one file each, in a folder beside the database.
//!
//! Bytes are written under a temporary name, synced, and staged, that is, renamed to a name that contains the file's
//! id. The file is then committed to the database, and only after that the bytes get their final name. A file that the
//! database knows is therefore always complete, and after a crash the name says what to do. Unfinished and staged bytes
//! that the database does not know were never acknowledged, and the next start removes them. Bytes with a final name
//! were acknowledged; if the database does not know them, it is an older copy or belongs to another folder, and they
//! are moved to `lost+found`.
//!
//! Deletion works in reverse. The transaction that deletes a file records that its bytes are to be removed, and the
//! record is deleted after they are.

mod digest;
mod entries;
mod folder;
mod staging;
mod store;
mod temporary;

pub(crate) use self::digest::Digest;
pub(crate) use self::entries::{COPYING, Entry, LOST, entries, open_by_id};
pub(crate) use self::staging::{Staged, Unfinished};
pub(crate) use self::store::FileStore;
