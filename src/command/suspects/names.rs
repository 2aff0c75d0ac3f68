//! The names that were found last, for who looks again and again.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::super::pace::{Clock, Pace, cpu_time};
use super::suspects;
use crate::classify::close_wait::{Digest, Share};
use crate::kernel::ProcRoot;
use crate::model::{AgeBounds, CgroupId, LeakDigest, Suspect};

/// Names are kept for so long: a socket may change hands, and the number of
/// descriptors does.
const KEPT: Duration = Duration::from_secs(10);

/// While only more sockets leak, a search may take one part of so many of a
/// core in the long run: in a leak that grows they are others at each sample.
const PARTS: u32 = 200;

/// The names that were found last. Looking for them again for each sample would
/// cost more than the sample.
#[derive(Debug)]
pub(in super::super) struct Names {
    /// Tells the time of a core that was spent.
    clock: Clock,
    found: Option<Found>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            clock: cpu_time,
            found: None,
        }
    }
}

#[derive(Debug)]
struct Found {
    at: Instant,
    /// What it cost to find them.
    pace: Pace,
    leaked: Leaked,
    suspects: Vec<Suspect>,
}

/// Which sockets leak, without their ages.
#[derive(Debug, PartialEq, Eq)]
struct Leaked {
    total: u64,
    inodes: HashSet<u64>,
    /// Whether these are all: of many the first are remembered, which may be
    /// others each time.
    knows_all: bool,
    cgroups: HashMap<CgroupId, u64>,
    ports: HashMap<u16, u64>,
}

impl Leaked {
    fn of(digest: &Digest) -> Self {
        let count = |share: &Share| share.leaked;
        let cgroups = digest.cgroups.iter();
        let ports = digest.ports.iter();
        Self {
            total: digest.leaked.leaked,
            inodes: digest.remembered.keys().copied().collect(),
            knows_all: digest.remembers_all(),
            cgroups: cgroups.map(|(&id, share)| (id, count(share))).collect(),
            ports: ports.map(|(&port, share)| (port, count(share))).collect(),
        }
    }
}

impl Leaked {
    /// Whether all that leaked then leaks now, and maybe more.
    fn has_grown_from(&self, then: &Self) -> bool {
        fn is_no_less<K: Eq + Hash>(now: &HashMap<K, u64>, then: &HashMap<K, u64>) -> bool {
            let mut then = then.iter();
            then.all(|(key, count)| now.get(key).is_some_and(|now| now >= count))
        }
        self.total >= then.total
            && (!self.knows_all || self.inodes.is_superset(&then.inodes))
            && is_no_less(&self.cgroups, &then.cgroups)
            && is_no_less(&self.ports, &then.ports)
    }
}

impl Names {
    /// What a sample says of CLOSE_WAIT, with names where these are cheap to
    /// have. Without a /proc that belongs to the sockets nobody is named.
    pub(in super::super) fn name(
        &mut self,
        digest: &Digest,
        min_age: Duration,
        proc_root: Option<&ProcRoot>,
    ) -> LeakDigest {
        LeakDigest {
            min_age,
            counts: digest.counts,
            oldest: digest.leaked.oldest,
            suspects: self.suspects(digest, Instant::now(), || suspects(digest, proc_root)),
        }
    }

    /// The suspects of the last search while the same sockets leak, or those of
    /// a new one. Where more leak, that waits until it is worth its time: then
    /// each suspect may have more.
    fn suspects(
        &mut self,
        digest: &Digest,
        now: Instant,
        search: impl FnOnce() -> Vec<Suspect>,
    ) -> Vec<Suspect> {
        let leaked = Leaked::of(digest);
        if let Some(found) = &self.found {
            let since = now.saturating_duration_since(found.at);
            let is_same = found.leaked == leaked;
            let waits = !found.pace.is_over(now)
                && found.leaked.total > 0
                && leaked.has_grown_from(&found.leaked);
            if (is_same && since < KEPT) || waits {
                let suspects = found.suspects.iter().cloned();
                let suspects = suspects.map(|suspect| Suspect {
                    or_more: suspect.or_more || !is_same,
                    ..aged(suspect, since)
                });
                return suspects.collect();
            }
        }
        let before = (self.clock)();
        let suspects = search();
        let cost = (self.clock)().saturating_sub(before);
        self.found = Some(Found {
            at: now,
            pace: Pace::new(now, cost, PARTS),
            leaked,
            suspects: suspects.clone(),
        });
        suspects
    }
}

