use super::super::compare::Interval;
use super::super::testing::{SocketBuilder, close_wait};
use super::*;
use crate::model::VerdictCounts;
use proptest::prelude::*;

const UPTIME: Option<Duration> = Some(Duration::from_secs(86_400));

fn judge(socket: SocketBuilder) -> Verdict {
    Judge {
        min_age: Duration::from_secs(60),
        uptime: UPTIME,
        earlier: None,
    }
    .judge(socket.build())
    .verdict
}

/// Judged after `seconds` since an earlier reading.
fn judge_twice(then: Option<SocketBuilder>, now: SocketBuilder, seconds: u64) -> Judged {
    let then: Vec<Socket> = then.map(SocketBuilder::build).into_iter().collect();
    let since = Interval {
        at_least: Duration::from_secs(seconds),
        at_most: Duration::from_secs(seconds),
    };
    Judge {
        min_age: Duration::from_secs(60),
        uptime: UPTIME,
        earlier: Some(&Earlier::new(&then, UPTIME).ago(since)),
    }
    .judge(now.build())
}

#[test]
fn the_queue_says_whether_the_end_was_read() {
    assert_eq!(judge(close_wait()), Verdict::NotClosed);
    assert_eq!(judge(close_wait().queued(1)), Verdict::EofUnread);
    assert_eq!(judge(close_wait().queued(51)), Verdict::EofUnread);
}

#[test]
fn without_an_inode_nobody_has_accepted_it() {
    assert_eq!(judge(close_wait().inode(0).queued(1)), Verdict::NotAccepted);
    assert_eq!(judge(close_wait().inode(0)), Verdict::NotAccepted);
    let young = close_wait().inode(0).times(1_000, 120_000);
    assert_eq!(judge(young), Verdict::Recent, "it may be accepted yet");
}

#[test]
fn a_minute_is_old_and_a_moment_less_is_not() {
    // Less what a tick of the kernel's clock may have added.
    assert_eq!(
        judge(close_wait().times(60_010, 60_010)),
        Verdict::NotClosed
    );
    assert_eq!(judge(close_wait().times(60_009, 60_009)), Verdict::Recent);
    assert_eq!(judge(close_wait().times(60_009, 120_000)), Verdict::Recent);
}

#[test]
fn keepalives_leave_the_age_open_only_between_the_bounds() {
    for kind in [TimerKind::Keepalive, TimerKind::ZeroWindowProbe] {
        let with = |ack, data| close_wait().timer(kind).times(ack, data);
        assert_eq!(judge(with(500, 120_000)), Verdict::Undated, "{kind:?}");
        assert_eq!(judge(with(500, 59_989)), Verdict::Recent, "{kind:?}");
        assert_eq!(judge(with(60_010, 120_000)), Verdict::NotClosed, "{kind:?}");
    }
    let other = close_wait()
        .timer(TimerKind::Retransmit)
        .times(500, 120_000);
    assert_eq!(judge(other), Verdict::Recent);
}

#[test]
fn without_an_upper_bound_a_keepalive_can_hide_any_age() {
    let judge = Judge {
        min_age: Duration::from_secs(60),
        uptime: None,
        earlier: None,
    };
    let socket = close_wait().timer(TimerKind::Keepalive).times(500, 600);
    assert_eq!(judge.judge(socket.build()).verdict, Verdict::Undated);
}

/// A kernel in a sandbox prints every queue as 0; "a read consumed the end".
#[test]
fn of_a_queue_that_is_not_told_nothing_is_claimed() {
    let mut socket = close_wait().build();
    socket.send_q = None;
    let judged = judge_socket(socket.clone());
    assert_eq!(judged.verdict, Verdict::QueueUnknown);
    assert!(judged.verdict.is_leak());
    assert_eq!(judged.unread_bytes(), None);
    socket.inode = None;
    assert_eq!(judge_socket(socket).verdict, Verdict::NotAccepted);
}

fn judge_socket(socket: Socket) -> Judged {
    let judge = Judge {
        min_age: Duration::from_secs(60),
        uptime: UPTIME,
        earlier: None,
    };
    judge.judge(socket)
}

#[test]
fn over_proc_one_look_dates_nothing_unless_any_age_will_do() {
    let proc = || close_wait().without_info().without_cookie();
    assert_eq!(judge(proc()), Verdict::Undated);
    assert_eq!(judge(proc().inode(0)), Verdict::Undated);
    let any_age = Judge {
        min_age: Duration::ZERO,
        uptime: UPTIME,
        earlier: None,
    };
    assert_eq!(any_age.judge(proc().build()).verdict, Verdict::NotClosed);
}

#[test]
fn data_on_its_way_is_a_half_close_unless_the_peer_stopped_reading() {
    assert_eq!(judge(close_wait().send_q(1)), Verdict::HalfClose);
    let stuck = close_wait().send_q(1).timer(TimerKind::ZeroWindowProbe);
    assert_eq!(judge(stuck), Verdict::NotClosed);
}

#[test]
fn sending_long_after_the_last_question_is_a_half_close() {
    let sends = |sent, received| close_wait().times(100, received).last_sent(sent);
    assert_eq!(judge(sends(200, 120_000)), Verdict::HalfClose);
    assert_eq!(judge(sends(200, 1_200)), Verdict::HalfClose);
    // The answer to a question, after which the peer closed.
    assert_eq!(judge(sends(200, 300)), Verdict::Recent);
    // It has stopped.
    let stopped = close_wait().times(60_010, 120_000).last_sent(60_010);
    assert_eq!(judge(stopped), Verdict::NotClosed);
}

