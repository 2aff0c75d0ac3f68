//! The sockets in CLOSE_WAIT one by one, and whose they are: what `leaks`
//! shows.

mod closed_descriptors;
pub(super) mod owners;
mod rows;

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, SystemTime};

use self::owners::Found;
pub(super) use self::rows::{close_wait, held_fin_wait2, listeners, listeners_of};
use super::Namespace;
use crate::classify::close_wait::{Earlier, Ownership};
use crate::kernel::KernelError;
use crate::model::{
    Cgroup, CgroupId, ClosedDescriptors, Collection, Host, Processes, Socket, UNLISTED_MANY,
};

/// Which CLOSE_WAIT sockets are asked for, and what of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct CloseWaitQuestion<'a> {
    /// The processes that are asked for; of all where there are none.
    pub pids: &'a [u32],
    /// Also descriptors whose connection is gone.
    pub closed_descriptors: bool,
    /// Two readings so far apart, the second of which counts.
    pub over: Option<Duration>,
}

/// The sockets in CLOSE_WAIT at one time, and whose they are.
#[derive(Debug)]
pub struct CloseWaitSnapshot {
    /// When the reading began; `None` for a recorded dump.
    pub taken_at: Option<SystemTime>,
    /// How long the sockets took to read.
    pub elapsed: Duration,
    /// Where.
    pub host: Host,
    /// Time since boot; `None` where it isn't known.
    pub uptime: Option<Duration>,
    /// How the reading went.
    pub collection: Collection,
    /// The sockets, without those that were closed meanwhile.
    pub sockets: Vec<Socket>,
    /// How many were closed while their owners were looked for.
    pub closed_meanwhile: u64,
    /// The first of two readings.
    pub earlier: Option<EarlierCloseWait>,
    /// Descriptors whose connection is gone; `None` where nobody asked, or it
    /// can't be told.
    pub closed: Option<ClosedDescriptors>,
    /// How many of these were there at the first of two readings.
    pub closed_stayed: Option<u64>,
    /// What is known of the processes that hold these.
    pub closed_processes: Processes,
    /// Why something that was asked for can't be told.
    pub notes: Vec<&'static str>,
    /// Processes that were asked for and are in another network namespace.
    pub in_other_netns: Vec<u32>,
    found: Found,
}

/// The first of two readings.
#[derive(Debug)]
pub struct EarlierCloseWait {
    /// The sockets, to judge later ones by.
    pub sockets: Earlier,
    /// How many of them each process held, by pid and start time.
    pub counts: HashMap<(u32, u64), u64>,
}

impl CloseWaitSnapshot {
    /// Whose the sockets are.
    #[must_use]
    pub fn owners(&self) -> Ownership<'_> {
        let counts = self.earlier.as_ref().map(|earlier| &earlier.counts);
        self.found.owners(counts)
    }

    /// Every process that holds one of the sockets or their listeners, or that
    /// was asked for.
    #[must_use]
    pub fn processes(&self) -> &Processes {
        &self.found.processes
    }

    /// The cgroups that the sockets were made in.
    #[must_use]
    pub fn cgroups(&self) -> &HashMap<CgroupId, Cgroup> {
        &self.found.cgroups
    }
}

/// Reads the sockets in CLOSE_WAIT and finds their owners.
///
/// # Errors
///
/// When sockets or the processes of the namespace can't be read.
pub fn read_close_wait(
    namespace: &mut Namespace,
    question: &CloseWaitQuestion<'_>,
) -> Result<CloseWaitSnapshot, KernelError> {
    let mut notes = Vec::new();
    let first = close_wait(namespace.sockets())?;
    let uptime = namespace.since_boot();
    // A reset takes a leaked socket out of every table: where many are in none,
    // they are looked for.
    let unlisted = namespace.sockstat().unlisted_at_most();
    let many_unlisted = unlisted.is_some_and(|unlisted| unlisted >= UNLISTED_MANY);
    let question = &CloseWaitQuestion {
        closed_descriptors: question.closed_descriptors
            || (many_unlisted && question.pids.is_empty() && namespace.filter().is_everything()),
        ..*question
    };
    let deep = closed_descriptors::can_be_found(question, namespace.filter(), &mut notes);
    let mut earlier_closed = None;
    let (reading, earlier) = match question.over {
        None => (first, None),
        Some(over) => {
            let counts = match namespace.proc_root() {
                Some(proc_root) => owners::count(proc_root, &first.sockets)?,
                None => HashMap::new(),
            };
            if deep {
                let closed = closed_descriptors::find(namespace, question, &mut notes)?;
                earlier_closed = Some(closed_descriptors::keys(closed.as_ref()));
            }
            let sockets = Earlier::new(&first.sockets, uptime);
            let then = (first.begun, first.ended);
            // Its sockets are not needed any more, and may be many.
            drop(first.sockets);
            thread::sleep(over.saturating_sub(then.1.elapsed()));
            namespace.refresh()?;
            let second = close_wait(namespace.sockets())?;
            let sockets = sockets.ago(second.since(then));
            (second, Some(EarlierCloseWait { sockets, counts }))
        }
    };
    let elapsed = reading.ended.duration_since(reading.begun);
    let taken_at = namespace.is_live().then_some(reading.taken_at);
    let (mut sockets, mut collection) = (reading.sockets, reading.collection);
    let (found, closed_meanwhile) =
        find_owners(namespace, &mut sockets, question.pids, &mut collection)?;
    let closed = if deep {
        closed_descriptors::find(namespace, question, &mut notes)?
    } else {
        None
    };
    let closed_stayed = earlier_closed.map(|then| {
        let now = closed_descriptors::keys(closed.as_ref());
        now.intersection(&then).count() as u64
    });
    let closed_processes = match namespace.proc_root() {
        Some(proc_root) => closed_descriptors::processes(proc_root, closed.as_ref())?,
        None => Processes::default(),
    };
    notes.dedup();
    Ok(CloseWaitSnapshot {
        taken_at,
        elapsed,
        host: namespace.host(),
        uptime,
        collection,
        sockets,
        closed_meanwhile,
        earlier,
        closed,
        closed_stayed,
        closed_processes,
        notes,
        in_other_netns: in_other_netns(question.pids, namespace),
        found,
    })
}

/// Finds whose the sockets are, and leaves out those that were closed meanwhile:
/// a search takes longer than a request, and they have no owner for a good
/// reason. Says how many these are.
fn find_owners(
    namespace: &mut Namespace,
    sockets: &mut Vec<Socket>,
    pids: &[u32],
    collection: &mut Collection,
) -> Result<(Found, u64), KernelError> {
    let Some(proc_root) = namespace.proc_root().cloned() else {
        return Ok((Found::default(), 0));
    };
    let source = namespace.all_sockets();
    let found = owners::find(source, &proc_root, sockets, pids, collection)?;
    let doubtful = |socket: &Socket| socket.inode.is_some() && !found.owns(socket);
    let closed = rows::drop_closed(source, sockets, doubtful)?;
    Ok((found, closed))
}

/// Those processes that are in another network namespace.
fn in_other_netns(pids: &[u32], namespace: &Namespace) -> Vec<u32> {
    let Some(proc_root) = namespace.proc_root() else {
        return Vec::new();
    };
    let pids = pids.iter().copied();
    pids.filter(|&pid| proc_root.is_elsewhere(pid)).collect()
}
