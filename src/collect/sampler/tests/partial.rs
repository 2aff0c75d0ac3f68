//! Samples of which a part could not be read.

use super::super::*;
use super::staged::{CLOSE_WAIT, Host, LISTEN};
use crate::classify::history::{Latest, Timeline};
use crate::model::{PortReading, TcpState};

/// Takes a sample, and gives what is known then.
fn latest<'t>(
    host: &Host,
    sampler: &mut Sampler,
    timeline: &'t mut Timeline,
    view: Details,
    second: u64,
) -> &'t Latest {
    let reading = sampler.take_at(view, host.at(second)).expect("a sample");
    timeline.push(reading);
    timeline.latest().expect("it was pushed")
}

fn parts(latest: &Latest) -> Vec<Part> {
    latest.failures.iter().map(|failure| failure.part).collect()
}

/// The whole sample failed, and every view stood still.
#[test]
fn leaks_that_cannot_be_read_leave_the_rest_of_the_sample_fresh() {
    let host = Host::new(3);
    let mut sampler = host.over_netlink();
    let mut timeline = Timeline::default();
    let first = latest(&host, &mut sampler, &mut timeline, Details::Leaks, 0);
    assert_eq!(parts(first), []);
    host.kernel.state().refuses = Some(1 << CLOSE_WAIT);
    host.has([(LISTEN, 9_000), (CLOSE_WAIT, 1)]);
    let second = latest(&host, &mut sampler, &mut timeline, Details::Leaks, 1);
    assert_eq!(second.at, host.at(1));
    assert_eq!(
        second.snapshot.states.total_of(TcpState::CloseWait),
        Some(1)
    );
    let since = second.snapshot.taken_at;
    assert_eq!(parts(second), [Part::Leaks]);
    let third = latest(&host, &mut sampler, &mut timeline, Details::Leaks, 2);
    assert_eq!(third.failures[0].since, since, "the first of them");
    let why = &third.failures[0].why;
    assert!(why.contains("Operation not permitted"), "{why}");
    let kept = third.leaks.as_ref().expect("what was read before");
    assert_eq!((kept.at, kept.value.report.sockets.len()), (host.at(0), 3));
    // Another view has nothing to do with it.
    let other = latest(&host, &mut sampler, &mut timeline, Details::None, 3);
    assert_eq!((parts(other), other.leaks.is_none()), (vec![], true));
    host.kernel.state().refuses = None;
    let back = latest(&host, &mut sampler, &mut timeline, Details::Leaks, 4);
    let kept = back.leaks.as_ref().expect("it is read again");
    assert_eq!((kept.at, kept.value.report.sockets.len()), (host.at(4), 1));
    assert_eq!(parts(back), []);
}

#[test]
fn a_search_that_fails_keeps_the_holders_of_before_and_says_so() {
    let host = Host::new(3);
    let mut sampler = host.over_netlink();
    let mut timeline = Timeline::default();
    latest(&host, &mut sampler, &mut timeline, Details::Leaks, 0);
    host.loses_proc();
    for second in 1..3 {
        let blind = latest(&host, &mut sampler, &mut timeline, Details::Leaks, second);
        assert_eq!(blind.snapshot.states.total_of(TcpState::CloseWait), Some(3));
        assert_eq!(parts(blind), [Part::Leaks]);
        assert!(blind.failures[0].why.contains("No such file"), "{blind:?}");
        let kept = blind.leaks.as_ref().expect("what was read before");
        assert_eq!((kept.at, kept.value.report.attributed), (host.at(0), 3));
    }
}

#[test]
fn the_first_reading_of_a_view_may_fail_too() {
    let host = Host::new(3);
    host.kernel.state().refuses = Some(1 << CLOSE_WAIT);
    let mut timeline = Timeline::default();
    let mut sampler = host.over_netlink();
    let only = latest(&host, &mut sampler, &mut timeline, Details::Leaks, 0);
    assert_eq!(
        (parts(only), only.leaks.is_none()),
        (vec![Part::Leaks], true)
    );
}

#[test]
fn ports_and_listeners_stay_as_they_were_read_last() {
    let host = Host::new(3);
    let mut sampler = host.over_netlink();
    let mut timeline = Timeline::default();
    let whole = latest(&host, &mut sampler, &mut timeline, Details::Connections, 0);
    let before = whole.pressure().clone();
    assert!(before.ports.grouped().is_some(), "{before:?}");
    // Only these views ask for listeners alone.
    host.kernel.state().refuses = Some(1 << LISTEN);
    for second in 1..3 {
        let partly = latest(
            &host,
            &mut sampler,
            &mut timeline,
            Details::Connections,
            second,
        );
        assert_eq!(
            (parts(partly), partly.at),
            (vec![Part::Pressure], host.at(second))
        );
        assert_eq!(partly.pressure(), &before);
        let kept = partly
            .older_pressure
            .as_ref()
            .expect("what was read before");
        assert_eq!(kept.at, host.at(0));
    }
    host.kernel.state().refuses = None;
    let back = latest(&host, &mut sampler, &mut timeline, Details::Connections, 3);
    assert_eq!((parts(back), back.older_pressure.is_none()), (vec![], true));
}

/// The question whether ports run out belongs to every sample, and took it
/// down with it.
#[test]
fn a_sample_whose_ports_cannot_be_read_has_all_the_rest() {
    let host = Host::new(3);
    host.has_ports();
    // More connections than are in the dump: they must be looked at.
    host.counts(60_000, 60_000);
    let bound = 1 << 13;
    host.kernel.state().refuses = Some(bound);
    let mut sampler = host.over_netlink();
    let mut timeline = Timeline::default();
    let partly = latest(&host, &mut sampler, &mut timeline, Details::None, 0);
    assert_eq!(parts(partly), [Part::Ports]);
    assert_eq!(
        partly.snapshot.states.total_of(TcpState::CloseWait),
        Some(3)
    );
    assert_eq!(partly.snapshot.pressure.ports, PortReading::Failed);
    assert!(partly.assessment.unknown.contains(&"ports"));
    host.kernel.state().refuses = None;
    let back = latest(&host, &mut sampler, &mut timeline, Details::None, 1);
    assert_eq!(parts(back), []);
}

#[test]
fn sockets_that_cannot_be_counted_are_no_sample() {
    let host = Host::new(3);
    let mut sampler = host.over_netlink();
    host.kernel.state().refuses_all = true;
    assert!(sampler.take_at(Details::None, host.at(0)).is_err());
}

/// 49 sockets had been stuck for 96 s before its eyes, and a look alone couldn't
/// date them: "one reading can't tell since when".
#[test]
fn what_was_seen_for_a_minute_is_leaked_whatever_a_look_can_tell() {
    for details in [Details::None, Details::Leaks] {
        let host = Host::new(3);
        let mut sampler = host.over_netlink();
        let mut leaked = Vec::new();
        for second in [0, 30, 59, 61] {
            let reading = sampler.take_at(details, host.at(second)).unwrap();
            let counts = match reading.leaks {
                Look::Found(leaks) => leaks.report.counts,
                _ => reading.snapshot.leaks.as_ref().unwrap().counts,
            };
            leaked.push(counts.leaked());
            assert_eq!(
                reading.snapshot.leaks.unwrap().counts.leaked(),
                counts.leaked()
            );
        }
        assert_eq!(leaked, [0, 0, 0, 3], "{details:?}");
    }
}
