//! Whether no destination is near the end of its ports, by a sample of them.
//!
//! On a host with more connections than ports their number alone proves
//! nothing, and to group them all costs ten times what it costs to count them.
//! So some ports, chosen at random, are asked for: of a destination that has
//! taken 80 % of the ports, about 80 % of the sample are taken too. What the
//! sample allows for at most is known to [`MISSED_ONCE_IN`].

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::tally::{Key, is_connection, to_bits};
use super::{WARNING, taken_out, usable};
use crate::model::{PortRange, PortReading, PortSet, PortSettings, Socket};

/// Ports in a sample: enough that half of them taken still proves that less
/// than 80 % of all are, and few, because the kernel compares each socket with
/// them. Of 512 the summary of 100,000 sockets took a third longer.
pub const SAMPLE: usize = 128;

/// How seldom a share is above what was said to be the most: of looks a minute,
/// each at a destination just there, one in two years.
const MISSED_ONCE_IN: f64 = 1e6;

/// Of so much of bind()'s parity taken in the sample nearly all may be in truth.
const USED_UP: f64 = 0.75;

/// Connections with a port of the sample, counted while they stream by.
#[derive(Debug)]
pub struct PortSample {
    range: PortRange,
    /// Ports that connect() may take, in the whole range and in the sample.
    candidates: u32,
    size: u32,
    ports: PortSet,
    /// Ports of the sample that each destination has taken.
    destinations: HashMap<Key, u32, RandomState>,
    /// Who has taken a port of a local address: one destination, or several.
    taken: HashMap<(u128, u16), Option<Key>, RandomState>,
}

impl PortSample {
    /// A sample that `choose` takes from the ports that connect() may take;
    /// `listened` are those that listeners have. `None` where the settings
    /// aren't known.
    #[must_use]
    pub fn new(
        settings: &PortSettings,
        listened: &PortSet,
        choose: impl FnOnce(&mut dyn Iterator<Item = u16>) -> PortSet,
    ) -> Option<Self> {
        let range = settings.range?;
        let reserved = settings.reserved.as_ref()?;
        let free = |port: &u16| !reserved.contains(*port) && !listened.contains(*port);
        let ports = choose(&mut range.ports().filter(free));
        Some(Self {
            range,
            candidates: usable(settings, listened)?,
            size: ports.count_in(range),
            ports,
            destinations: HashMap::default(),
            taken: HashMap::default(),
        })
    }

    /// The ports to ask for.
    #[must_use]
    pub const fn ports(&self) -> &PortSet {
        &self.ports
    }

    /// Counts one socket.
    pub fn add(&mut self, socket: &Socket) {
        let port = socket.local.port;
        if is_connection(socket) && self.ports.contains(port) {
            let key = Key::of(socket);
            *self.destinations.entry(key).or_default() += 1;
            let local = (to_bits(socket.local.address), port);
            self.taken
                .entry(local)
                .and_modify(|by| *by = None)
                .or_insert(Some(key));
        }
    }

    /// What share of the ports no destination is above, where that is worth no
    /// warning. So many sockets may have one of the other ports that are bound
    /// and no more.
    #[must_use]
    pub fn rule_out(&self, bound_at_most: u32) -> Option<PortReading> {
        let left = self.candidates.saturating_sub(bound_at_most);
        // That the range is taken away by others is another finding.
        if taken_out(left, self.range) >= WARNING {
            return None;
        }
        let left = f64::from(left) / f64::from(self.candidates);
        let takers = Takers::of(self);
        // bind() finds every port of its address taken, whoever has it; on the
        // wildcard address every port of all addresses.
        let mut used_at_most = at_most(takers.in_use, self.size)? / left;
        // connect() finds those of its destination taken, and what bind() gave
        // out to others. Of some destination the sample may hold no port.
        let nobody = (0, takers.by_bind);
        let destinations = self.destinations.iter();
        let found = destinations.map(|(key, &hits)| (hits, takers.lost_to_others(key)));
        for (hits, lost) in found.chain([nobody]) {
            let lost = at_most(lost, self.size)?;
            if lost >= left {
                return None;
            }
            used_at_most = used_at_most.max(at_most(hits, self.size)? / (left - lost));
        }
        (used_at_most < WARNING).then_some(PortReading::Sampled { used_at_most })
    }

