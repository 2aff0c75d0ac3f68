//! Reading in the network namespace that somebody asks for by a name.

use super::{Access, NetnsNamer, Resolved, read_in, resolve};
use crate::kernel::netns::{EnterFailure, find, find_descriptors};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{NamedBy, NamespaceEntry, NamespaceList, NetNs, NetnsIdentity};
use crate::text::safe;

/// Of more namespaces the names are not listed in a message.
const MOST_NAMES: usize = 8;

/// Why a namespace can't be read that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// /proc could not be read.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Nothing is called so. What is said of it, and the names that there are.
    #[error("{what}; there are {known}, and --netns all shows every one")]
    Unknown {
        /// What was looked for.
        what: String,
        /// Names that there are.
        known: String,
    },
    /// Several are called so.
    #[error(
        "{} may be one of several network namespaces: {}; give one of these",
        safe(name),
        all
    )]
    Several {
        /// The name.
        name: String,
        /// What else each is called.
        all: String,
    },
    /// It can neither be entered nor be read from outside.
    #[error("cannot read network namespace {}: {failure}", safe(name))]
    NotEntered {
        /// Its name.
        name: String,
        /// Why not.
        failure: EnterFailure,
    },
}

/// Runs a reading in the namespace that is meant by a name, as
/// [`read_in`] does.
///
/// # Errors
///
/// When it isn't one namespace that is meant, and when it can't be read.
pub fn read_named<T: Send>(
    proc_root: &ProcRoot,
    name: &str,
    read: impl FnOnce(&ProcRoot, NetNs, &Access) -> T + Send,
) -> Result<T, NetnsError> {
    let mut found = find(proc_root)?;
    let is_unknown = {
        let namer = NetnsNamer::new(proc_root, &found);
        resolve(proc_root, &found, &namer, name) == Resolved::Unknown
    };
    if is_unknown {
        find_descriptors(proc_root, &mut found)?;
    }
    let namer = NetnsNamer::new(proc_root, &found);
    let namespace = match resolve(proc_root, &found, &namer, name) {
        Resolved::One(namespace) => namespace,
        Resolved::Several(all) => {
            let all = all.iter().map(|(one, identity)| apart(name, one, identity));
            return Err(NetnsError::Several {
                name: name.to_owned(),
                all: listed(all.collect()),
            });
        }
        Resolved::Unknown => {
            let known = found.all.iter().take(MOST_NAMES + 1);
            let known = known.filter_map(|one| {
                let name = namer.identify(one).names.into_iter().next();
                Some(safe(&name?.name).into_owned())
            });
            return Err(NetnsError::Unknown {
                what: unknown(name, &found),
                known: listed(known.collect()),
            });
        }
    };
    let called = namer.identify(namespace).names.into_iter().next();
    let netns = NetNs {
        inode: namespace.key.inode(),
        name: called,
    };
    read_in(proc_root, namespace, |inside, access| {
        read(inside, netns, access)
    })
    .map_err(|failure| NetnsError::NotEntered {
        name: name.to_owned(),
        failure,
    })
}

/// Names of several, cut where they are many.
fn listed(mut names: Vec<String>) -> String {
    let is_cut = names.len() > MOST_NAMES;
    names.truncate(MOST_NAMES);
    let more = if is_cut { " and more" } else { "" };
    format!("{}{more}", names.join(", "))
}

/// By what a namespace can be told from others with the same name.
fn apart(name: &str, namespace: &NamespaceEntry, identity: &NetnsIdentity) -> String {
    let is_other = |by: NamedBy, own: &str| own != name && by != NamedBy::HostName;
    let mut names = identity.names.iter();
    let other = names.find(|own| is_other(own.named_by, &own.name));
    let pid = namespace.members.first();
    match (other, pid) {
        (Some(other), Some(pid)) => format!("{} (PID {pid})", safe(&other.name)),
        (Some(other), None) => safe(&other.name).into_owned(),
        (None, Some(pid)) => format!("PID {pid}"),
        (None, None) => "one that nobody is in".to_owned(),
    }
}

/// Why a name means nothing.
fn unknown(name: &str, found: &NamespaceList) -> String {
    let shown = safe(name);
    let is_stale = found.stale_pins.iter().any(|pin| {
        pin.to_str() == Some(name) || pin.file_name().and_then(|file| file.to_str()) == Some(name)
    });
    if is_stale {
        return format!("{shown} is a file that no network namespace is mounted on any more");
    }
    if name.parse::<u32>().is_ok() {
        let hidden = if found.hidden || found.denied > 0 {
            ", or /proc hides it (hidepid)"
        } else {
            ""
        };
        return format!("there is no process {shown}{hidden}");
    }
    format!("no network namespace is called {shown}")
}
