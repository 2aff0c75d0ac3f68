//! Listening sockets, and who is behind them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ratio;
use super::{Cgroup, CgroupId, Endpoint, Family, Program, Unit};

/// Listening sockets, those of one address and port together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listeners {
    /// Those that were kept, the fullest first.
    pub listeners: Vec<Listener>,
    /// How many there are, kept or not.
    pub count: u64,
    /// The highest limit of an accept queue of any of them; `None` over /proc,
    /// and where there is no listener.
    pub largest_limit: Option<u32>,
    /// What each has discarded so far, by its address ([`Listener::address`]); without
    /// those of which it isn't known.
    pub drops: ListenerDrops,
}

/// Segments that listeners have discarded, by their addresses.
pub type ListenerDrops = BTreeMap<String, u64>;

impl Listeners {
    /// Whether there are listeners and none of them was kept: what was asked
    /// for isn't there, and nobody can say that it is well.
    #[must_use]
    pub const fn none_matched(&self) -> bool {
        self.listeners.is_empty() && self.count > 0
    }
}

/// A listening address and port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Where it listens.
    pub local: Endpoint,
    /// Its address family.
    pub family: Family,
    /// Index of the interface that it is bound to: two listeners on one port may
    /// differ in nothing else.
    pub interface: Option<u32>,
    /// Sockets there: more than one with SO_REUSEPORT.
    pub sockets: u32,
    /// How many of these have a full accept queue; `None` over /proc.
    pub full_sockets: Option<u32>,
    /// Connections that wait to be accepted, at the fullest of them.
    pub accept_queue: u32,
    /// How many may wait at that one; `None` over /proc.
    pub accept_limit: Option<u32>,
    /// Connections in the table that nobody accepted yet, all its sockets
    /// together; `None`: not looked for.
    pub unaccepted: Option<u32>,
    /// Connections in the accept queue that are in no table any more: reset by
    /// the peer while they waited. `None` where the queues aren't told apart.
    pub dead: Option<u32>,
    /// Handshakes that aren't finished, all its sockets together; `None`:
    /// not looked for.
    pub syn_recv: Option<u32>,
    /// Of these, the highest number of SYN-ACKs sent again.
    pub syn_ack_retransmits: Option<u8>,
    /// Segments that it has discarded since it began to listen, all its sockets
    /// together; `None` over /proc and before Linux 4.7.
    pub drops: Option<u64>,
    /// Each of its sockets, in the order of the dump.
    pub members: Vec<ListenSocket>,
    /// The cgroups that its sockets were made in, as far as anybody resolved
    /// them: none when nobody did.
    pub cgroups: Vec<Cgroup>,
    /// Who holds it, those with a full socket before the others; `None` when
    /// nobody looked, or none was in sight.
    pub program: Option<Program>,
}

/// One of the sockets of a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenSocket {
    /// Its inode.
    pub inode: Option<u64>,
    /// The cgroup that it was made in; `None` over /proc and before Linux 5.8.
    pub cgroup: Option<CgroupId>,
    /// Connections that wait to be accepted.
    pub accept_queue: u32,
    /// How many may wait; `None` over /proc.
    pub accept_limit: Option<u32>,
    /// The processes that hold it, by number; `None`: not searched, or
    /// none was found.
    pub pids: Option<Vec<u32>>,
}

impl ListenSocket {
    /// Whether the next connection is dropped: the kernel takes one more than
    /// the limit (`sk_acceptq_is_full`). `None` over /proc.
    #[must_use]
    pub fn is_full(&self) -> Option<bool> {
        self.accept_limit.map(|limit| self.accept_queue > limit)
    }
}

impl Listener {
    /// Where it listens, as ss writes it, with the interface where it is bound
    /// to one: what tells it from the others, also between two readings.
    #[must_use]
    pub fn address(&self) -> String {
        self.local.on_device(self.interface)
    }

    /// Its address, then who holds it, as far as that is known: how a finding
    /// begins.
    #[must_use]
    pub fn subject(&self) -> String {
        let address = self.address();
        match self.culprit() {
            Some(culprit) => format!("{address} {culprit}"),
            None => address,
        }
    }

    /// The inodes of its sockets.
    pub fn inodes(&self) -> impl Iterator<Item = u64> {
        self.members.iter().filter_map(|member| member.inode)
    }

