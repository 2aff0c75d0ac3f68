//! Takes one sample after the other.

mod leaks;
mod pressure;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use self::leaks::LeakReader;
use self::pressure::PressureReader;
use super::Namespace;
use super::cpu_budget::cpu_time;
use super::ownership::OwnerCache;
use super::question::{EstablishedRead, ListenerNames, Question};
use super::read::read_beside;
use crate::classify::change::Past;
use crate::classify::close_wait::Earlier;
use crate::classify::history::{CloseWaitMemory, Leaks, Look, Reading, Waiting};
use crate::kernel::KernelError;
use crate::model::{
    Comparison, Condition, CounterSnapshot, End, Endpoint, Part, Request, Snapshot, SourceKind,
    StateSet, TcpState,
};

/// Netlink that failed is tried again after so long.
const RETRY: Duration = Duration::from_secs(60);

/// What a sample shall have besides what every one has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Details {
    /// Nothing.
    None,
    /// The sockets in CLOSE_WAIT, judged, and whose they are.
    Leaks,
    /// Every connection by destination and by listener, and the programs of
    /// listeners in trouble.
    Connections,
    /// The same, and who waits at the listener with this address.
    Listener(Endpoint),
}

/// Reads samples from the same place, and remembers between them who is in
/// CLOSE_WAIT.
pub struct Sampler {
    namespace: Namespace,
    /// Since when /proc is read in place of netlink, if it is.
    fell_back: Option<Instant>,
    question: Question<'static>,
    memory: CloseWaitMemory,
    /// What was counted at the sample before.
    counted: Option<CounterSnapshot>,
    owners: OwnerCache,
    leaks: LeakReader,
    pressure: PressureReader,
}

impl Sampler {
    /// Asks the same question of a namespace again and again.
    #[must_use]
    pub fn new(namespace: Namespace, question: Question<'static>) -> Self {
        Self {
            namespace,
            fell_back: None,
            question: Question {
                partial: true,
                ..question
            },
            memory: CloseWaitMemory::default(),
            counted: None,
            owners: OwnerCache::new(cpu_time),
            leaks: LeakReader::new(cpu_time),
            pressure: PressureReader::default(),
        }
    }

    /// Takes a sample with details. What can't be read but for the counts of
    /// sockets is missing in it, with the reason.
    ///
    /// # Errors
    ///
    /// When sockets can't be counted.
    pub fn take(&mut self, details: Details) -> Result<Reading, KernelError> {
        self.take_at(details, Instant::now())
    }

    fn take_at(&mut self, details: Details, at: Instant) -> Result<Reading, KernelError> {
        let begun = Instant::now();
        self.try_netlink_again(at);
        self.namespace.refresh()?;
        let mut reading = self.take_once(details, at)?;
        // Netlink was refused when the sockets were counted already: a sample
        // is of one source, so that two can be compared.
        if reading.snapshot.collection.source != self.namespace.source() {
            self.leaks.read_again();
            self.pressure.read_again();
            reading = self.take_once(details, at)?;
        }
        reading.cost = begun.elapsed();
        Ok(reading)
    }

    fn take_once(&mut self, details: Details, at: Instant) -> Result<Reading, KernelError> {
        self.memory.begin(at);
        self.owners.begin(at);
        let now = self.namespace.since_boot();
        let before = self.counted.take();
        // What was seen for so long counts, whatever one look can tell.
        let watched = Earlier::watched(
            self.memory.watched(at, self.question.min_age),
            self.memory.since_origin(at),
        );
        let memory = &mut self.memory;
        let question = Question {
            earlier: Some(&watched),
            listeners: match details {
                // Their own reading names them.
                Details::Connections | Details::Listener(_) => ListenerNames::None,
                Details::None | Details::Leaks => ListenerNames::InTrouble,
            },
            established: EstablishedRead::WhereMuchIsResent,
            past: before.as_ref().map(|before| {
                let ago = now.map(|now| now.saturating_sub(before.at));
                Past::counted(before, ago)
            }),
            ..self.question
        };
        let mut snapshot = read_beside(
            &mut self.namespace,
            &question,
            None,
            &mut self.owners,
            &mut |socket| memory.see(socket),
        )?;
        self.counted = CounterSnapshot::of(&snapshot);
        let mut failed = std::mem::take(&mut snapshot.missing);
        let close_wait = memory.end(snapshot.collection.complete);
        let leaks = self.look_for_leaks(details, at, &mut failed);
        self.look_for_pressure(details, at, &mut snapshot, &mut failed);
        let waiting = self.look_for_waiting(details, &mut failed);
        Ok(Reading {
            at,
            cost: Duration::ZERO,
            snapshot,
            close_wait,
            leaks,
            waiting,
            failed,
        })
    }

