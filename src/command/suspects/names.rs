//! The names that were found last, for who looks again and again.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::suspects;
use crate::classify::close_wait::{Digest, Share};
use crate::kernel::ProcRoot;
use crate::model::{AgeBounds, CgroupId, LeakDigest, Suspect};

/// Names are kept for so long: a socket may change hands, and the number of
/// descriptors does.
const KEPT: Duration = Duration::from_secs(10);

/// The names that were found last. Looking for them again for each sample would
/// cost more than the sample.
#[derive(Debug, Default)]
pub(in super::super) struct Names {
    found: Option<Found>,
}

#[derive(Debug)]
struct Found {
    at: Instant,
    leaked: Leaked,
    suspects: Vec<Suspect>,
}

/// Which sockets leak, without their ages.
#[derive(Debug, PartialEq, Eq)]
struct Leaked {
    total: u64,
    inodes: HashSet<u64>,
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
            cgroups: cgroups.map(|(&id, share)| (id, count(share))).collect(),
            ports: ports.map(|(&port, share)| (port, count(share))).collect(),
        }
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
    /// a new one.
    fn suspects(
        &mut self,
        digest: &Digest,
        now: Instant,
        search: impl FnOnce() -> Vec<Suspect>,
    ) -> Vec<Suspect> {
        let leaked = Leaked::of(digest);
        if let Some(found) = &self.found {
            let since = now.saturating_duration_since(found.at);
            if since < KEPT && found.leaked == leaked {
                let suspects = found.suspects.iter().cloned();
                return suspects.map(|suspect| aged(suspect, since)).collect();
            }
        }
        let suspects = search();
        self.found = Some(Found {
            at: now,
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
}