    /// The units and containers behind it: that of the process that is named,
    /// else those that its sockets were made in.
    #[must_use]
    pub fn units(&self) -> Vec<&Unit> {
        let of_process = self.program.as_ref();
        if let Some(unit) = of_process.and_then(|program| program.unit.as_ref()) {
            return vec![unit];
        }
        let mut units: Vec<&Unit> = Vec::new();
        for unit in self
            .cgroups
            .iter()
            .filter_map(|cgroup| cgroup.unit.as_ref())
        {
            if !units.contains(&unit) {
                units.push(unit);
            }
        }
        units
    }

    /// Its unit in words; how many more, where there are several; `None` when
    /// none is known.
    #[must_use]
    pub fn unit(&self, name: impl Fn(&Unit) -> String) -> Option<String> {
        let units = self.units();
        let (first, others) = units.split_first()?;
        Some(match others.len() {
            0 => name(first),
            more => format!("{} +{more}", name(first)),
        })
    }

    /// The program and its unit in a sentence, as `nginx[880] (nginx.service)`;
    /// `None` when neither is known.
    #[must_use]
    pub fn culprit(&self) -> Option<String> {
        let program = self.program.as_ref().map(ToString::to_string);
        match (program, self.unit(Unit::short)) {
            (Some(program), Some(unit)) => Some(format!("{program} ({unit})")),
            (program, unit) => program.or(unit),
        }
    }

    /// Share of the places of its fullest accept queue that are taken: the
    /// kernel takes one more than the limit. `None` over /proc.
    #[must_use]
    pub fn used_ratio(&self) -> Option<f64> {
        ratio(
            self.accept_queue.into(),
            u64::from(self.accept_limit?).saturating_add(1),
        )
    }

    /// Whether the next connection is dropped, at one of its sockets at least.
    /// `None` over /proc.
    #[must_use]
    pub fn is_full(&self) -> Option<bool> {
        self.full_sockets.map(|full| full > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accept_queue_has_a_place_more_than_its_limit() {
        let used = |queue, limit| {
            let mut listener = listener();
            (listener.accept_queue, listener.accept_limit) = (queue, limit);
            listener.used_ratio()
        };
        assert_eq!(used(0, Some(0)), Some(0.0));
        assert_eq!(used(3, Some(3)), Some(0.75));
        assert_eq!(used(4, Some(3)), Some(1.0));
        assert_eq!(used(4, None), None);
    }

    fn unit(name: &str) -> Unit {
        Unit::Systemd {
            name: name.to_owned(),
            user: None,
        }
    }

    fn cgroup(id: u64, unit: Option<Unit>) -> Cgroup {
        Cgroup {
            id: CgroupId(id),
            path: None,
            removed: unit.is_none(),
            unit,
        }
    }

    fn listener() -> Listener {
        Listener {
            local: Endpoint::new("0.0.0.0".parse().unwrap(), 80),
            family: Family::Ipv4,
            interface: None,
            drops: None,
            sockets: 1,
            full_sockets: None,
            accept_queue: 0,
            accept_limit: None,
            unaccepted: None,
            dead: None,
            syn_recv: None,
            syn_ack_retransmits: None,
            members: Vec::new(),
            cgroups: Vec::new(),
            program: None,
        }
    }

    /// A socket of systemd's is made in its cgroup, and another process takes
    /// the connections.
    #[test]
    fn the_unit_of_the_process_goes_before_that_of_the_socket() {
        let mut listener = listener();
        assert_eq!(listener.culprit(), None);
        listener.cgroups = vec![cgroup(1, None), cgroup(2, Some(unit("init.scope")))];
        assert_eq!(listener.culprit().as_deref(), Some("init.scope"));
        let program = |unit| Program {
            pids: vec![880, 1],
            command: Some("sshd".to_owned()),
            unit,
        };
        listener.program = Some(program(None));
        let culprit = listener.culprit();
        assert_eq!(culprit.as_deref(), Some("sshd[880] +1 (init.scope)"));
        listener.program = Some(program(Some(unit("ssh.service"))));
        let culprit = listener.culprit();
        assert_eq!(culprit.as_deref(), Some("sshd[880] +1 (ssh.service)"));
    }

    #[test]
    fn several_units_behind_one_port_are_counted_once_each() {
        let mut listener = listener();
        let one = || Some(unit("a.service"));
        listener.cgroups = vec![cgroup(1, one()), cgroup(2, one())];
        assert_eq!(listener.culprit().as_deref(), Some("a.service"));
        listener.cgroups.push(cgroup(3, Some(unit("b.service"))));
        assert_eq!(listener.culprit().as_deref(), Some("a.service +1"));
    }
}
