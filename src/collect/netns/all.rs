//! Reading every network namespace of the host in one run.
//!
//! A dump costs the table of the whole host in each namespace, so the counters
//! come first: what they say is empty is not read. What is left is read on two
//! threads, the largest first, so that least is missing where the time runs out.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Instant, SystemTime};

use super::{Access, NetnsNamer, read_in, rest};
use crate::collect::Namespace;
use crate::kernel::netns::{EnterFailure, enter, find, find_descriptors, read_counts};
use crate::kernel::processes::{SocketDescriptors, Which, read_member};
use crate::kernel::{KernelError, ProcRoot, read_host, read_host_wide, read_sockstat};
use crate::model::{
    Examined, HostWide, NamespaceEntry, NamespaceList, NetNs, NetnsCounts, NetnsIdentity, Request,
    Sockstat, StateSet, Survey, Surveyed, Unaccounted, UnaccountedHolder,
};

/// More threads than these don't help: it is time within the kernel, under locks
/// that the traffic needs.
const THREADS: usize = 2;

/// How all namespaces are read.
#[derive(Clone, Copy)]
pub struct SurveyPlan<'a> {
    /// Whether a namespace with these counts has to be read, and not by its
    /// counters alone. The host's always is.
    pub wants: &'a (dyn Fn(&NetnsCounts) -> bool + Sync),
    /// Whether those that aren't read have names, too.
    pub names_all: bool,
    /// What wasn't begun by then is not read.
    pub until: Instant,
}

/// Runs a reading in every namespace that has something to find.
///
/// # Errors
///
/// When the root of /proc can't be listed. What is wrong with one namespace
/// stands beside it.
pub fn read_all<T: Send>(
    proc_root: &ProcRoot,
    plan: SurveyPlan<'_>,
    read: impl Fn(&ProcRoot, &NetNs, &Access) -> Result<T, String> + Sync,
) -> Result<Survey<T>, KernelError> {
    let begun = Instant::now();
    let taken_at = Some(SystemTime::now());
    let mut found = find(proc_root)?;
    let mut counted = count(proc_root, &found.all);
    let host = read_sockstat(proc_root);
    let mut unaccounted = unaccounted(&host, &found, &counted);
    if is_worth_a_search(&unaccounted, &counted) && Instant::now() < plan.until {
        let known = found.all.len();
        find_descriptors(proc_root, &mut found)?;
        counted.extend(count(proc_root, found.all.get(known..).unwrap_or_default()));
        unaccounted = self::unaccounted(&host, &found, &counted);
        if is_worth_a_search(&unaccounted, &counted) && Instant::now() < plan.until {
            unaccounted.holders = holders(proc_root, &found, &counted)?;
        }
    }
    let namer = NetnsNamer::new(proc_root, &found);
    let mut namespaces = Vec::with_capacity(found.all.len());
    let mut wanted = Vec::new();
    for (entry, counts) in found.all.iter().zip(counted) {
        let is_wanted = match &counts {
            Ok(counts) => entry.is_host == Some(true) || (plan.wants)(counts),
            Err(EnterFailure::Gone) => continue,
            Err(_) => false,
        };
        let identity = if is_wanted || counts.is_err() || plan.names_all {
            namer.identify(entry)
        } else {
            NetnsIdentity::default()
        };
        let examined = match &counts {
            Err(failure) => Examined::No(failure.to_string()),
            Ok(_) => Examined::Counters,
        };
        let netns = NetNs {
            inode: entry.key.inode(),
            name: identity.names.first().cloned(),
        };
        if is_wanted {
            let sockets = counts.as_ref().ok().and_then(NetnsCounts::sockets);
            wanted.push((sockets, namespaces.len(), entry, netns.clone()));
        }
        namespaces.push(Surveyed {
            netns,
            identity,
            is_own: entry.is_own,
            is_host: entry.is_host,
            pids: entry.members.clone(),
            counts: counts.ok(),
            examined,
        });
    }
    wanted.sort_by_key(|&(sockets, ..)| Reverse(sockets));
    let read_one = |(_, place, entry, netns): &(_, usize, &NamespaceEntry, NetNs)| {
        (*place, examine(proc_root, plan.until, entry, netns, &read))
    };
    let mut ended = Vec::new();
    for (place, examined) in side_by_side(&wanted, &read_one) {
        match (examined, namespaces.get_mut(place)) {
            (Some(examined), Some(one)) => one.examined = examined,
            _ => ended.push(place),
        }
    }
    let mut place = 0..;
    namespaces.retain(|_| place.next().is_none_or(|place| !ended.contains(&place)));
    Ok(Survey {
        taken_at,
        elapsed: begun.elapsed(),
        host: read_host(proc_root).name,
        namespaces,
        host_wide: host_wide(proc_root, &found, &host),
        unaccounted,
        hidden: (found.denied, found.hidden),
        more: found.more,
        stale_pins: found.stale_pins,
    })
}

