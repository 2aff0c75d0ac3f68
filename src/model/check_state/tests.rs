use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn state(at: u64) -> CheckState {
    CheckState {
        begun: seconds(at),
        ended: seconds(at + 1),
        boot_id: "b".to_owned(),
        netns: Some(1),
        ..CheckState::default()
    }
}

fn counted(at: u64, resets: u64) -> CounterSnapshot {
    let mut counters = Counters::default();
    counters.set(Counter::EstabResets, resets);
    CounterSnapshot {
        at: seconds(at),
        counters,
        ..CounterSnapshot::default()
    }
}

#[test]
fn only_what_is_of_the_same_boot_place_and_scope_compares() {
    let now = state(20);
    let compares = |state: CheckState| CheckStates(vec![state]).before(&now).is_some();
    assert!(compares(state(5)));
    assert!(!compares(state(20)), "no time has passed");
    assert!(!compares(state(21)));
    let mut other = state(5);
    other.boot_id = "c".to_owned();
    assert!(!compares(other));
    let mut other = state(5);
    other.netns = Some(2);
    assert!(!compares(other));
    let mut other = state(5);
    other.scope = "ipv4".to_owned();
    assert!(!compares(other));
    let mut nameless = state(5);
    nameless.boot_id.clear();
    let mut later = state(20);
    later.boot_id.clear();
    assert_eq!(
        CheckStates(vec![nameless]).before(&later),
        None,
        "without a boot id nothing is certain"
    );
}

#[test]
fn checks_of_other_sockets_in_one_file_keep_their_memories() {
    let mut narrowed = state(6);
    narrowed.scope = "pid=7".to_owned();
    let mut memories = CheckStates::default();
    memories.put(state(5));
    memories.put(narrowed.clone());
    memories.put(state(10));
    assert_eq!(memories.0.len(), 2);
    assert_eq!(memories.before(&state(20)), Some(&state(10)));
    let mut now = state(20);
    now.scope = "pid=7".to_owned();
    assert_eq!(memories.before(&now), Some(&narrowed));
    for number in 0..1_500 {
        let mut other = state(30 + number);
        other.scope = number.to_string();
        memories.put(other);
    }
    assert_eq!(memories.0.len(), MOST, "the file can't grow forever");
    let mut booted = state(1);
    booted.boot_id = "c".to_owned();
    memories.put(booted);
    assert_eq!(memories.0.len(), 1);
}

#[test]
fn runs_in_quick_succession_take_no_rate_over_milliseconds() {
    let mut before: Option<CheckState> = None;
    for step in 0..1_200_u64 {
        let now = Duration::from_millis(1_000_000 + step * 125);
        let at_least = |time| {
            before
                .as_ref()
                .and_then(|before| before.counted_before(now, time))
        };
        let waited = Duration::from_millis(step * 125);
        for (wanted, slack) in [(SHORTEST_RATE, 11), (SHORTEST_GROWTH, 11)] {
            let age = at_least(wanted).map(|(_, age)| age);
            assert_eq!(age.is_some(), waited >= wanted, "after {waited:?}");
            assert!(age.is_none_or(|age| age >= wanted && age <= wanted + seconds(slack)));
        }
        let mut after = state(0);
        let counted = CounterSnapshot {
            at: now,
            ..CounterSnapshot::default()
        };
        after.keep_counters(counted, before.as_ref());
        assert!(after.snapshots.len() <= 8, "{}", after.snapshots.len());
        before = Some(after);
    }
}

#[test]
fn runs_far_apart_compare_with_the_one_before() {
    let mut first = state(0);
    first.keep_counters(counted(1_000, 0), None);
    let mut second = state(0);
    second.keep_counters(counted(1_300, 0), Some(&first));
    let mut third = state(0);
    third.keep_counters(counted(1_600, 0), Some(&second));
    let (found, age) = third
        .counted_before(seconds(1_900), SHORTEST_GROWTH)
        .unwrap();
    assert_eq!((found.at, age), (seconds(1_600), seconds(300)));
    assert_eq!(third.snapshots.len(), 2);
}

#[test]
fn what_is_older_than_a_day_is_no_rate() {
    let mut state = state(0);
    state.keep_counters(counted(1_000, 0), None);
    let day = 24 * 60 * 60;
    assert!(
        state
            .counted_before(seconds(1_000 + day), SHORTEST_RATE)
            .is_some()
    );
    assert_eq!(
        state.counted_before(seconds(1_001 + day), SHORTEST_RATE),
        None
    );
}

#[test]
fn a_namespace_with_a_number_that_was_given_before_is_told_by_its_counters() {
    let mut state = state(0);
    state.keep_counters(counted(1_000, 50), None);
    assert!(!state.is_ahead_of(&counted(0, 50).counters));
    assert!(state.is_ahead_of(&counted(0, 49).counters));
    assert!(!state.is_ahead_of(&Counters::default()));
    // How many are open now isn't how many there were.
    let mut open = Counters::default();
    open.set(Counter::CurrEstab, 9);
    state.snapshots[0].counters = open.clone();
    open.set(Counter::CurrEstab, 1);
    assert!(!state.is_ahead_of(&open));
}

#[test]
fn a_socket_keeps_its_first_sighting_and_a_new_one_has_bounds() {
    let cookies = |numbers: &[u64]| {
        let numbers = numbers.iter().copied();
        numbers
            .map(|number| (SocketCookie(number), Payload::default()))
            .collect()
    };
    let mut first = state(10);
    first.keep_close_wait(&cookies(&[1, 2]), None);
    let mut second = state(20);
    second.keep_close_wait(&cookies(&[1, 3]), Some(&first));
    // One that was refused netlink saw none, and forgets none.
    let mut blind = state(30);
    blind.keep_close_wait_of(Some(&second));
    let mut third = state(50);
    third.keep_close_wait(&cookies(&[1, 3, 4]), Some(&blind));
    let sockets = third.close_wait.unwrap().sockets;
    let mut ages: Vec<_> = sockets
        .iter()
        .map(|(&cookie, sighting)| (cookie, sighting.age(third.ended)))
        .collect();
    ages.sort_by_key(|(cookie, _)| *cookie);
    let bounds = |at_least, at_most: Option<u64>| AgeBounds {
        at_least: Some(seconds(at_least)),
        at_most: at_most.map(seconds),
    };
    assert_eq!(
        ages,
        [
            (SocketCookie(1), bounds(40, None)),
            (SocketCookie(3), bounds(30, Some(41))),
            (SocketCookie(4), bounds(0, Some(31))),
        ],
        "closed sockets are forgotten"
    );
}

#[test]
fn a_look_that_missed_sockets_bounds_no_age() {
    let cookies = [(SocketCookie(1), Payload::default())].into();
    let mut second = state(20);
    second.keep_close_wait(&cookies, Some(&state(10)));
    let sighting = second.close_wait.unwrap().sockets[&SocketCookie(1)];
    assert_eq!(sighting.age(second.ended).at_most, None);
}

/// It compares with nothing, and what compared was taken for another boot's.
#[test]
fn who_does_not_know_its_boot_takes_no_memory_away() {
    let mut memories = CheckStates::default();
    memories.put(state(5));
    let mut nameless = state(10);
    nameless.boot_id.clear();
    memories.put(nameless);
    assert_eq!(memories.before(&state(20)), Some(&state(5)));
    assert_eq!(memories.0.len(), 1);
}
