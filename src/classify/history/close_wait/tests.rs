use super::*;
use crate::classify::close_wait::testing::close_wait as builder;
use crate::classify::close_wait::{Earlier, Judge};
use crate::model::Verdict;
use proptest::prelude::*;
use std::collections::HashSet;

fn close_wait(cookie: u64) -> Socket {
    builder().cookie(cookie).build()
}

/// Samples at whole seconds.
struct Staged {
    memory: CloseWaitMemory,
    start: Instant,
}

impl Staged {
    fn new() -> Self {
        Self {
            memory: CloseWaitMemory::default(),
            start: Instant::now(),
        }
    }

    fn at(&self, second: u64) -> Instant {
        self.start + Duration::from_secs(second)
    }

    fn snapshot(&mut self, second: u64, cookies: &[u64], complete: bool) -> Option<Transitions> {
        self.memory.begin(self.at(second));
        for &cookie in cookies {
            self.memory.see(&close_wait(cookie));
        }
        self.memory.end(complete)
    }
}

fn counts(transitions: Option<Transitions>) -> (u64, Option<u64>, u64) {
    let transitions = transitions.expect("two samples");
    (transitions.entered, transitions.left, transitions.stuck)
}

#[test]
fn entering_leaving_and_staying_are_told_apart() {
    let mut staged = Staged::new();
    assert_eq!(staged.snapshot(0, &[1, 2, 3], true), None, "the first");
    assert_eq!(
        counts(staged.snapshot(1, &[2, 3, 4, 5], true)),
        (2, Some(1), 2)
    );
    assert_eq!(counts(staged.snapshot(2, &[], true)), (0, Some(4), 0));
}

#[test]
fn an_age_is_exact_when_the_socket_was_seen_entering() {
    let mut staged = Staged::new();
    staged.snapshot(0, &[1], true);
    let transitions = staged.snapshot(5, &[1, 2], true).unwrap();
    let age = |cookie| {
        let now = staged.memory.since_origin(staged.at(65));
        let age = staged.memory.known.get(&SocketCookie(cookie));
        age.map(|known| known.sighting.age(now))
    };
    let bounds = |at_least, at_most: Option<u64>| AgeBounds {
        at_least: Some(Duration::from_secs(at_least)),
        at_most: at_most.map(Duration::from_secs),
    };
    assert_eq!(age(2), Some(bounds(60, Some(65))));
    assert_eq!(age(1), Some(bounds(65, None)));
    assert_eq!(age(3), None);
    assert_eq!(transitions.oldest, Some(bounds(5, None)));
}

#[test]
fn a_socket_that_one_dump_missed_keeps_its_age() {
    let mut staged = Staged::new();
    staged.snapshot(0, &[1], true);
    assert_eq!(counts(staged.snapshot(1, &[], true)), (0, Some(1), 0));
    assert_eq!(counts(staged.snapshot(2, &[1], true)), (0, Some(0), 1));
    let known = staged.memory.known[&SocketCookie(1)];
    assert_eq!(known.sighting.seen, Duration::ZERO);
}

#[test]
fn nobody_is_said_to_have_left_when_rows_were_lost() {
    let mut staged = Staged::new();
    staged.snapshot(0, &[1, 2], true);
    assert_eq!(counts(staged.snapshot(1, &[2], false)), (0, None, 1));
    // The first whole sample tells.
    assert_eq!(counts(staged.snapshot(2, &[2], true)), (0, Some(1), 1));
}

#[test]
fn a_sample_that_failed_is_as_if_it_had_not_been() {
    let mut staged = Staged::new();
    staged.snapshot(0, &[1, 2], true);
    staged.memory.begin(staged.at(1));
    staged.memory.see(&close_wait(7));
    staged.memory.see(&close_wait(8));
    // 2 left and 7 came; 8 came and went unseen.
    assert_eq!(counts(staged.snapshot(2, &[1, 7], true)), (1, Some(1), 1));
}