    fn look_for_leaks(
        &mut self,
        details: Details,
        at: Instant,
        failed: &mut Vec<(Part, String)>,
    ) -> Look<Leaks> {
        if details != Details::Leaks {
            self.leaks.forget();
            return Look::NotAsked;
        }
        let (namespace, owners) = (&mut self.namespace, &mut self.owners);
        let leaks = self.leaks.read(namespace, &self.memory, owners, at);
        match leaks {
            Ok(Some(leaks)) => Look::Found(leaks),
            Ok(None) => Look::Unchanged,
            Err(error) => {
                failed.push((Part::Leaks, error.to_string()));
                Look::Unchanged
            }
        }
    }

    fn look_for_pressure(
        &mut self,
        details: Details,
        at: Instant,
        snapshot: &mut Snapshot,
        failed: &mut Vec<(Part, String)>,
    ) {
        if !matches!(details, Details::Connections | Details::Listener(_)) {
            self.pressure.forget();
            return;
        }
        let (namespace, owners) = (&mut self.namespace, &mut self.owners);
        match self.pressure.read(namespace, owners, at) {
            Ok((pressure, missing)) => {
                snapshot.pressure = pressure;
                // Every connection was looked at after all.
                failed.retain(|(part, _)| *part != Part::Ports);
                failed.extend(missing);
            }
            Err(error) => failed.push((Part::Pressure, error.to_string())),
        }
    }

    /// Who waits at the listener that is asked for: connections without a file.
    fn look_for_waiting(
        &mut self,
        details: Details,
        failed: &mut Vec<(Part, String)>,
    ) -> Option<Waiting> {
        let Details::Listener(at) = details else {
            return None;
        };
        let states = StateSet::NONE
            .with(TcpState::Established)
            .with(TcpState::CloseWait);
        let port = Condition::Port(End::Local, Comparison::Equal, at.port);
        let request = Request::states(states).and(&port.into());
        let mut clients: BTreeMap<String, u64> = BTreeMap::new();
        let read = self.namespace.sockets().visit_all(&request, &mut |socket| {
            let is_there = at.address.is_unspecified()
                || socket.local.canonical_address() == at.canonical_address();
            if socket.inode.is_none() && is_there {
                *clients.entry(socket.remote.host()).or_default() += 1;
            }
        });
        if let Err(error) = read {
            failed.push((Part::Pressure, error.to_string()));
            return None;
        }
        let mut clients: Vec<(String, u64)> = clients.into_iter().collect();
        clients.sort_by_key(|(_, count)| Reverse(*count));
        Some(Waiting { at, clients })
    }

    /// How much is remembered from sample to sample.
    #[cfg(test)]
    fn kept(&self) -> usize {
        self.memory.kept() + self.owners.kept() + self.leaks.kept() + self.pressure.kept()
    }

    /// A source that fell back stays with /proc. What made netlink fail may be
    /// over, and whoever watches for days shall not pay for a bad minute.
    fn try_netlink_again(&mut self, now: Instant) {
        if self.namespace.source() == SourceKind::Netlink {
            self.fell_back = None;
            return;
        }
        let since = *self.fell_back.get_or_insert(now);
        if now.saturating_duration_since(since) >= RETRY && self.namespace.reopen() {
            self.fell_back = None;
        }
    }
}

#[cfg(test)]
mod tests;
