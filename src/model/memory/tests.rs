use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn memory(at: u64) -> Memory {
    Memory {
        begun: seconds(at),
        ended: seconds(at + 1),
        boot_id: "b".to_owned(),
        netns: Some(1),
        ..Memory::default()
    }
}

fn mark(at: u64, resets: u64) -> Mark {
    let mut counters = Counters::default();
    counters.set(Counter::EstabResets, resets);
    Mark {
        at: seconds(at),
        counters,
        ..Mark::default()
    }
}

#[test]
fn only_what_is_of_the_same_boot_place_and_scope_compares() {
    let now = memory(20);
    let compares = |memory: Memory| Memories(vec![memory]).before(&now).is_some();
    assert!(compares(memory(5)));
    assert!(!compares(memory(20)), "no time has passed");
    assert!(!compares(memory(21)));
    let mut other = memory(5);
    other.boot_id = "c".to_owned();
    assert!(!compares(other));
    let mut other = memory(5);
    other.netns = Some(2);
    assert!(!compares(other));
    let mut other = memory(5);
    other.scope = "ipv4".to_owned();
    assert!(!compares(other));
    let mut nameless = memory(5);
    nameless.boot_id.clear();
    let mut later = memory(20);
    later.boot_id.clear();
    assert_eq!(
        Memories(vec![nameless]).before(&later),
        None,
        "without a boot id nothing is certain"
    );
}

#[test]
fn checks_of_other_sockets_in_one_file_keep_their_memories() {
    let mut narrowed = memory(6);
    narrowed.scope = "pid=7".to_owned();
    let mut memories = Memories::default();
    memories.put(memory(5));
    memories.put(narrowed.clone());
    memories.put(memory(10));
    assert_eq!(memories.0.len(), 2);
    assert_eq!(memories.before(&memory(20)), Some(&memory(10)));
    let mut now = memory(20);
    now.scope = "pid=7".to_owned();
    assert_eq!(memories.before(&now), Some(&narrowed));
    for number in 0..1_000 {
        let mut other = memory(30 + number);
        other.scope = number.to_string();
        memories.put(other);
    }
    assert_eq!(memories.0.len(), MOST, "the file can't grow for ever");
    let mut booted = memory(1);
    booted.boot_id = "c".to_owned();
    memories.put(booted);
    assert_eq!(memories.0.len(), 1);
}

#[test]
fn runs_in_quick_succession_take_no_rate_over_milliseconds() {
    let mut before: Option<Memory> = None;
    for step in 0..1_200_u64 {
        let now = Duration::from_millis(1_000_000 + step * 125);
        let at_least = |time| before.as_ref().and_then(|before| before.mark(now, time));
        let waited = Duration::from_millis(step * 125);
        for (wanted, slack) in [(SHORTEST_RATE, 11), (SHORTEST_GROWTH, 11)] {
            let age = at_least(wanted).map(|(_, age)| age);
            assert_eq!(age.is_some(), waited >= wanted, "after {waited:?}");
            assert!(age.is_none_or(|age| age >= wanted && age <= wanted + seconds(slack)));
        }
        let mut after = memory(0);
        let mark = Mark {
            at: now,
            ..Mark::default()
        };
        after.leave(mark, before.as_ref());
        assert!(after.marks.len() <= 8, "{}", after.marks.len());
        before = Some(after);
    }
}

#[test]
fn runs_far_apart_compare_with_the_one_before() {
    let mut first = memory(0);
    first.leave(mark(1_000, 0), None);
    let mut second = memory(0);
    second.leave(mark(1_300, 0), Some(&first));
    let mut third = memory(0);
    third.leave(mark(1_600, 0), Some(&second));
    let (found, age) = third.mark(seconds(1_900), SHORTEST_GROWTH).unwrap();
    assert_eq!((found.at, age), (seconds(1_600), seconds(300)));
    assert_eq!(third.marks.len(), 2);
}

#[test]
fn what_is_older_than_a_day_is_no_rate() {
    let mut memory = memory(0);
    memory.leave(mark(1_000, 0), None);
    let day = 24 * 60 * 60;
    assert!(memory.mark(seconds(1_000 + day), SHORTEST_RATE).is_some());
    assert_eq!(memory.mark(seconds(1_001 + day), SHORTEST_RATE), None);
}

#[test]
fn a_namespace_with_a_number_that_was_given_before_is_told_by_its_counters() {
    let mut memory = memory(0);
    memory.leave(mark(1_000, 50), None);
    assert!(!memory.is_ahead_of(&mark(0, 50).counters));
    assert!(memory.is_ahead_of(&mark(0, 49).counters));
    assert!(!memory.is_ahead_of(&Counters::default()));
    // How many are open now isn't how many there were.
    let mut open = Counters::default();
    open.set(Counter::CurrEstab, 9);
    memory.marks[0].counters = open.clone();
    open.set(Counter::CurrEstab, 1);
    assert!(!memory.is_ahead_of(&open));
}

#[test]
fn a_socket_keeps_its_first_sighting_and_a_new_one_has_bounds() {
    let cookies = |numbers: &[u64]| numbers.iter().copied().map(SocketCookie).collect();
    let mut first = memory(10);
    first.sight(&cookies(&[1, 2]), None);
    let mut second = memory(20);
    second.sight(&cookies(&[1, 3]), Some(&first));
    // One that was refused netlink saw none, and forgets none.
    let mut blind = memory(30);
    blind.keep_sightings(Some(&second));
    let mut third = memory(50);
    third.sight(&cookies(&[1, 3, 4]), Some(&blind));
    let mut ages: Vec<_> = third.close_wait.unwrap().ages().collect();
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
    let cookies = [SocketCookie(1)].into();
    let mut second = memory(20);
    second.sight(&cookies, Some(&memory(10)));
    let (_, age) = second.close_wait.unwrap().ages().next().unwrap();
    assert_eq!(age.at_most, None);
}

/// It compares with nothing, and what compared was taken for another boot's.
#[test]
fn who_does_not_know_its_boot_takes_no_memory_away() {
    let mut memories = Memories::default();
    memories.put(memory(5));
    let mut nameless = memory(10);
    nameless.boot_id.clear();
    memories.put(nameless);
    assert_eq!(memories.before(&memory(20)), Some(&memory(5)));
    assert_eq!(memories.0.len(), 1);
}
