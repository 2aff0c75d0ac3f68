use super::super::testing::{SocketBuilder, close_wait};
use super::*;

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
    let then = AgeBounds {
        at_least: Some(Duration::from_secs(100)),
        at_most: Some(Duration::from_secs(130)),
    };
    let kept = Earlier::kept([(SocketCookie(7), then)]).ago(TEN);
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
