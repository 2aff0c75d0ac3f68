//! CLOSE_WAIT judged as it streams by, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use super::verdict::Judge;
use super::waits::{ends, held_since};
use crate::model::{AgeBounds, CgroupId, Endpoint, Socket, TcpState, Verdict, VerdictCounts};

/// Leaked sockets that are remembered one by one, for the search of their
/// holders. Whoever leaks more is found by these.
const REMEMBERED: usize = 4_096;
/// Cgroups, and ports of listeners, that are counted one by one.
const GROUPS: usize = 64;

/// Both ends of a connection, ours first.
type Ends = (Endpoint, Endpoint);

/// A number of leaked sockets and the age of the oldest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many.
    pub leaked: u64,
    /// The age of the oldest.
    pub oldest: AgeBounds,
}

/// What is kept of all CLOSE_WAIT sockets.
#[derive(Debug, Default)]
pub struct Digest {
    /// All of them by verdict.
    pub counts: VerdictCounts,
    /// The leaked ones.
    pub leaked: Share,
    /// The first leaked sockets that have a file, by inode, with the cgroup
    /// and the age of each.
    pub remembered: HashMap<u64, (Option<CgroupId>, AgeBounds)>,
    /// The first sockets in FIN_WAIT2 that somebody holds and that are old
    /// enough, by inode, with their ages.
    pub fin_wait2: HashMap<u64, (Ends, Duration)>,
    /// The inodes of the remembered leaked sockets, by their ends.
    pub ends: HashMap<Ends, u64>,
    /// Leaked sockets that have a file, by the cgroup they were made in.
    pub cgroups: HashMap<CgroupId, Share>,
    /// Those that nobody has accepted, by the port of ours.
    pub ports: HashMap<u16, Share>,
}

impl Share {
    /// Counts one more.
    pub fn add(&mut self, age: AgeBounds) {
        self.oldest = match self.leaked {
            0 => age,
            _ => self.oldest.older(age),
        };
        self.leaked += 1;
    }
}

impl Digest {
    /// Judges a socket if it is in CLOSE_WAIT.
    pub fn add(&mut self, socket: &Socket, judge: &Judge<'_>) {
        if socket.state != TcpState::CloseWait {
            if let (Some(age), Some(inode)) = (held_since(socket, judge.min_age), socket.inode)
                && self.fin_wait2.len() < REMEMBERED
            {
                self.fin_wait2.insert(inode, (ends(socket), age));
            }
            return;
        }
        let judged = judge.judge(socket.clone());
        self.counts.add(judged.verdict);
        if !judged.verdict.is_leak() {
            return;
        }
        self.leaked.add(judged.age);
        if judged.verdict == Verdict::NotAccepted {
            count(&mut self.ports, socket.local.port, judged.age);
            return;
        }
        if let Some(cgroup) = socket.cgroup {
            count(&mut self.cgroups, cgroup, judged.age);
        }
        if let Some(inode) = socket.inode
            && self.remembered.len() < REMEMBERED
        {
            self.remembered.insert(inode, (socket.cgroup, judged.age));
            self.ends.insert(ends(socket), inode);
        }
    }

    /// Whether every leaked socket with a file is remembered.
    #[must_use]
    pub fn remembers_all(&self) -> bool {
        self.remembered.len() < REMEMBERED
    }
}

fn count<K: Eq + Hash>(groups: &mut HashMap<K, Share>, key: K, age: AgeBounds) {
    if groups.len() < GROUPS || groups.contains_key(&key) {
        groups.entry(key).or_default().add(age);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::close_wait;
    use super::*;

    const JUDGE: Judge<'_> = Judge {
        min_age: Duration::from_secs(60),
        uptime: None,
        earlier: None,
    };

    #[test]
    fn leaked_ones_are_remembered_and_others_only_counted() {
        let mut digest = Digest::default();
        digest.add(&close_wait().inode(7).build(), &JUDGE);
        digest.add(&close_wait().inode(8).times(1, 2).build(), &JUDGE);
        digest.add(&close_wait().inode(0).build(), &JUDGE);
        digest.add(&close_wait().listen().build(), &JUDGE);
        let mut half = close_wait().inode(9).build();
        half.state = TcpState::FinWait2;
        digest.add(&half, &JUDGE);
        let age = Duration::from_secs(120);
        assert_eq!(digest.fin_wait2, [(9, (ends(&half), age))].into());
        assert_eq!(digest.counts.total(), 3);
        assert_eq!(digest.leaked.leaked, 2);
        assert_eq!(digest.remembered.keys().collect::<Vec<_>>(), [&7]);
        assert_eq!(digest.cgroups[&CgroupId(42)].leaked, 1);
        assert_eq!(digest.ports[&8080].leaked, 1);
    }

    #[test]
    fn memory_stays_bounded() {
        let mut digest = Digest::default();
        for number in 1..=10_000_u16 {
            let port = format!("10.0.0.1:{number}");
            let ends = |socket: super::super::testing::SocketBuilder| {
                socket.ends(&port, "10.0.0.2:1").build()
            };
            let held = close_wait().inode(number.into()).cgroup(number.into());
            digest.add(&ends(held), &JUDGE);
            digest.add(&ends(close_wait().inode(0)), &JUDGE);
        }
        assert_eq!(digest.leaked.leaked, 20_000);
        assert_eq!(digest.remembered.len(), REMEMBERED);
        assert_eq!(digest.cgroups.len(), GROUPS);
        assert_eq!(digest.ports.len(), GROUPS);
        assert!(!digest.remembers_all());
    }
}