    fn is_of_bind_parity(&self, port: u16) -> bool {
        (port ^ self.range.first) & 1 == 1
    }
}

/// Who has the ports of the sample.
#[derive(Debug, Default)]
struct Takers {
    /// Ports that some local address has connections from.
    in_use: u32,
    /// Ports that bind() may have given out, at whatever address.
    by_bind: u32,
    /// Of these, by destination, those that no other may have got from it.
    own: HashMap<Key, u32, RandomState>,
}

/// What is counted of a local address.
#[derive(Debug, Clone, Copy, Default)]
struct Local {
    /// Its ports of bind()'s parity that one destination has.
    by_bind: u32,
}

impl Takers {
    fn of(snapshot: &PortSample) -> Self {
        let mut locals: HashMap<u128, Local, RandomState> = HashMap::default();
        for (&(address, port), by) in &snapshot.taken {
            let local = locals.entry(address).or_default();
            // bind() gives a port out once, and begins with this parity.
            local.by_bind += u32::from(by.is_some() && snapshot.is_of_bind_parity(port));
        }
        let ranges = snapshot.ports.ranges().into_iter();
        let ports = ranges.flat_map(PortRange::ports);
        let parity = ports.fold(0, |count, port| {
            count + u32::from(snapshot.is_of_bind_parity(port))
        });
        // It goes on to the other one when hardly any is left.
        let goes_on = |local: &Local| f64::from(local.by_bind) >= USED_UP * f64::from(parity);
        let in_use: PortSet = snapshot.taken.keys().map(|&(_, port)| port).collect();
        let mut owners: HashMap<u16, Option<Key>, RandomState> = HashMap::default();
        for (&(address, port), by) in &snapshot.taken {
            if let Some(key) = *by
                && (snapshot.is_of_bind_parity(port) || locals.get(&address).is_some_and(goes_on))
            {
                // connect() passes it by at any address.
                owners
                    .entry(port)
                    .and_modify(|owner| *owner = owner.filter(|&owner| owner == key))
                    .or_insert(Some(key));
            }
        }
        let mut takers = Self {
            in_use: in_use.count_in(PortRange::ALL),
            ..Self::default()
        };
        for owner in owners.into_values() {
            takers.by_bind += 1;
            if let Some(key) = owner {
                *takers.own.entry(key).or_default() += 1;
            }
        }
        takers
    }

    /// The most that bind() may have given out, but for what a destination has
    /// itself.
    fn lost_to_others(&self, key: &Key) -> u32 {
        self.by_bind - self.own.get(key).copied().unwrap_or(0)
    }
}

/// The share of all ports that may be taken when so many `of` a sample are: the
/// lowest of which a sample like this would come but once in a very long time
/// (Chernoff's bound, which Hoeffding proved for draws without putting back).
fn at_most(taken: u32, of: u32) -> Option<f64> {
    if of == 0 {
        return None;
    }
    let (size, seen) = (f64::from(of), f64::from(taken.min(of)) / f64::from(of));
    let is_likely = |share: f64| size * divergence(seen, share) < MISSED_ONCE_IN.ln();
    let (mut low, mut high) = (seen, 1.0);
    // To a few parts in a billion.
    for _ in 0..30 {
        let middle = f64::midpoint(low, high);
        if is_likely(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

/// Kullback and Leibler's, of a coin that shows `seen` from one that shows
/// `share`.
fn divergence(seen: f64, share: f64) -> f64 {
    let part = |a: f64, b: f64| if a > 0.0 { a * (a / b).ln() } else { 0.0 };
    part(seen, share) + part(1.0 - seen, 1.0 - share)
}

#[cfg(test)]
mod tests;
