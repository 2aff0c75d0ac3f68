//! Reading inside of another network namespace.
//!
//! setns(2) moves a thread, and a thread that can't get back is lost: whatever
//! it reads afterwards is of the wrong namespace. So each reading has a thread
//! of its own, which never goes back and ends with the reading. Threads that it
//! starts are where it is.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, fstat, fstatfs, openat, openat2};
use rustix::io::Errno;
use rustix::system::uname;
use rustix::thread::{CapabilitySet, LinkNameSpaceType, capabilities, move_into_link_name_space};

use super::NSFS_MAGIC;
use crate::kernel::ProcRoot;
use crate::model::{Entrance, NamespaceEntry, NetnsKey};
use crate::text::reason;

/// Why a namespace can't be entered.
#[derive(Debug, thiserror::Error)]
pub enum EnterFailure {
    /// We may not. Which capabilities are missing, in words.
    #[error("not permitted: entering it takes {0}")]
    Denied(&'static str),
    /// It has ended: nothing that led to it leads to it now.
    #[error("it has ended")]
    Gone,
    /// Nothing leads to it but sockets.
    #[error("no process is in it, and it isn't mounted anywhere")]
    Unreachable,
    /// Another failure, of open(2), setns(2) or clone(2).
    #[error("cannot enter it: {}", reason(.0))]
    Failed(io::Error),
}

/// Runs a reading inside of a namespace: on this thread if it is our own, else
/// on a thread of its own. The reading gets the /proc that shows the namespace
/// to that thread; sources that it opens must not leave it.
///
/// # Errors
///
/// When the namespace can't be entered; then the reading didn't run.
pub fn enter<T: Send>(
    proc_root: &ProcRoot,
    namespace: &NamespaceEntry,
    read: impl FnOnce(&ProcRoot) -> T + Send,
) -> Result<T, EnterFailure> {
    if namespace.is_own {
        return Ok(read(proc_root));
    }
    let file = open(proc_root, namespace)?;
    on_a_thread(move || {
        let network = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(file.as_fd(), network).map_err(refused)?;
        drop(file);
        // `new` looks for this thread's own files.
        Ok(read(&ProcRoot::new(proc_root.path())))
    })
}

/// The host name that a process sees, where it is another than ours; `None`
/// also where it can't be read. It takes what [`enter`] takes.
#[must_use]
pub fn uts_name(proc_root: &ProcRoot, pid: u32) -> Option<String> {
    let link =
        |process: &str| rustix::fs::readlink(proc_root.file(&format!("{process}/ns/uts")), []);
    if link("self").ok()? == link(&pid.to_string()).ok()? {
        return None;
    }
    let path = proc_root.file(&format!("{pid}/ns/uts"));
    let file = openat(CWD, &path, FLAGS, Mode::empty()).ok()?;
    let name = on_a_thread(move || {
        let names = Some(LinkNameSpaceType::HostNameAndNISDomainName);
        move_into_link_name_space(file.as_fd(), names).map_err(refused)?;
        Ok(uname().nodename().to_string_lossy().into_owned())
    });
    name.ok().filter(|name| !name.is_empty())
}

/// Runs something on a thread that ends with it.
fn on_a_thread<T: Send>(
    run: impl FnOnce() -> Result<T, EnterFailure> + Send,
) -> Result<T, EnterFailure> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("netns".to_owned());
        let thread = builder.spawn_scoped(scope, run);
        match thread.map_err(EnterFailure::Failed)?.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// A file in a mount namespace of somebody else's can be anything.
const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// Opens the namespace by the first way that leads to it.
fn open(proc_root: &ProcRoot, namespace: &NamespaceEntry) -> Result<OwnedFd, EnterFailure> {
    if namespace.entrances.is_empty() {
        return Err(EnterFailure::Unreachable);
    }
    let mut failure = EnterFailure::Gone;
    for entrance in &namespace.entrances {
        match open_at(proc_root, entrance) {
            Ok(file) if is_namespace(&file, namespace.key) => return Ok(file),
            // The pid is another process's now, or the file was replaced.
            Ok(_) | Err(Errno::NOENT | Errno::SRCH) => {}
            Err(Errno::ACCESS | Errno::PERM) => failure = EnterFailure::Denied(missing(true)),
            Err(errno) => {
                if !matches!(failure, EnterFailure::Denied(_)) {
                    failure = EnterFailure::Failed(errno.into());
                }
            }
        }
    }
    Err(failure)
}

fn open_at(proc_root: &ProcRoot, entrance: &Entrance) -> Result<OwnedFd, Errno> {
    let path = match entrance {
        Entrance::Process(pid) => format!("{pid}/ns/net"),
        Entrance::Thread { pid, thread } => format!("{pid}/task/{thread}/ns/net"),
        Entrance::Descriptor { pid, fd } => format!("{pid}/fd/{fd}"),
        Entrance::Pin(pin) => {
            let Some(pid) = pin.seen_by else {
                return openat(CWD, &pin.path, FLAGS | OFlags::NOFOLLOW, Mode::empty());
            };
            // A link there must not lead to files of ours.
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let root = proc_root.file(&format!("{pid}/root"));
            let root = openat(CWD, &root, flags, Mode::empty())?;
            let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
            return openat2(&root, &pin.path, FLAGS, Mode::empty(), within);
        }
    };
    openat(CWD, proc_root.file(&path), FLAGS, Mode::empty())
}

/// Whether an open file is the namespace with this key. While it is open the
/// kernel gives its number to no other.
fn is_namespace(file: &OwnedFd, key: NetnsKey) -> bool {
    let inode = fstat(file).map(|stat| stat.st_ino).ok();
    let on_nsfs = fstatfs(file).is_ok_and(|stat| stat.f_type == NSFS_MAGIC);
    on_nsfs && inode.is_some() && inode == key.inode()
}

fn refused(errno: Errno) -> EnterFailure {
    match errno {
        Errno::PERM => EnterFailure::Denied(missing(false)),
        other => EnterFailure::Failed(other.into()),
    }
}

/// Which capabilities are missing, in words: for opening the namespace of a
/// process, and for moving into it.
fn missing(opening: bool) -> &'static str {
    let ours = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    let admin = ours.contains(CapabilitySet::SYS_ADMIN);
    let ptrace = ours.contains(CapabilitySet::SYS_PTRACE);
    match (opening, admin, ptrace) {
        (true, true, false) => "CAP_SYS_PTRACE",
        (true, false, false) => "CAP_SYS_ADMIN and CAP_SYS_PTRACE",
        (true, _, true) => "every capability that its processes have",
        (false, false, _) => "CAP_SYS_ADMIN",
        (false, true, _) => "CAP_SYS_ADMIN in the user namespace that owns it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::netns::find;
    use crate::model::Pin;
    use std::path::Path;

    fn namespace(key: NetnsKey, entrances: Vec<Entrance>) -> NamespaceEntry {
        NamespaceEntry {
            key,
            is_own: false,
            is_host: None,
            members: Vec::new(),
            entrances,
        }
    }

    fn live() -> ProcRoot {
        ProcRoot::new(Path::new("/proc"))
    }

    #[test]
    fn our_own_namespace_is_read_on_this_thread() {
        let proc_root = live();
        let found = find(&proc_root).unwrap();
        let here = thread::current().id();
        let own = &found.all[0];
        assert_eq!(own.key.inode(), proc_root.netns_inode());
        let there = enter(&proc_root, own, |inside| {
            (thread::current().id(), inside.netns_inode())
        });
        assert_eq!(there.unwrap(), (here, own.key.inode()));
    }

    #[test]
    fn what_leads_elsewhere_now_is_not_entered() {
        let own = std::process::id();
        let another = namespace(NetnsKey::Inode(1), vec![Entrance::Process(own)]);
        let outcome = enter(&live(), &another, |_| ());
        assert!(matches!(outcome, Err(EnterFailure::Gone)), "{outcome:?}");
        let gone = namespace(NetnsKey::Inode(1), vec![Entrance::Process(u32::MAX)]);
        let outcome = enter(&live(), &gone, |_| ());
        assert!(matches!(outcome, Err(EnterFailure::Gone)), "{outcome:?}");
        let unreachable = namespace(NetnsKey::SocketTable(1), Vec::new());
        let outcome = enter(&live(), &unreachable, |_| ());
        assert!(matches!(outcome, Err(EnterFailure::Unreachable)));
    }

    #[test]
    fn a_pin_that_is_a_file_or_a_pipe_is_not_entered() {
        use rustix::fs::{FileType, mknodat};
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        let pipe = directory.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
        for path in [file, pipe] {
            let inode = rustix::fs::stat(&path).unwrap().st_ino;
            let seen_by = None;
            let pin = Entrance::Pin(Pin { path, seen_by });
            let outcome = enter(
                &live(),
                &namespace(NetnsKey::Inode(inode), vec![pin]),
                |_| (),
            );
            assert!(matches!(outcome, Err(EnterFailure::Gone)), "{outcome:?}");
        }
    }
}
