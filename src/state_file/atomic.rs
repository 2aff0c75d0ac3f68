//! Replacing a file so that nobody ever sees a part of it, and nobody else
//! chooses which file it is.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::fs::{flock, fstat, openat, readlink, renameat, statat, unlinkat};
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
        "cannot {doing} {}: {}; name another, or repair its directory",
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
    /// Whoever may write the directory may have made the link.
    #[error(
        "cannot write {}: a link in a directory that others may write isn't followed; name \
         the file itself",
        .0.display()
    )]
    Link(PathBuf),
    /// The file beside it in which the new one is prepared isn't ours.
    #[error("cannot write {}: it belongs to another user; remove it", .0.display())]
    NotOurs(PathBuf),
    /// Another process replaces it, and goes on doing so.
    #[error("cannot lock {}: another tcpstate is writing it", .0.display())]
    Busy(PathBuf),
}

/// A file by its open directory and its name there, which nobody can lead
/// elsewhere any more.
///
/// The kernel alone follows links, with its protection of sticky directories.
/// A link in a directory that others may write isn't followed at all.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// As the user calls it.
    named: PathBuf,
    directory: Arc<OwnedFd>,
    name: OsString,
}

impl Place {
    pub(super) fn find(path: &Path) -> Result<Self, StoreError> {
        let name = path.file_name();
        let name = name.ok_or_else(|| StoreError::NoFile(path.to_owned()))?;
        let error = |errno: Errno| io_error("write", path, errno.into());
        let (directory, is_shared) = directory(path)?;
        let place = Self {
            named: path.to_owned(),
            directory: Arc::new(directory),
            name: name.to_owned(),
        };
        let Some(found) = place.stat().map_err(error)? else {
            return Ok(place);
        };
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => Ok(place),
            FileType::Symlink if is_shared => Err(StoreError::Link(place.named)),
            FileType::Symlink => place.followed(),
            _ => Err(StoreError::NoFile(place.named)),
        }
    }

    /// Where this link leads, as the kernel follows it: whoever made it wants
    /// the file there replaced, and the link kept.
    fn followed(self) -> Result<Self, StoreError> {
        let error = |errno: Errno| io_error("write", &self.named, errno.into());
        let flags = OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let open = |flags, mode| openat(&self.directory, &self.name, flags, mode);
        let file = match open(flags | OFlags::PATH, Mode::empty()) {
            Err(Errno::NOENT) => open(flags | OFlags::CREATE | OFlags::WRONLY, PRIVATE),
            file => file,
        };
        let file = file.map_err(error)?;
        let found = fstat(&file).map_err(error)?;
        let link = format!("/proc/self/fd/{}", file.as_raw_fd());
        let path = readlink(link, []).map_err(error)?;
        let path = Path::new(OsStr::from_bytes(path.as_bytes()));
        let no_file = || StoreError::NoFile(self.named.clone());
        let place = Self {
            directory: Arc::new(directory(path)?.0),
            name: path.file_name().ok_or_else(no_file)?.to_owned(),
            named: self.named.clone(),
        };
        let there = place.stat().map_err(error)?;
        let is_same = |there: Stat| (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino);
        let is_file = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
        if is_file && there.is_some_and(is_same) {
            Ok(place)
        } else {
            Err(no_file())
        }
    }

    /// Opens it for reading, be it what it may by now.
    pub(super) fn open(&self) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let flags = flags | OFlags::CLOEXEC;
        Ok(openat(&self.directory, &self.name, flags, Mode::empty())?.into())
    }

    /// What it is; `None` where nothing is.
    fn stat(&self) -> Result<Option<Stat>, Errno> {
        match statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            found => found.map(Some),
        }
    }
}

/// Opens the directory of a file, and says whether others may write it.
fn directory(path: &Path) -> Result<(OwnedFd, bool), StoreError> {
    let error = |errno: Errno| io_error("write", path, errno.into());
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = openat(CWD, ".", flags, Mode::empty()).map_err(error)?;
    let mut is_shared = others_may_write(&at).map_err(error)?;
    for component in path.parent().into_iter().flat_map(Path::components) {
        let name = match component {
            Component::RootDir => "/".as_ref(),
            component => component.as_os_str(),
        };
        let follow = if is_shared && component != Component::RootDir {
            OFlags::NOFOLLOW
        } else {
            OFlags::empty()
        };
        at = match openat(&at, name, flags | follow, Mode::empty()) {
            Ok(next) => next,
            Err(errno) => {
                let link = statat(&at, name, AtFlags::SYMLINK_NOFOLLOW)
                    .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Symlink);
                return Err(if is_shared && link {
                    StoreError::Link(path.to_owned())
                } else {
                    error(errno)
                });
            }
        };
        is_shared = others_may_write(&at).map_err(error)?;
    }
    Ok((at, is_shared))
}

/// Whether anybody but us and root may make links in a directory.
fn others_may_write(directory: &OwnedFd) -> Result<bool, Errno> {
    let found = fstat(directory)?;
    let mode = Mode::from_raw_mode(found.st_mode);
    let is_owned = found.st_uid == 0 || found.st_uid == geteuid().as_raw();
    Ok(!is_owned || mode.intersects(Mode::WGRP | Mode::WOTH))
}

