//! Everything that is known of the samples so far: the newest, the one before
//! it, what changed between the two, and a bounded past.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use super::super::change::Past;
use super::super::close_wait::LeakReport;
use super::super::listeners::SynEvidence;
use super::super::{Assessment, assess};
use super::event::Lingering;
use super::{EventLog, Rates, Ring, Transitions};
use crate::model::{
    AgeBounds, Counter, Endpoint, Listener, Part, Pressure, Snapshot, StateCounts, TcpState,
};

/// So many samples are drawn in a graph.
pub const HISTORY: usize = 240;

/// What one reading gave.
#[derive(Debug)]
pub struct Reading {
    /// When it began, by a clock that nobody sets.
    pub at: Instant,
    /// How long all of it took: sockets, settings, counters, and what the view
    /// needs besides.
    pub cost: Duration,
    /// What was read.
    pub snapshot: Snapshot,
    /// Sockets that entered and left CLOSE_WAIT; `None` where nobody can tell.
    pub close_wait: Option<Transitions>,
    /// Who leaks, beside the reading before.
    pub leaks: Look<Leaks>,
    /// Who waits at the listener that a view asked for.
    pub waiting: Option<Waiting>,
    /// What could not be read, and why.
    pub failed: Vec<(Part, String)>,
}

/// A listener: its address, and the interface that it is bound to.
pub type ListenerKey = (Endpoint, Option<u32>);

/// Connections that nobody has accepted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The address that they wait at.
    pub at: Endpoint,
    /// Where they come from, most first: a host and how many.
    pub clients: Vec<(String, u64)>,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Hosts that are named.
        const NAMED: usize = 5;
        if self.clients.is_empty() {
            return f.write_str("nobody");
        }
        for (place, (host, count)) in self.clients.iter().take(NAMED).enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{count} from {host}")?;
        }
        match self.clients.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, ", and of {more} more hosts"),
        }
    }
}

/// A listener's queue in a sample, where there is anything to tell of it.
#[derive(Debug, Clone, Copy)]
struct Queue {
    at: ListenerKey,
    waiting: u32,
    drops: Option<u64>,
}

/// So many listeners of a sample are remembered, the fullest.
const QUEUES: usize = 256;

/// What a look for something gave.
#[derive(Debug)]
pub enum Look<T> {
    /// No view asked.
    NotAsked,
    /// What was found last still stands: it was too soon, or could not be read.
    Unchanged,
    /// This.
    Found(T),
}

/// Who leaks, and what it costs to know that.
#[derive(Debug)]
pub struct Leaks {
    /// The sockets with their holders. Every one of these held its socket when
    /// the sample was taken.
    pub report: LeakReport,
    /// The time of a core that it took, without the search.
    pub cost: Duration,
    /// The next reading comes so long after this one, or later: it shall not
    /// take more than a small share of the time.
    pub every: Duration,
    /// The last search through all descriptors; `None` where there was none to
    /// do.
    pub search: Option<Search>,
}

/// A search through the descriptors of all processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// How long before this sample it began.
    pub ago: Duration,
    /// The time of a core that it took.
    pub cost: Duration,
    /// The next one comes so long after it, or later.
    pub every: Duration,
}

/// The newest sample with its judgement.
#[derive(Debug)]
pub struct Latest {
    /// When it was taken, by a clock that nobody sets.
    pub at: Instant,
    /// How long all of it took: sockets, settings, counters, and what the view
    /// needs besides.
    pub cost: Duration,
    /// What was read.
    pub snapshot: Snapshot,
    /// What is judged of it.
    pub assessment: Assessment,
    /// Sockets that entered and left CLOSE_WAIT; `None` where nobody can tell.
    pub close_wait: Option<Transitions>,
    /// Who leaks, as it was read last; `None` when no view asked.
    pub leaks: Option<Kept<Leaks>>,
    /// What the views of ports and listeners show in place of what the sample
    /// has, where that could not be read for them.
    pub older_pressure: Option<Kept<Pressure>>,
    /// Who waits at the listener that a view asked for.
    pub waiting: Option<Waiting>,
    /// What could not be read, and since when.
    pub failures: Vec<Failure>,
    /// What is known of handshakes since the sample before.
    pub syn: SynEvidence,
    /// What changed since the sample before.
    pub rates: Option<Rates>,
    /// Connections closed in a second.
    pub closed_per_second: Option<f64>,
}

