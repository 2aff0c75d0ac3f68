//! Netlink that is refused in mid-run, and comes back.

use super::super::*;
use super::staged::{CLOSE_WAIT, Host, LISTEN};
use crate::classify::history::{Latest, Timeline};
use crate::model::{Counter, TcpState};

struct Watched {
    host: Host,
    sampler: Sampler,
    timeline: Timeline,
}

impl Watched {
    fn new() -> Self {
        let host = Host::new(3);
        let sampler = host.with_fallback();
        Self {
            host,
            sampler,
            timeline: Timeline::default(),
        }
    }

    fn latest(&mut self, view: Details, second: u64) -> &Latest {
        let at = self.host.at(second);
        let reading = self.sampler.take_at(view, at).expect("a sample");
        self.timeline.push(reading);
        self.timeline.latest().expect("it was pushed")
    }
}

/// How many sockets more there seem to be in two states.
fn changes(latest: &Latest) -> [Option<i64>; 2] {
    let rates = latest.rates.as_ref().expect("two samples");
    [TcpState::CloseWait, TcpState::Listen].map(|state| rates.change(state))
}

#[test]
fn what_two_sources_show_differently_is_no_change() {
    let mut watched = Watched::new();
    // What only netlink shows, as far as this host is concerned.
    let more = (4..=40).map(|number| (CLOSE_WAIT, number));
    let all = [(LISTEN, 9_000)]
        .into_iter()
        .chain((1..=3).map(|number| (CLOSE_WAIT, number)));
    watched.host.kernel.state().sockets = all.chain(more).collect();
    watched.latest(Details::None, 0);
    let calm = watched.latest(Details::None, 1);
    assert_eq!(changes(calm), [Some(0); 2]);
    assert_eq!(
        calm.close_wait.map(|moved| (moved.entered, moved.stuck)),
        Some((0, 40))
    );

    watched.host.kernel.state().refuses_all = true;
    for second in 2..62 {
        let fallen = watched.latest(Details::None, second);
        let collection = &fallen.snapshot.collection;
        assert_eq!(collection.source, SourceKind::Procfs, "{second}");
        let why = collection.fallback_reason.as_ref().map(ToString::to_string);
        assert!(why.is_some_and(|why| why.contains("not permitted")));
        assert_eq!(
            fallen.snapshot.states.total_of(TcpState::CloseWait),
            Some(3)
        );
        assert_eq!(fallen.close_wait, None, "nobody can tell");
        let expected = if second == 2 { None } else { Some(0) };
        assert_eq!(changes(fallen), [expected; 2], "{second}");
    }

    watched.host.kernel.state().refuses_all = false;
    // A minute after the first sample that began without it.
    let back = watched.latest(Details::None, 63);
    assert_eq!(back.snapshot.collection.source, SourceKind::Netlink);
    assert_eq!(back.snapshot.collection.fallback_reason, None);
    assert_eq!(changes(back), [None; 2]);
    assert_eq!(back.closed_per_second, None);
    assert_eq!(back.close_wait, None, "37 would have entered");
    let calm = watched.latest(Details::None, 64);
    assert_eq!(changes(calm), [Some(0); 2]);
    assert_eq!(
        calm.close_wait.map(|moved| (moved.entered, moved.stuck)),
        Some((0, 40))
    );
    assert_eq!(calm.per_second(Counter::CurrEstab), None);
}

#[test]
fn netlink_is_tried_again_a_minute_later_and_not_before_whoever_refuses() {
    let mut watched = Watched::new();
    watched.host.kernel.state().refuses_all = true;
    watched.latest(Details::None, 0);
    let asked = |watched: &Watched| watched.host.kernel.state().dumps;
    assert_eq!(asked(&watched), 1);
    watched.latest(Details::None, 1);
    watched.latest(Details::None, 60);
    assert_eq!(asked(&watched), 1, "59 s after it was missed first");
    watched.latest(Details::None, 61);
    assert_eq!(asked(&watched), 2);
    // Refused again: another minute.
    watched.latest(Details::None, 62);
    watched.latest(Details::None, 121);
    assert_eq!(asked(&watched), 2);
    watched.host.kernel.state().refuses_all = false;
    let back = watched.latest(Details::None, 122);
    assert_eq!(back.snapshot.collection.source, SourceKind::Netlink);
}

