//! How old a CLOSE_WAIT socket is.

use std::time::Duration;

use crate::model::{AgeBounds, Socket, TcpState};

/// `tcp_info` has its times in a u32 of ms: after 49.7 days they begin again.
const WRAP: Duration = Duration::from_millis(1 << 32);

/// `TCP_TIMEWAIT_LEN`.
const TIME_WAIT: Duration = Duration::from_secs(60);

/// The kernel's clock for these times ticks with HZ, 100 to 1000 a second: a
/// difference of two ticks may be short of nearly one, or too long by as much.
const TICK: Duration = Duration::from_millis(10);

/// How long a socket has been in its state, as far as its row tells: CLOSE_WAIT
/// by its last ACK and data, TIME_WAIT by its timer, which a segment that comes
/// sets anew.
#[must_use]
pub fn age_of(socket: &Socket, uptime: Option<Duration>) -> AgeBounds {
    match (socket.state, socket.timer) {
        (TcpState::CloseWait, _) => bounds(socket, uptime),
        (TcpState::TimeWait, Some(timer)) => {
            let left = Duration::from_millis(timer.expires_ms.into());
            AgeBounds {
                at_least: Some(TIME_WAIT.saturating_sub(left + TICK)),
                at_most: None,
            }
        }
        _ => AgeBounds::default(),
    }
}

/// The bounds that one reading gives.
///
/// The segment with the FIN carries an ACK, which sets `last_ack_recv`; later
/// ACKs, answers to what we send, can only make it smaller. A bare FIN doesn't
/// set `last_data_recv`, so the last payload came before it, or with it.
///
/// `uptime` is the host's. A time that has wrapped is too small: still honest
/// as a lower bound, void as an upper one, so without the uptime there is no
/// upper bound.
#[must_use]
pub(super) fn bounds(socket: &Socket, uptime: Option<Duration>) -> AgeBounds {
    let Some(info) = socket.tcp_info else {
        return AgeBounds::default();
    };
    let milliseconds = |time: u32| Duration::from_millis(time.into());
    let since_ack = info.last_ack_recv.map(milliseconds);
    let at_most = info
        .last_data_recv
        .map(milliseconds)
        .filter(|_| uptime.is_some_and(|uptime| uptime < WRAP))
        // Payload after the FIN there is none: one of the two stamps isn't
        // what it seems.
        .filter(|&since_data| since_ack.is_some_and(|since_ack| since_ack <= since_data))
        .map(|since_data| since_data + TICK);
    AgeBounds {
        at_least: since_ack.map(|since_ack| since_ack.saturating_sub(TICK)),
        at_most,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::close_wait;
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn of(last_ack: u32, last_data: u32, uptime: Option<Duration>) -> AgeBounds {
        bounds(&close_wait().times(last_ack, last_data).build(), uptime)
    }

    #[test]
    fn the_last_ack_bounds_from_below_and_the_last_data_from_above() {
        let age = of(1_500, 4_000, Some(DAY));
        assert_eq!(age.at_least, Some(Duration::from_millis(1_490)));
        assert_eq!(age.at_most, Some(Duration::from_secs(4) + TICK));
    }

    #[test]
    fn both_bounds_have_room_for_a_tick_of_the_kernels_clock() {
        let same = of(1_500, 1_500, Some(DAY));
        assert_eq!(same.at_least, Some(Duration::from_millis(1_490)));
        assert_eq!(same.at_most, Some(Duration::from_millis(1_510)));
        let young = of(4, 4, Some(DAY));
        assert_eq!(young.at_least, Some(Duration::ZERO));
    }

    #[test]
    fn data_younger_than_the_ack_bounds_nothing() {
        assert_eq!(of(1_500, 1_499, Some(DAY)).at_most, None);
    }

    #[test]
    fn a_time_that_may_have_wrapped_bounds_only_from_below() {
        assert!(of(1, 2, Some(DAY * 49)).at_most.is_some());
        let age = of(1, 2, Some(DAY * 50));
        assert_eq!(age.at_most, None);
        assert!(age.at_least.is_some());
        assert_eq!(of(1, 2, None).at_most, None);
    }

    #[test]
    fn without_tcp_info_nothing_is_known() {
        let age = bounds(&close_wait().without_info().build(), Some(DAY));
        assert_eq!(age, AgeBounds::default());
    }
}