#[test]
fn however_small_the_minimum_age_a_pause_of_a_second_is_still_sending() {
    let half_closed = |sent: u32| {
        let judge = Judge {
            min_age: Duration::from_millis(100),
            uptime: UPTIME,
            earlier: None,
        };
        let socket = close_wait().times(sent, 120_000).last_sent(sent);
        judge.judge(socket.build()).half_close
    };
    assert_eq!(half_closed(999), Some(HalfClose::SentLately));
    assert_eq!(half_closed(1_000), None);
}

#[test]
fn two_silent_looks_outweigh_having_sent_lately() {
    let sent = || close_wait().times(40_000, 120_000).last_sent(40_000);
    let then = || close_wait().times(30_000, 110_000).last_sent(30_000);
    assert_eq!(judge(sent()), Verdict::HalfClose);
    let silent = judge_twice(Some(then()), sent(), 10);
    assert_eq!(silent.half_close, None);
    assert_eq!(silent.verdict, Verdict::Recent);
    let a_second_later = judge_twice(Some(then()), sent(), 1);
    assert_eq!(a_second_later.half_close, None);
    let at_once = judge_twice(Some(then()), sent(), 0);
    assert_eq!(at_once.half_close, Some(HalfClose::SentLately), "a pause");
}

#[test]
fn a_half_close_is_proven_by_payload_and_not_by_keepalives() {
    let quiet = || close_wait().timer(TimerKind::Keepalive).times(500, 120_000);
    let sent = judge_twice(Some(quiet().sent(1, 0)), quiet().sent(2, 0), 5);
    assert_eq!(sent.half_close, Some(HalfClose::Sent));
    let idle = judge_twice(Some(quiet()), quiet(), 5);
    assert_eq!(idle.verdict, Verdict::Undated);
    assert_eq!(idle.half_close, None);
}

#[test]
fn a_second_look_settles_what_one_could_not() {
    let refreshed = || close_wait().timer(TimerKind::Keepalive).times(500, 120_000);
    let stayed = judge_twice(Some(refreshed()), refreshed(), 60);
    assert_eq!(stayed.verdict, Verdict::NotClosed);
    assert_eq!(stayed.stayed, Some(true));
    let new = judge_twice(None, refreshed(), 59);
    assert_eq!(new.verdict, Verdict::Recent);
    assert_eq!(new.stayed, Some(false));
    let proc = || close_wait().without_info().without_cookie();
    assert_eq!(
        judge_twice(Some(proc()), proc(), 60).verdict,
        Verdict::NotClosed
    );
    assert_eq!(
        judge_twice(Some(proc()), proc(), 59).verdict,
        Verdict::Undated
    );
    assert_eq!(judge_twice(None, proc(), 5).verdict, Verdict::Recent);
}

/// Any socket at all, as far as the verdict looks at it.
fn any_socket() -> impl Strategy<Value = Socket> {
    let time = prop_oneof![0_u32..200_000, any::<u32>()];
    let info = proptest::option::of((time.clone(), time.clone(), time));
    let kind = proptest::option::of(0_u8..6);
    (info, kind, 0_u64..2, 0_u32..3, 0_u32..3, 0_u64..4).prop_map(
        |(info, kind, inode, recv_q, send_q, cookie)| {
            let mut socket = close_wait().inode(inode).queued(recv_q).send_q(send_q);
            socket = match info {
                Some((ack, data, sent)) => socket.times(ack, data).last_sent(sent),
                None => socket.without_info(),
            };
            socket = match cookie {
                0 => socket.without_cookie(),
                number => socket.cookie(number),
            };
            match kind.and_then(TimerKind::from_kernel) {
                Some(kind) => socket.timer(kind).build(),
                None => socket.build(),
            }
        },
    )
}

proptest! {
    #[test]
    fn every_socket_has_one_verdict_and_ordered_bounds(
        then in proptest::collection::vec(any_socket(), 0..8),
        now in proptest::collection::vec(any_socket(), 0..8),
        seconds in 0_u64..200,
        min_age in 0_u64..200,
        uptime in proptest::option::of(0_u64..10_000_000),
    ) {
        let uptime = uptime.map(Duration::from_secs);
        let since = Interval {
            at_least: Duration::from_secs(seconds),
            at_most: Duration::from_secs(seconds + 1),
        };
        let earlier = Earlier::new(&then, uptime).ago(since);
        let total = now.len() as u64;
        let mut counts = VerdictCounts::default();
        for socket in now {
            for earlier in [None, Some(&earlier)] {
                let min_age = Duration::from_secs(min_age);
                let judged = Judge { min_age, uptime, earlier }.judge(socket.clone());
                if let (Some(low), Some(high)) = (judged.age.at_least, judged.age.at_most) {
                    prop_assert!(low <= high, "{judged:?}");
                }
                if judged.verdict.is_leak() {
                    prop_assert!(judged.age.at_least.unwrap_or_default() >= min_age);
                }
                if earlier.is_none() {
                    counts.add(judged.verdict);
                }
            }
        }
        prop_assert_eq!(counts.total(), total);
        let spared: u64 = [Verdict::HalfClose, Verdict::Undated, Verdict::Recent]
            .map(|verdict| counts.of(verdict))
            .iter()
            .sum();
        prop_assert_eq!(counts.leaked() + spared, total);
    }
}

#[test]
fn many_are_judged_in_their_order() {
    let judge = Judge {
        min_age: Duration::from_secs(60),
        uptime: UPTIME,
        earlier: None,
    };
    for count in [0, 1, 2 * BLOCK + 7] {
        let sockets: Vec<_> = (0..count)
            .map(|number| close_wait().cookie(number as u64 + 1).build())
            .collect();
        let one_by_one: Vec<_> = sockets
            .iter()
            .cloned()
            .map(|one| judge.judge(one))
            .collect();
        assert!(judge.judge_all(sockets) == one_by_one, "{count}");
    }
}