#[test]
fn a_source_without_cookies_tells_nothing() {
    let mut staged = Staged::new();
    staged.snapshot(0, &[1], true);
    staged.memory.begin(staged.at(1));
    staged.memory.see(&builder().without_cookie().build());
    assert_eq!(staged.memory.end(true), None);
    assert_eq!(staged.snapshot(2, &[1, 2], true), None, "the first again");
}

#[test]
fn other_states_are_not_remembered() {
    let mut staged = Staged::new();
    staged.memory.begin(staged.at(0));
    staged.memory.see(&Socket {
        state: TcpState::LastAck,
        ..close_wait(9)
    });
    assert_eq!(staged.memory.end(true), None);
    assert!(staged.memory.known.is_empty());
}

proptest! {
    /// However sockets come and go: what is here entered or stayed, and memory
    /// is what is here and what was here a sample ago, or lately where rows
    /// are lost.
    #[test]
    fn the_books_balance_and_memory_is_bounded(
        samples in proptest::collection::vec(
            (proptest::collection::hash_set(0_u64..40, 0..20), any::<bool>()),
            1..40,
        ),
    ) {
        let mut staged = Staged::new();
        let mut recent: Vec<HashSet<u64>> = Vec::new();
        for (second, (cookies, complete)) in (0_u64..).zip(samples) {
            let list: Vec<u64> = cookies.iter().copied().chain(cookies.iter().copied()).collect();
            let transitions = staged.snapshot(second, &list, complete);
            prop_assert_eq!(transitions.is_none(), second == 0);
            if let Some(transitions) = transitions {
                let here = u64::try_from(cookies.len()).unwrap();
                prop_assert_eq!(transitions.entered + transitions.stuck, here);
                prop_assert_eq!(transitions.left.is_some(), complete);
                prop_assert_eq!(transitions.oldest.is_some(), here > 0);
            }
            recent.push(cookies);
            let span = 1 + if complete { GRACE } else { GRACE_INCOMPLETE } as usize;
            let lately: HashSet<u64> =
                recent.iter().rev().take(span).flatten().copied().collect();
            prop_assert!(staged.memory.known.keys().all(|cookie| lately.contains(&cookie.0)));
        }
    }
}

/// What only samples that failed have seen was kept until one came to its end:
/// forever, where none does.
#[test]
fn samples_that_fail_for_ever_are_not_remembered_for_ever() {
    let mut staged = Staged::new();
    for snapshot in 0..1_000 {
        staged.memory.begin(staged.at(snapshot));
        staged.memory.see(&close_wait(snapshot));
    }
    assert!(staged.memory.kept() <= 20, "{}", staged.memory.kept());
}

/// A half-closed stream that sends every 90 s would be a leak half the time.
#[test]
fn who_sent_while_it_was_watched_is_half_closed_for_a_while() {
    let mut memory = CloseWaitMemory::default();
    let start = Instant::now();
    let mut verdicts = Vec::new();
    let seconds = |second| Duration::from_secs(second);
    for (second, sent) in [(0, 10), (61, 10), (90, 20), (200, 20), (689, 20), (691, 20)] {
        let now = start + seconds(second);
        let socket = builder().cookie(1).sent(sent, 0).times(1, 2).build();
        let watched = memory.watched(now, seconds(60));
        let earlier = Earlier::watched(watched, memory.since_origin(now));
        let judge = Judge {
            min_age: seconds(60),
            uptime: Some(seconds(9_000)),
            earlier: Some(&earlier),
        };
        verdicts.push(judge.judge(socket.clone()).verdict);
        memory.begin(now);
        memory.see(&socket);
        memory.end(true);
    }
    let (half, leaked) = (Verdict::HalfClose, Verdict::NotClosed);
    assert_ne!(verdicts[0], leaked, "just come");
    assert_eq!(verdicts[1..], [leaked, half, half, half, leaked]);
}