/// The same sockets, so much later.
fn aged(suspect: Suspect, since: Duration) -> Suspect {
    let older = |age: Duration| age.saturating_add(since);
    Suspect {
        oldest: AgeBounds {
            at_least: suspect.oldest.at_least.map(older),
            at_most: suspect.oldest.at_most.map(older),
        },
        ..suspect
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::suspect;
    use super::*;
    use crate::model::Who;

    const SECOND: Duration = Duration::from_secs(1);

    fn leaking(inodes: impl IntoIterator<Item = u64>) -> Digest {
        let mut digest = Digest::default();
        for inode in inodes {
            digest.leaked.add(AgeBounds::default());
            digest
                .remembered
                .insert(inode, (None, AgeBounds::default()));
        }
        digest
    }

    /// Each sample looked through the descriptors of whoever leaks.
    #[test]
    fn names_are_not_searched_for_while_the_same_sockets_leak() {
        let mut names = Names::default();
        let start = Instant::now();
        let mut searches = 0;
        let mut ask = |digest: &Digest, now| {
            let mut found = names.suspects(digest, now, || {
                searches += 1;
                let oldest = AgeBounds {
                    at_least: Some(SECOND * 60),
                    at_most: None,
                };
                vec![suspect(Who::Unknown, Share { leaked: 2, oldest })]
            });
            (searches, found.pop().unwrap().oldest.at_least.unwrap())
        };
        assert_eq!(ask(&leaking([1, 2]), start), (1, SECOND * 60));
        let later = start + SECOND * 9;
        assert_eq!(ask(&leaking([2, 1]), later), (1, SECOND * 69), "they aged");
        assert_eq!(ask(&leaking([1, 3]), later).0, 2, "others leak");
        assert_eq!(ask(&leaking([1, 3]), later + KEPT).0, 3, "too long ago");
        assert_eq!(ask(&leaking([1]), later + KEPT).0, 4, "one is closed");
    }

    /// A leak that grows is another one at each sample, each of which looked
    /// through 25,000 descriptors.
    #[test]
    fn a_leak_that_grows_is_not_searched_for_at_each_sample() {
        thread_local! {
            static SPENT: Cell<Duration> = const { Cell::new(Duration::ZERO) };
        }
        // A search takes 25 ms of a core: one in 5 s is enough.
        let mut names = Names {
            clock: || {
                SPENT.set(SPENT.get() + SECOND / 40);
                SPENT.get()
            },
            found: None,
        };
        let start = Instant::now();
        let mut searches = 0;
        let mut ask = |inodes: &[u64], second: u32| {
            let digest = leaking(inodes.iter().copied());
            let now = start + SECOND * second;
            let leaked = digest.leaked.leaked;
            let found = names.suspects(&digest, now, || {
                searches += 1;
                let oldest = AgeBounds::default();
                vec![suspect(Who::Unknown, Share { leaked, oldest })]
            });
            let found: Vec<(u64, bool)> = found.iter().map(|s| (s.leaked, s.or_more)).collect();
            (searches, found)
        };
        assert_eq!(ask(&[], 0), (1, vec![(0, false)]));
        assert_eq!(
            ask(&[1], 0),
            (2, vec![(1, false)]),
            "the first is named at once"
        );
        assert_eq!(ask(&[1, 2], 1), (2, vec![(1, true)]));
        assert_eq!(ask(&[1, 2, 3], 4), (2, vec![(1, true)]));
        assert_eq!(ask(&[1, 2, 3], 5), (3, vec![(3, false)]));
        // Nobody is said to leak what was closed.
        assert_eq!(ask(&[1, 2], 6), (4, vec![(2, false)]));
        assert_eq!(ask(&[1, 4], 6), (5, vec![(2, false)]));
    }
}
