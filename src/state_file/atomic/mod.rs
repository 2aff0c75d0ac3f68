//! Replacing a file so that nobody ever sees a part of it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::text::reason;

/// How often a lock that another holds is tried.
const PAUSE: Duration = Duration::from_millis(5);

/// A file that can't be replaced.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An operation failed.
    #[error(
        "cannot {doing} {}: {}; name another, or mend its directory",
        path.display(),
        reason(source)
    )]
    Io {
        /// Which.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The kernel's words.
        source: io::Error,
    },
    /// A directory, a device, a pipe.
    #[error("cannot write {}: it is no regular file; name another", .0.display())]
    NoFile(PathBuf),
    /// The file beside it in which the new one is prepared isn't ours.
    #[error("cannot write {}: it belongs to another user; remove it", .0.display())]
    NotOurs(PathBuf),
    /// Another process replaces it, and goes on doing so.
    #[error("cannot lock {}: another tcpstate is writing it", .0.display())]
    Busy(PathBuf),
}

/// The right to replace a file, which one process at a time has. Dropped, it
/// leaves the file as it was.
///
/// The new content is prepared in a file with a fixed name beside it, and the
/// lock is on that one: so whoever is killed while writing leaves nothing that
/// the next one doesn't use again.
#[derive(Debug)]
pub struct Replacement {
    /// As the user calls it.
    named: PathBuf,
    /// Where it is, links resolved.
    path: PathBuf,
    prepared_at: PathBuf,
    prepared: File,
    done: bool,
}

impl Replacement {
    /// Waits no longer than `patience` for the right to replace a file.
    ///
    /// # Errors
    ///
    /// When it can't be had.
    pub fn begin(path: &Path, mode: u32, patience: Duration) -> Result<Self, StoreError> {
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(StoreError::NoFile(path.to_owned()));
        }
        let named = path;
        let path = &target(named)?;
        let name = path
            .file_name()
            .ok_or_else(|| StoreError::NoFile(named.to_owned()))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(".tmp");
        let prepared_at = path.with_file_name(hidden);
        let start = Instant::now();
        loop {
            if let Some(prepared) = lock(&prepared_at, named, mode)? {
                return Ok(Self {
                    named: named.to_owned(),
                    path: path.clone(),
                    prepared_at,
                    prepared,
                    done: false,
                });
            }
            if start.elapsed() >= patience {
                return Err(StoreError::Busy(named.to_owned()));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Replaces the file. It is on the disk when this returns; a power failure
    /// leaves the old one or the new one.
    ///
    /// # Errors
    ///
    /// When it can't; the old one is still there then.
    pub fn write(mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let at = &self.prepared_at;
        self.prepared
            .set_len(0)
            .and_then(|()| (&self.prepared).write_all(bytes))
            .and_then(|()| self.prepared.sync_all())
            .map_err(|source| io_error("write", &self.named, source))?;
        fs::rename(at, &self.path).map_err(|source| io_error("replace", &self.named, source))?;
        self.done = true;
        let directory = directory_of(&self.path);
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        match synced {
            // A directory that we may write into and not list: the rename is
            // done, and will be on the disk when the kernel sees fit.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            synced => synced.map_err(|source| io_error("write to disk", directory, source)),
        }
    }
}

/// Where a link leads: whoever made it wants the file there replaced, and the
/// link kept.
fn target(path: &Path) -> Result<PathBuf, StoreError> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(link) = fs::read_link(&path) else {
            return Ok(path);
        };
        path = directory_of(&path).join(link);
    }
    Err(StoreError::NoFile(path))
}

/// The kernel follows no more of them.
const MOST_LINKS: usize = 40;

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.done {
            // An empty file that can't be removed harms nobody.
            let _ = fs::remove_file(&self.prepared_at);
        }
    }
}

/// Replaces a file that everybody may read.
///
/// # Errors
///
/// When it can't; the old one is still there then.
pub fn replace(path: &Path, bytes: &[u8], patience: Duration) -> Result<(), StoreError> {
    Replacement::begin(path, 0o644, patience)?.write(bytes)
}

/// Makes a directory for ourselves alone, and those above it.
pub(super) fn make_private_directory(directory: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|source| io_error("make the directory", directory, source))
}

pub(super) fn io_error(doing: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}

/// Opens and locks the file in which the new one is prepared; `None` while
/// another has it. Errors are about the file that it is for, which is the one
/// that the user knows.
fn lock(path: &Path, named: &Path, mode: u32) -> Result<Option<File>, StoreError> {
    // In a directory that others may write to, a link there could lead
    // anywhere. NONBLOCK: opening a pipe would wait for its other end.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(mode)
        .custom_flags(flags.cast_signed())
        .open(path)
        .map_err(|source| io_error("write", named, source))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(None),
        Err(errno) => return Err(io_error("lock", named, errno.into())),
    }
    let metadata = file
        .metadata()
        .map_err(|source| io_error("write", named, source))?;
    // Whoever had the lock before has renamed or removed what we locked.
    if fs::symlink_metadata(path).is_ok_and(|now| now.ino() == metadata.ino()) {
        if !metadata.is_file() || metadata.uid() != geteuid().as_raw() || metadata.nlink() != 1 {
            return Err(StoreError::NotOurs(path.to_owned()));
        }
        // Whatever the umask is, a collector of another user shall read it.
        file.set_permissions(fs::Permissions::from_mode(mode))
            .map_err(|source| io_error("write", named, source))?;
        return Ok(Some(file));
    }
    Ok(None)
}

fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests;