/// The samples so far.
#[derive(Debug)]
pub struct Timeline {
    latest: Option<Latest>,
    past: Ring<Option<StateCounts>>,
    queues: Ring<Option<Vec<Queue>>>,
    events: EventLog,
    lingering: Lingering,
    taken: u64,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            latest: None,
            past: Ring::new(HISTORY),
            queues: Ring::new(HISTORY),
            events: EventLog::default(),
            lingering: Lingering::default(),
            taken: 0,
        }
    }
}

impl Timeline {
    /// Takes a sample.
    pub fn push(&mut self, reading: Reading) {
        let Reading {
            at,
            cost,
            snapshot,
            close_wait,
            leaks,
            waiting,
            failed,
        } = reading;
        let before = self.latest.as_ref();
        let earlier = before.map_or(&[][..], |before| &before.failures);
        let failures = since(failed, earlier, snapshot.taken_at);
        let rates = before.and_then(|before| {
            let over = at.saturating_duration_since(before.at);
            Rates::between(&before.snapshot, &snapshot, over)
        });
        let closed_per_second = before.and_then(|before| {
            rates
                .as_ref()?
                .closed_per_second(&before.snapshot, &snapshot)
        });
        let syn = SynEvidence::of(
            &snapshot,
            before.map(|before| Past::of(&before.snapshot, &snapshot)),
        );
        let mut assessment = assess(&snapshot, before.map(|before| &before.snapshot));
        self.lingering.see(at, &assessment);
        self.lingering.keep(at, &mut assessment);
        self.events.observe(&snapshot, &assessment);
        self.past.push(Some(snapshot.states.clone()));
        let listeners = snapshot.pressure.listeners.as_ref();
        self.queues
            .push(listeners.map(|all| queues(&all.listeners)));
        self.taken += 1;
        let has_failed = |part| failures.iter().any(|failure| failure.part == part);
        let mut before = self.latest.take();
        // What was read last stands until the view can be read again.
        let leaks = match leaks {
            Look::Found(value) => Some(Kept { value, at }),
            Look::Unchanged => before.as_mut().and_then(|before| before.leaks.take()),
            Look::NotAsked => None,
        };
        let older_pressure = before
            .filter(|_| has_failed(Part::Pressure))
            .and_then(Latest::into_pressure);
        self.latest = Some(Latest {
            at,
            cost,
            snapshot,
            assessment,
            close_wait,
            leaks,
            older_pressure,
            waiting,
            failures,
            syn,
            rates,
            closed_per_second,
        });
    }

    /// A sample is missing: it failed, or nobody looked.
    pub fn gap(&mut self) {
        self.past.push(None);
        self.queues.push(None);
    }

    /// The newest sample.
    #[must_use]
    pub const fn latest(&self) -> Option<&Latest> {
        self.latest.as_ref()
    }

    /// How many samples there were.
    #[must_use]
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    /// How many sockets were in a state, the newest first; `None` where a
    /// sample is missing or doesn't tell.
    pub fn past(&self, state: TcpState) -> impl Iterator<Item = Option<u64>> {
        self.past
            .iter()
            .rev()
            .map(move |counts| counts.as_ref()?.total_of(state))
    }

    /// How many connections waited at a listener, the newest first.
    pub fn queue(&self, at: ListenerKey) -> impl Iterator<Item = Option<u64>> {
        self.queues.iter().rev().map(move |queues| {
            let mut queues = queues.as_ref()?.iter();
            let found = queues.find(|queue| queue.at == at);
            Some(found.map_or(0, |queue| queue.waiting.into()))
        })
    }

