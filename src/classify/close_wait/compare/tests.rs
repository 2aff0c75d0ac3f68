use super::super::testing::{SocketBuilder, close_wait};
use super::super::verdict::{HalfClose, Judge};
use super::*;
use crate::model::{CheckState, Sending, Verdict};

const UPTIME: Option<Duration> = Some(Duration::from_secs(86_400));
const TEN: Interval = Interval {
    at_least: Duration::from_secs(10),
    at_most: Duration::from_millis(10_050),
};

fn say(then: Option<SocketBuilder>, now: SocketBuilder) -> Seen {
    let then: Vec<Socket> = then.map(SocketBuilder::build).into_iter().collect();
    let now = now.build();
    Earlier::new(&then, UPTIME)
        .ago(TEN)
        .say(&now, age::bounds(&now, UPTIME))
}

fn seconds(age: Option<Duration>) -> Option<f64> {
    age.map(|age| age.as_secs_f64())
}

#[test]
fn a_refreshed_lower_bound_is_replaced_by_what_was_known_before() {
    let seen = say(
        Some(close_wait().times(5_010, 90_000)),
        close_wait().times(200, 100_000),
    );
    assert!(seen.stayed);
    assert_eq!(seconds(seen.age.at_least), Some(15.0));
    assert_eq!(seconds(seen.age.at_most), Some(100.01));
}

#[test]
fn one_that_was_not_there_is_no_older_than_the_interval() {
    let seen = say(None, close_wait().times(3_010, 90_000));
    assert!(!seen.stayed);
    assert_eq!(seconds(seen.age.at_least), Some(3.0));
    assert_eq!(seconds(seen.age.at_most), Some(10.05));
}

#[test]
fn one_that_the_first_dump_missed_is_not_made_younger() {
    let seen = say(None, close_wait().times(11_000, 90_000));
    assert_eq!(seconds(seen.age.at_most), Some(90.01));
}

#[test]
fn another_cookie_is_another_socket() {
    assert!(say(Some(close_wait().cookie(7)), close_wait().cookie(7)).stayed);
    assert!(!say(Some(close_wait().cookie(7)), close_wait().cookie(8)).stayed);
}

#[test]
fn over_proc_the_ends_and_the_inode_tell() {
    let proc = || close_wait().without_info().without_cookie();
    let seen = say(Some(proc()), proc());
    assert!(seen.stayed);
    assert_eq!(seconds(seen.age.at_least), Some(10.0));
    assert_eq!(seen.age.at_most, None);
    assert!(!say(Some(proc().inode(7)), proc().inode(8)).stayed);
    let new = say(None, proc());
    assert_eq!(new.age.at_least, None);
    assert_eq!(seconds(new.age.at_most), Some(10.05));
}

#[test]
fn kept_ages_grow_and_say_nothing_of_sockets_without_a_cookie() {
    let at = Duration::from_secs;
    let sighting = Sighting {
        seen: at(400),
        not_yet: Some(at(370)),
        sending: Sending::default(),
    };
    let kept = Sightings {
        begun: at(499),
        ended: at(500),
        sockets: [(SocketCookie(7), sighting)].into(),
    };
    let kept = Earlier::kept(&kept, at(510)).ago(TEN);
    let say = |socket: &Socket| kept.say(socket, age::bounds(socket, UPTIME));
    let stayed = say(&close_wait().cookie(7).times(200, 300_000).build());
    assert!(stayed.stayed && !stayed.sent);
    assert_eq!(seconds(stayed.age.at_least), Some(110.0));
    assert_eq!(seconds(stayed.age.at_most), Some(140.05));
    let new = say(&close_wait().cookie(8).times(200, 300_000).build());
    assert_eq!(seconds(new.age.at_most), Some(10.05));
    assert!(kept.knows(&close_wait().cookie(8).build()));
    assert!(!kept.knows(&close_wait().without_cookie().build()));
}

