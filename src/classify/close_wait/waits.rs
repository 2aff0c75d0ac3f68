//! Connections that a process has closed its side of, and whose peers don't
//! close theirs: FIN_WAIT2 with a descriptor.
//!
//! A proxy has both. Its client closes (CLOSE_WAIT), it tells its backend so
//! (FIN_WAIT2), and keeps both until the backend closes: that one must act.

use std::time::Duration;

use super::age;
use super::peers::Peer;
use crate::model::{Endpoint, Socket, SocketKind, TcpState};

/// A proxy hands the end of a stream on within moments.
const TOGETHER: Duration = Duration::from_secs(5);

/// What a process waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    /// How many of its CLOSE_WAIT sockets have one in FIN_WAIT2 that came into
    /// that state at the same time.
    pub pairs: u64,
    /// Whose close it waits for, the most frequent first.
    pub peers: Vec<Peer>,
    /// The processes here that hold the other ends, with their names, by pid.
    pub holders: Vec<(u32, Option<String>)>,
}

/// How long ago a socket in FIN_WAIT2 that somebody holds was acknowledged its
/// end; `None` for another socket, for a younger one, and where that isn't
/// known.
#[must_use]
pub fn held_since(socket: &Socket, min_age: Duration) -> Option<Duration> {
    let is_held = socket.state == TcpState::FinWait2
        && socket.kind == SocketKind::Full
        && socket.inode.is_some();
    let age = age::bounds(socket, None).at_least.filter(|_| is_held)?;
    (age >= min_age).then_some(age)
}

/// How many of some times can be paired with one of the others each that is the
/// same but for moments.
#[must_use]
pub fn pairs(mut closed: Vec<Duration>, mut waiting: Vec<Duration>) -> u64 {
    closed.sort_unstable();
    waiting.sort_unstable();
    let mut left = waiting.into_iter().peekable();
    let mut pairs = 0;
    for time in closed {
        while left.next_if(|other| *other + TOGETHER < time).is_some() {}
        if left.next_if(|other| *other <= time + TOGETHER).is_some() {
            pairs += 1;
        }
    }
    pairs
}

/// Both ends of a connection, ours first, whatever family the socket has.
#[must_use]
pub fn ends(socket: &Socket) -> (Endpoint, Endpoint) {
    let canonical = |end: Endpoint| Endpoint {
        address: end.canonical_address(),
        ..end
    };
    (canonical(socket.local), canonical(socket.remote))
}

#[cfg(test)]
mod tests {
    use super::super::testing::close_wait;
    use super::*;

    #[test]
    fn each_is_paired_once_with_one_of_the_same_time() {
        let seconds = |times: &[u64]| times.iter().copied().map(Duration::from_secs).collect();
        let of = |closed: &[u64], waiting: &[u64]| pairs(seconds(closed), seconds(waiting));
        assert_eq!(of(&[60, 70, 80], &[81, 61, 71]), 3);
        assert_eq!(of(&[60, 60], &[62]), 1);
        assert_eq!(of(&[60, 600], &[66, 594]), 0);
        assert_eq!(of(&[], &[1]), 0);
    }

    #[test]
    fn an_orphan_or_a_young_one_is_not_waited_for() {
        let min_age = Duration::from_secs(60);
        let of = |mut socket: Socket| {
            socket.state = TcpState::FinWait2;
            held_since(&socket, min_age)
        };
        assert_eq!(of(close_wait().build()), Some(Duration::from_secs(120)));
        assert_eq!(of(close_wait().inode(0).build()), None);
        assert_eq!(of(close_wait().times(59_000, 90_000).build()), None);
        assert_eq!(of(close_wait().without_info().build()), None);
        assert_eq!(held_since(&close_wait().build(), min_age), None);
    }
}