    /// What a listener discards a second, by the newest two samples.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "less than 2^53 segments")]
    pub fn drops_per_second(&self, listener: &Listener) -> Option<f64> {
        let at = (listener.local, listener.interface);
        let mut newest = self.queues.iter().rev().map(|queues| {
            let mut queues = queues.as_ref()?.iter();
            match queues.find(|queue| queue.at == at) {
                Some(queue) => queue.drops,
                None => Some(0),
            }
        });
        let (now, before) = (newest.next()??, newest.next()??);
        let over = self.latest.as_ref()?.rates.as_ref()?.over;
        Some(now.checked_sub(before)? as f64 / over.as_secs_f64())
    }

    /// How many samples, findings and events are remembered.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.past.iter().len() + self.events.kept()
    }

    /// Findings as they appeared and cleared.
    #[must_use]
    pub const fn events(&self) -> &EventLog {
        &self.events
    }
}

impl Latest {
    /// How much a counter rose in a second.
    #[must_use]
    pub fn per_second(&self, counter: Counter) -> Option<f64> {
        self.rates.as_ref()?.per_second(counter)
    }

    /// Ports and listeners as their views show them.
    #[must_use]
    pub fn pressure(&self) -> &Pressure {
        match &self.older_pressure {
            Some(older) => &older.value,
            None => &self.snapshot.pressure,
        }
    }

    /// What the views of ports and listeners showed, if it was read for them.
    fn into_pressure(self) -> Option<Kept<Pressure>> {
        // Only they read that much.
        let is_whole = self.snapshot.pressure.time_wait.is_some();
        let own = is_whole.then_some(Kept {
            value: self.snapshot.pressure,
            at: self.at,
        });
        own.or(self.older_pressure)
    }

    /// The age of the oldest socket in CLOSE_WAIT, by what was watched and by
    /// what the kernel tells of leaked ones: either may know of more.
    #[must_use]
    pub fn oldest_close_wait(&self) -> Option<AgeBounds> {
        let watched = self.close_wait?.oldest?;
        let told = self.snapshot.leaks.as_ref();
        let told = AgeBounds {
            at_least: told.and_then(|leaks| leaks.oldest.at_least),
            // Of the leaked ones, which need not be the oldest.
            at_most: None,
        };
        Some(watched.and(told))
    }
}

/// A part that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which.
    pub part: Part,
    /// What failed, and why.
    pub why: String,
    /// The first sample of those in a row that had to do without, by the wall
    /// clock; `None` where that one has no time.
    pub since: Option<SystemTime>,
}

/// What was read for a view, and when.
#[derive(Debug)]
pub struct Kept<T> {
    /// What.
    pub value: T,
    /// When the sample began that it belongs to.
    pub at: Instant,
}

/// The failures of a sample beside those of the sample before it.
pub(super) fn since(
    failed: Vec<(Part, String)>,
    before: &[Failure],
    now: Option<SystemTime>,
) -> Vec<Failure> {
    let failed = failed.into_iter();
    failed
        .map(|(part, why)| {
            let earlier = before.iter().find(|failure| failure.part == part);
            Failure {
                part,
                why,
                since: earlier.map_or(now, |earlier| earlier.since),
            }
        })
        .collect()
}