type Counted = Result<NetnsCounts, EnterFailure>;

fn count(proc_root: &ProcRoot, entries: &[NamespaceEntry]) -> Vec<Counted> {
    let counts = |entry| read_counts(proc_root, entry);
    entries.iter().map(counts).collect()
}

/// Reads one namespace; `None` when it has ended.
fn examine<T: Send>(
    proc_root: &ProcRoot,
    until: Instant,
    entry: &NamespaceEntry,
    netns: &NetNs,
    read: &(impl Fn(&ProcRoot, &NetNs, &Access) -> Result<T, String> + Sync),
) -> Option<Examined<T>> {
    if Instant::now() >= until {
        return Some(Examined::No("the time was over".to_owned()));
    }
    let outcome = read_in(proc_root, entry, |inside, access| {
        let why = match access {
            Access::Inside => None,
            Access::ProcOnly(failure) => Some(failure.to_string()),
        };
        match (read(inside, netns, access), why) {
            (Ok(answer), None) => Examined::Full(answer),
            (Ok(answer), Some(why)) => Examined::Proc(answer, why),
            (Err(why), _) => Examined::No(why),
        }
    });
    match outcome {
        Ok(examined) => Some(examined),
        Err(EnterFailure::Gone) => None,
        Err(failure) => Some(Examined::No(failure.to_string())),
    }
}

/// Does something for each item, in their order, on as many threads as help.
fn side_by_side<I: Sync, O: Send>(items: &[I], run: &(impl Fn(&I) -> O + Sync)) -> Vec<O> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = THREADS.min(cores).min(items.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push(run(item));
        }
        done
    };
    thread::scope(|scope| {
        // One that can't be started leaves its part to the others.
        let others: Vec<_> = (1..threads)
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    })
}

/// What the counters of the namespaces leave of the host's.
fn unaccounted(host: &Sockstat, found: &NamespaceList, counted: &[Counted]) -> Unaccounted {
    let known = || {
        let all = found.all.iter().zip(counted);
        let once = all.filter(|(entry, _)| !found.may_be_listed_twice(entry));
        once.filter_map(|(_, counts)| counts.as_ref().ok())
    };
    let at_most = rest(host, known());
    // Of all protocols: it may be too many, and never too few.
    let unlisted = known().try_fold(0_u64, |sum, counts| {
        sum.checked_add(counts.sockstat.unlisted_at_most()?)
    });
    Unaccounted {
        at_most,
        elsewhere_at_least: at_most
            .zip(unlisted)
            .map(|(rest, unlisted)| rest.saturating_sub(unlisted)),
        holders: Vec::new(),
    }
}

/// Where so few walks show so few sockets, a search among all of them costs next
/// to nothing.
const FEW_WALKS: usize = 32;
const FEW_SOCKETS: u64 = 20_000;

/// Whether to look where the sockets are that no namespace accounts for: where
/// some surely are elsewhere, and where there may be some and the search is
/// cheap.
fn is_worth_a_search(left: &Unaccounted, counted: &[Counted]) -> bool {
    let sockets = || {
        let known = counted.iter().filter_map(|counts| counts.as_ref().ok());
        known.filter_map(NetnsCounts::sockets)
    };
    let is_cheap = sockets().filter(|&sockets| sockets > 0).count() <= FEW_WALKS
        && sockets().sum::<u64>() <= FEW_SOCKETS;
    left.elsewhere_at_least > Some(0) || (left.at_most > Some(0) && is_cheap)
}