#[test]
fn payload_that_left_is_seen_and_keepalives_are_not() {
    assert!(say(Some(close_wait().sent(10, 1)), close_wait().sent(11, 1)).sent);
    let silent = say(Some(close_wait().sent(10, 1)), close_wait().sent(10, 1));
    assert!(!silent.sent && silent.silent);
    assert!(say(Some(close_wait().send_q(9)), close_wait().send_q(3)).sent);
}

#[test]
fn a_retransmission_is_no_sign_of_life() {
    let seen = say(Some(close_wait().sent(10, 0)), close_wait().sent(30, 20));
    assert!(!seen.sent && seen.silent);
    let more = say(Some(close_wait().sent(10, 0)), close_wait().sent(31, 20));
    assert!(more.sent && !more.silent);
}

#[test]
fn an_old_kernel_tells_what_was_acknowledged() {
    let then = || Some(close_wait().acked_only(10));
    assert!(say(then(), close_wait().acked_only(11)).sent);
    assert!(say(then(), close_wait().acked_only(10)).silent);
    let nothing = || close_wait().without_info();
    let unknown = say(Some(nothing()), nothing());
    assert!(!unknown.sent && !unknown.silent);
}

/// The verdicts of checks every 30 s, which keep a state, on a half-closed
/// socket that sends at certain seconds.
fn checked(sends: impl Fn(u64) -> bool, seconds: u64) -> Vec<(Verdict, Option<HalfClose>)> {
    let at = Duration::from_secs;
    let mut before: Option<CheckState> = None;
    let mut verdicts = Vec::new();
    let boot = 10_000;
    for now in (0..seconds).step_by(30) {
        let sent = (1..=now).filter(|&second| sends(second));
        let (count, last) = (sent.clone().count() as u64, sent.max().unwrap_or(0));
        let ms = |since: u64| u32::try_from((now - since) * 1_000 + 10).unwrap();
        let socket = close_wait()
            .times(ms(last), ms(0))
            .last_sent(ms(last))
            .sent(100 + count, 0)
            .build();
        let mut state = CheckState {
            begun: at(boot + now),
            ended: at(boot + now),
            ..CheckState::default()
        };
        let earlier = before.as_ref().and_then(|before| {
            let kept = before.close_wait.as_ref()?;
            let since = state.begun.saturating_sub(kept.ended);
            Some(Earlier::kept(kept, state.begun).ago(Interval {
                at_least: since,
                at_most: since,
            }))
        });
        let judge = Judge {
            min_age: at(60),
            uptime: UPTIME,
            earlier: earlier.as_ref(),
        };
        let payload = Payload::of(&socket);
        let judged = judge.judge(socket);
        verdicts.push((judged.verdict, judged.half_close));
        let seen = [(SocketCookie(1), payload)].into();
        state.keep_close_wait(&seen, before.as_ref());
        before = Some(state);
    }
    verdicts
}

/// It paged and cleared in turn: 60 s after each event, until the next.
#[test]
fn a_stream_that_sends_every_90_s_is_no_leak_once_it_was_seen_to_send() {
    let verdicts = checked(|second| second % 90 == 0, 1_000);
    let (quiet, seen) = verdicts.split_at(3);
    // It has said nothing yet, as one that is forgotten.
    assert_eq!(quiet[2].0, Verdict::NotClosed);
    let half_closed = (Verdict::HalfClose, Some(HalfClose::Sent));
    assert!(seen.iter().all(|one| *one == half_closed), "{seen:?}");
}

/// One that sent a last time and was forgotten then is a leak after all.
#[test]
fn a_stream_that_falls_silent_for_long_is_a_leak() {
    let verdicts = checked(|second| second == 90, 900);
    let of = |second: usize| verdicts[second / 30].0;
    assert_eq!(of(660), Verdict::HalfClose);
    assert_eq!(of(690), Verdict::NotClosed);
    assert_eq!(verdicts.last().unwrap().0, Verdict::NotClosed);
}