/// The queues that there is anything to tell of; the fullest come first.
fn queues(listeners: &[Listener]) -> Vec<Queue> {
    let told = listeners.iter().filter_map(|listener| {
        let is_told = listener.accept_queue > 0 || listener.drops != Some(0);
        is_told.then_some(Queue {
            at: (listener.local, listener.interface),
            waiting: listener.accept_queue,
            drops: listener.drops,
        })
    });
    told.take(QUEUES).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{leak_digest, snapshot};
    use super::*;
    use crate::model::{Destination, Endpoint, PortReading, Ports};

    const SECOND: Duration = Duration::from_secs(1);

    fn with_established(count: u64) -> Snapshot {
        snapshot()
            .with_state(TcpState::Established, count)
            .with_counter(Counter::ActiveOpens, count)
            .build()
    }

    fn reading(at: Instant, snapshot: Snapshot) -> Reading {
        Reading {
            at,
            cost: SECOND,
            snapshot,
            close_wait: None,
            leaks: Look::NotAsked,
            waiting: None,
            failed: Vec::new(),
        }
    }

    #[test]
    fn rates_need_two_samples_and_use_the_time_between_them() {
        let mut timeline = Timeline::default();
        let start = Instant::now();
        timeline.push(reading(start, with_established(10)));
        assert_eq!(timeline.latest().unwrap().rates, None);
        timeline.push(reading(start + SECOND * 4, with_established(30)));
        let latest = timeline.latest().unwrap();
        assert_eq!(latest.per_second(Counter::ActiveOpens), Some(5.0));
        assert_eq!(latest.per_second(Counter::PassiveOpens), None);
        assert_eq!(timeline.taken(), 2);
    }

    /// The line said 2 s where the finding below it said 2 h.
    #[test]
    fn the_oldest_is_no_younger_than_the_finding_says() {
        let start = Instant::now();
        let oldest_after = |told: Duration| {
            let mut snapshot = with_established(1);
            let mut leaks = leak_digest(&[], Vec::new());
            leaks.oldest.at_least = Some(told);
            snapshot.leaks = Some(leaks);
            let mut timeline = Timeline::default();
            timeline.push(Reading {
                close_wait: Some(Transitions {
                    entered: 0,
                    left: Some(0),
                    stuck: 1,
                    oldest: Some(AgeBounds {
                        at_least: Some(SECOND * 2),
                        at_most: None,
                    }),
                }),
                ..reading(start + SECOND * 2, snapshot)
            });
            timeline.latest().unwrap().oldest_close_wait().unwrap()
        };
        let at_least = |age| AgeBounds {
            at_least: Some(age),
            at_most: None,
        };
        assert_eq!(oldest_after(SECOND * 7_200), at_least(SECOND * 7_200));
        assert_eq!(oldest_after(SECOND), at_least(SECOND * 2));
    }

    /// At a steady load the ports in use swing about 80 %: the finding came and
    /// went every second.
    #[test]
    fn a_share_that_swings_about_its_range_is_one_finding() {
        let start = Instant::now();
        let mut timeline = Timeline::default();
        let mut found = Vec::new();
        for second in 0..40_u32 {
            let in_use = match second {
                5..20 if second % 2 == 0 => 790,
                5..20 => 810,
                _ => 700,
            };
            let snapshot = snapshot().with_pressure(ports_in_use(in_use)).build();
            timeline.push(reading(start + SECOND * second, snapshot));
            let assessment = &timeline.latest().unwrap().assessment;
            found.push(assessment.findings.len());
            assert_eq!(assessment.fine.contains(&"ports"), found.last() == Some(&0));
        }
        // Until it stayed away for ten seconds.
        assert_eq!(found.iter().position(|&count| count > 0), Some(5));
        assert_eq!(found[5..29], [1; 24]);
        assert_eq!(found[29..], [0; 11]);
        assert_eq!(timeline.events().newest_first().count(), 2);
    }

    fn ports_in_use(in_use: u32) -> Pressure {
        let destination = Destination {
            local_address: "10.0.0.5".parse().unwrap(),
            interface: None,
            remote: Endpoint::new("10.0.0.9".parse().unwrap(), 5432),
            in_use,
            time_wait: 0,
            reusable: 0,
            recent_time_wait: 0,
            usable: Some(1_000),
            bound_first: false,
            sustainable_per_s: Some(16.0),
            growth_per_s: None,
            pool_growth_per_s: None,
        };
        Pressure {
            ports: PortReading::Grouped(Ports {
                destinations: vec![destination],
                ..Ports::default()
            }),
            ..Pressure::default()
        }
    }

    #[test]
    fn the_past_is_bounded_and_shows_its_gaps() {
        let mut timeline = Timeline::default();
        let start = Instant::now();
        for (second, count) in (0_u32..).zip(0..1_000) {
            timeline.push(reading(start + SECOND * second, with_established(count)));
        }
        timeline.gap();
        let past: Vec<Option<u64>> = timeline.past(TcpState::Established).collect();
        assert_eq!(past.len(), HISTORY);
        assert_eq!(past[..3], [None, Some(999), Some(998)]);
        assert_eq!(timeline.past(TcpState::BoundInactive).nth(2), Some(None));
    }
}
