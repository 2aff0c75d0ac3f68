//! Searches through all descriptors, each of which costs much.

use std::cell::Cell;

use super::super::*;
use super::staged::Host;

thread_local! {
    static SPENT: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// A search takes 30 ms of a core, so it may be done every 3 s.
fn clock() -> Duration {
    SPENT.set(SPENT.get() + Duration::from_millis(30));
    SPENT.get()
}

/// While a listener was in trouble each sample read where every descriptor of
/// the host leads: a quarter of a core on a host with 200,000.
#[test]
fn who_is_behind_a_listener_in_trouble_is_searched_for_seldom() {
    let host = Host::new(0);
    host.kernel.state().waiting = 9;
    host.process(7, 4_711, [9_000]);
    let mut sampler = host.over_netlink();
    sampler.owners = OwnerCache::new(clock);
    let mut pids = |second| {
        let reading = sampler
            .take_at(Details::Connections, host.at(second))
            .unwrap();
        assert_eq!(reading.failed, []);
        let listeners = reading.snapshot.pressure.listeners.unwrap().listeners;
        let program = listeners.into_iter().next().unwrap().program;
        program.map(|program| program.pids)
    };
    assert_eq!(pids(0), Some(vec![7]));
    host.process(8, 4_711, [9_000]);
    assert_eq!(pids(1), Some(vec![7]), "a copy waits for the next search");
    assert_eq!(pids(3), Some(vec![7, 8]));
    host.process(7, 4_711, []);
    assert_eq!(pids(4), Some(vec![8]), "who let it go isn't shown");
}