/// All sockets looked new, and all that netlink had known closed.
#[test]
fn sockets_are_not_new_because_another_source_names_them() {
    let mut watched = Watched::new();
    let moved = |latest: &Latest| {
        let leaks = latest.leaks.as_ref().expect("the view is open");
        let report = &leaks.value.report;
        assert_eq!(report.processes.len(), 1);
        let growth = report.processes[0].growth.map(|growth| growth.sockets);
        let moved = report.comparison.map(|moved| (moved.new, moved.gone));
        (moved, growth)
    };
    let calm = (Some((0, Some(0))), Some(0));
    watched.latest(Details::Leaks, 0);
    assert_eq!(moved(watched.latest(Details::Leaks, 1)), calm);
    watched.host.kernel.state().refuses_all = true;
    assert_eq!(moved(watched.latest(Details::Leaks, 2)), (None, None));
    assert_eq!(moved(watched.latest(Details::Leaks, 3)), calm);
    watched.host.kernel.state().refuses_all = false;
    assert_eq!(moved(watched.latest(Details::Leaks, 70)), (None, None));
    assert_eq!(moved(watched.latest(Details::Leaks, 71)), calm);
}

#[test]
fn ports_do_not_grow_because_another_source_shows_more() {
    let mut watched = Watched::new();
    watched.host.has_ports();
    let open = |watched: &Watched, numbers: u16| {
        let sockets = (1..=numbers).map(|number| (1, number));
        watched.host.kernel.state().sockets = sockets.collect();
    };
    watched.host.has((1..=5).map(|number| (1, number)));
    let growth = |latest: &Latest| -> Vec<Option<f64>> {
        let ports = latest.pressure().ports.grouped().expect("the view is open");
        let destinations = ports.destinations.iter();
        destinations
            .map(|destination| destination.growth_per_s)
            .collect()
    };
    open(&watched, 9);
    watched.latest(Details::Connections, 0);
    watched.host.kernel.state().refuses_all = true;
    assert!(
        growth(watched.latest(Details::Connections, 11))
            .iter()
            .all(Option::is_none)
    );
    let calm = growth(watched.latest(Details::Connections, 22));
    assert!(
        !calm.is_empty() && calm.iter().all(|growth| *growth == Some(0.0)),
        "{calm:?}"
    );
}

/// The sample was taken again over /proc, and what the view needs had been read
/// a moment ago: that is too soon, so it was read and shown to nobody.
#[test]
fn leaks_are_read_again_with_the_sample_whatever_that_costs() {
    let mut watched = Watched::new();
    watched.sampler.leaks = LeakReader::new(cpu_time);
    watched.sampler.owners = OwnerCache::new(cpu_time);
    watched.host.kernel.state().refuses_after = Some(1);
    let only = watched.latest(Details::Leaks, 0);
    let report = only.leaks.as_ref().map(|leaks| &leaks.value.report);
    assert_eq!(report.map(|report| report.sockets.len()), Some(3));
}

/// What was read a moment before, for the sample that counts for nothing, is no
/// reading to compare with: one port more in a millisecond is 1000 in a second.
#[test]
fn a_sample_that_is_taken_again_has_none_before_it() {
    let mut watched = Watched::new();
    watched.host.has_ports();
    watched.host.has((1..=5).map(|number| (1, number)));
    watched.host.kernel.state().refuses_after = Some(1);
    let only = watched.latest(Details::Connections, 0);
    let ports = only.pressure().ports.grouped().expect("the view is open");
    let destinations = ports.destinations.iter();
    let growth: Vec<_> = destinations.map(|one| one.growth_per_s).collect();
    assert!(
        !growth.is_empty() && growth.iter().all(Option::is_none),
        "{growth:?}"
    );
    let mut watched = Watched::new();
    watched.host.kernel.state().refuses_after = Some(1);
    let only = watched.latest(Details::Leaks, 0);
    let leaks = only.leaks.as_ref().expect("the view is open");
    assert_eq!(leaks.value.report.comparison, None);
}

/// The sockets were counted over netlink and looked at closely over /proc, and
/// nothing said so.
#[test]
fn a_sample_is_of_one_source() {
    for (view, counted) in [(Details::Leaks, 1), (Details::Connections, 1)] {
        let mut watched = Watched::new();
        let mut state = watched.host.kernel.state();
        state.refuses_after = Some(counted);
        drop(state);
        let only = watched.latest(view, 0);
        assert_eq!(
            only.snapshot.collection.source,
            SourceKind::Procfs,
            "{view:?}"
        );
        assert!(only.snapshot.collection.fallback_reason.is_some());
        assert_eq!(only.failures, []);
    }
}