/// Who holds sockets that no namespace shows. It reads every descriptor of the
/// host, and every socket.
fn holders(
    proc_root: &ProcRoot,
    found: &NamespaceList,
    counted: &[Counted],
) -> Result<Vec<UnaccountedHolder>, KernelError> {
    let descriptors = SocketDescriptors::collect(proc_root, Which::All { first: &[] })?;
    let has_sockets = |counts: &Counted| {
        let counts = counts.as_ref().ok();
        counts.is_some_and(|counts| counts.is_empty() != Some(true))
    };
    let full: Vec<&NamespaceEntry> = found
        .all
        .iter()
        .zip(counted)
        .filter(|(_, counts)| has_sockets(counts))
        .map(|(entry, _)| entry)
        .collect();
    let shown = side_by_side(&full, &|&entry| {
        let inodes = read_in(proc_root, entry, |inside, _| {
            let mut inodes = Vec::new();
            let every = Request::states(StateSet::RFC9293);
            let mut namespace = Namespace::open(inside.clone());
            namespace.sockets().visit(&every, &mut |socket| {
                inodes.extend(socket.inode);
                ControlFlow::Continue(())
            })?;
            Ok::<_, KernelError>(inodes)
        });
        // Whose sockets weren't all seen would seem to be elsewhere.
        inodes.ok().and_then(Result::ok)
    });
    let Some(shown) = shown.into_iter().collect::<Option<Vec<Vec<u64>>>>() else {
        return Ok(Vec::new());
    };
    let shown: HashSet<u64> = shown.into_iter().flatten().collect();
    let mut holders: Vec<UnaccountedHolder> = Vec::new();
    let mut sockets = HashSet::new();
    for (holder, inode) in descriptors.unreached(|inode| shown.contains(&inode)) {
        if !sockets.insert((holder.pid, inode)) {
            continue;
        }
        if let Some(known) = holders.iter_mut().find(|known| known.pid == holder.pid) {
            known.sockets += 1;
            continue;
        }
        holders.push(UnaccountedHolder {
            pid: holder.pid,
            command: read_member(proc_root, holder.pid).and_then(|member| member.command),
            sockets: 1,
        });
    }
    holders.sort_by_key(|holder| (Reverse(holder.sockets), holder.pid));
    Ok(holders)
}

/// What the host shares, with its limits where its own namespace can be entered.
fn host_wide(proc_root: &ProcRoot, found: &NamespaceList, sockstat: &Sockstat) -> HostWide {
    let host = found.all.iter().find(|one| one.is_host == Some(true));
    let read = |proc_root: &ProcRoot| read_host_wide(proc_root, sockstat);
    host.and_then(|host| enter(proc_root, host, read).ok())
        .unwrap_or_else(|| read(proc_root))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Staged;
    use super::*;

    #[test]
    fn each_is_done_once_whatever_the_number_of_threads() {
        let items: Vec<u32> = (0..50).collect();
        let mut done = side_by_side(&items, &|&item| item);
        done.sort_unstable();
        assert_eq!(done, items);
        assert_eq!(side_by_side(&[], &|&item: &u32| item), [0_u32; 0]);
    }

    #[test]
    fn what_is_lost_is_more_than_what_is_in_no_table() {
        let staged = Staged::new();
        staged.process(2, 2, "sh", "/");
        let found = staged.found();
        let counts = |inuse, used| -> Counted {
            Ok(NetnsCounts {
                sockstat: Sockstat {
                    used: Some(used),
                    in_protocol_tables: Some(5),
                    inuse_ipv4: Some(inuse),
                    inuse_ipv6: Some(0),
                    ..Sockstat::default()
                },
                established: None,
            })
        };
        let host = Sockstat {
            alloc: Some(20),
            ..Sockstat::default()
        };
        let left = |counted: [Counted; 2]| {
            let left = unaccounted(&host, &found, &counted);
            (left.at_most, left.elsewhere_at_least)
        };
        let two = [counts(3, 5), counts(10, 9)];
        assert_eq!(left(two), (Some(7), Some(3)));
        let unlisted = [counts(3, 15), counts(10, 9)];
        assert_eq!(left(unlisted), (Some(7), Some(0)));
        let unread = [counts(3, 5), Err(EnterFailure::Unreachable)];
        assert_eq!(left(unread), (Some(17), Some(17)));
    }
}