/// Of a file that is written: whoever could open it could lock it.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// The right to replace a file, which one process at a time has. Dropped, it
/// leaves the file as it was.
///
/// The new content is prepared in a file with a fixed name beside it, and the
/// lock is on that one: so whoever is killed while writing leaves nothing that
/// the next one doesn't use again.
#[derive(Debug)]
pub(super) struct Replacement {
    place: Place,
    /// The name of the file that is prepared.
    hidden: OsString,
    prepared: File,
    done: bool,
}

impl Replacement {
    /// Waits no longer than `patience` for the right to replace a file.
    ///
    /// # Errors
    ///
    /// When it can't be had.
    pub(super) fn begin(place: Place, patience: Duration) -> Result<Self, StoreError> {
        let mut hidden = OsString::from(".");
        hidden.push(&place.name);
        hidden.push(".tmp");
        let start = Instant::now();
        // Of a writer that is alive it is private but for its last step.
        let mut seen_private = false;
        loop {
            match lock(&place, &hidden)? {
                Lock::Ours(prepared) => {
                    return Ok(Self {
                        place,
                        hidden,
                        prepared,
                        done: false,
                    });
                }
                Lock::Taken { is_private } => seen_private |= is_private,
            }
            if start.elapsed() < patience {
                thread::sleep(PAUSE);
            } else if seen_private {
                return Err(StoreError::Busy(place.named));
            } else {
                // It was left behind, and is locked by somebody who may read it.
                let _ = unlinkat(&place.directory, &hidden, AtFlags::empty());
                seen_private = true;
            }
        }
    }

    /// Replaces the file. It is on the disk when this returns; a power failure
    /// leaves the old one or the new one.
    ///
    /// # Errors
    ///
    /// When it can't; the old one is still there then.
    pub(super) fn write(mut self, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
        let Place {
            named,
            directory,
            name,
        } = &self.place;
        // Whatever the umask is, a collector of another user shall read it.
        self.prepared
            .set_len(0)
            .and_then(|()| (&self.prepared).write_all(bytes))
            .and_then(|()| self.prepared.sync_all())
            .and_then(|()| self.prepared.set_permissions(Permissions::from_mode(mode)))
            .map_err(|source| io_error("write", named, source))?;
        renameat(directory, &self.hidden, directory, name)
            .map_err(|errno| io_error("replace", named, errno.into()))?;
        self.done = true;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match openat(directory, ".", flags, Mode::empty()).and_then(rustix::fs::fsync) {
            // A directory that we may write into and not list: the rename is
            // done, and will be on the disk when the kernel sees fit.
            Ok(()) | Err(Errno::ACCESS) => Ok(()),
            Err(errno) => Err(io_error("write the directory of", named, errno.into())),
        }
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.done {
            // An empty file that can't be removed harms nobody.
            let _ = unlinkat(&self.place.directory, &self.hidden, AtFlags::empty());
        }
    }
}

/// Replaces a file that everybody may read.
///
/// # Errors
///
/// When it can't; the old one is still there then.
pub fn replace(path: &Path, bytes: &[u8], patience: Duration) -> Result<(), StoreError> {
    Replacement::begin(Place::find(path)?, patience)?.write(bytes, 0o644)
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

/// The permissions of everybody but the owner.
const OTHERS: u32 = 0o077;

/// What came of an attempt to lock the file in which the new one is prepared.
enum Lock {
    Ours(File),
    Taken {
        /// Nobody else can have opened it.
        is_private: bool,
    },
}

/// Opens and locks that file. Errors are about the file that it is for, which
/// is the one that the user knows.
fn lock(place: &Place, hidden: &OsStr) -> Result<Lock, StoreError> {
    let error = |source| io_error("write", &place.named, source);
    // NONBLOCK: opening a pipe would wait for its other end.
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = flags | OFlags::CLOEXEC;
    let opened = openat(&place.directory, hidden, flags, PRIVATE);
    let file = File::from(opened.map_err(|errno| error(errno.into()))?);
    let metadata = file.metadata().map_err(error)?;
    let not_ours = || StoreError::NotOurs(place.named.with_file_name(hidden));
    if !metadata.is_file() || metadata.uid() != geteuid().as_raw() {
        return Err(not_ours());
    }
    let is_private = metadata.mode() & OTHERS == 0;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(Lock::Taken { is_private }),
        Err(errno) => return Err(io_error("lock", &place.named, errno.into())),
    }
    // Whoever had the lock before has renamed or removed what we locked.
    let there = statat(&place.directory, hidden, AtFlags::SYMLINK_NOFOLLOW);
    if there.is_ok_and(|there| there.st_ino == metadata.ino()) {
        if metadata.nlink() != 1 {
            return Err(not_ours());
        }
        file.set_permissions(Permissions::from_mode(PRIVATE.bits()))
            .map_err(error)?;
        Ok(Lock::Ours(file))
    } else {
        Ok(Lock::Taken { is_private: true })
    }
}

#[cfg(test)]
mod tests;
