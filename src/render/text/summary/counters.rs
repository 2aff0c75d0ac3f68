//! How connections began and ended, from the kernel's counters.

use std::fmt::Write;

use crate::model::{Counter, Counters};
use crate::text::number::{grouped, percent};

/// A line of counters under a heading.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CounterLine {
    pub(super) heading: &'static str,
    pub(super) text: String,
}

/// The heading of what nobody acknowledged in time.
const RESENT: &str = "Resent";

/// The heading of what a listener didn't take.
const DROPPED: &str = "Dropped";

/// A counter, what it counts, and whether it is worth its place when it is 0.
type Item = (Counter, &'static str, Zero);

/// What stands under each heading, in words.
const LINES: [(&str, &[Item]); 6] = [
    (
        "Connections",
        &[
            (Counter::ActiveOpens, "opened by us", Zero::Show),
            (Counter::PassiveOpens, "accepted", Zero::Show),
            (Counter::AttemptFails, "failed or refused", Zero::Show),
        ],
    ),
    (
        "Resets",
        &[
            (
                Counter::EstabResets,
                "connections cut off by reset or timeout",
                Zero::Show,
            ),
            (Counter::OutRsts, "RST segments sent", Zero::Show),
        ],
    ),
    (
        "Aborts",
        &[
            (
                Counter::TcpAbortOnClose,
                "closed with unread data",
                Zero::Hide,
            ),
            (
                Counter::TcpAbortOnData,
                "closed with SO_LINGER 0, or before the peer's last data",
                Zero::Hide,
            ),
            (Counter::TcpAbortOnTimeout, "timed out", Zero::Hide),
            (
                Counter::TcpAbortOnLinger,
                "ended by TCP_LINGER2",
                Zero::Hide,
            ),
            (
                Counter::TcpAbortOnMemory,
                "out of memory or orphans",
                Zero::Hide,
            ),
            (
                Counter::TcpAbortFailed,
                "whose RST could not be sent",
                Zero::Hide,
            ),
        ],
    ),
    (
        RESENT,
        &[
            (Counter::RetransSegs, "segments", Zero::Hide),
            (Counter::TcpSynRetrans, "of them in handshakes", Zero::Hide),
        ],
    ),
    (
        DROPPED,
        &[
            (
                Counter::ListenOverflows,
                "SYNs and ACKs of new clients by a full accept queue",
                Zero::Hide,
            ),
            (
                Counter::TcpReqQFullDrop,
                "SYNs by a full SYN queue",
                Zero::Hide,
            ),
        ],
    ),
    (
        "Fast Open",
        &[
            (
                Counter::TcpFastOpenActive,
                "opened with data in the SYN",
                Zero::Hide,
            ),
            (
                Counter::TcpFastOpenActiveFail,
                "of ours not taken",
                Zero::Hide,
            ),
            (
                Counter::TcpFastOpenPassive,
                "accepted with data in the SYN",
                Zero::Hide,
            ),
            (
                Counter::TcpFastOpenPassiveFail,
                "not taken by us",
                Zero::Hide,
            ),
            (
                Counter::TcpFastOpenListenOverflow,
                "over the number that a listener gave TCP_FASTOPEN",
                Zero::Hide,
            ),
            (
                Counter::TcpFastOpenBlackhole,
                "times switched off by a black hole",
                Zero::Hide,
            ),
        ],
    ),
];

/// The lines. Counters that aren't known are left out; so are causes that never
/// happened.
pub(super) fn lines(counters: &Counters) -> Vec<CounterLine> {
    LINES
        .into_iter()
        .map(|(heading, items)| {
            let mut parts = parts(counters, items);
            if heading == RESENT
                && let (Some(part), Some(share)) = (parts.first_mut(), counters.share_sent_again())
            {
                let _ = write!(part, " ({} of all)", percent(share));
            }
            if heading == DROPPED {
                parts.extend(dropped_otherwise(counters));
            }
            CounterLine {
                heading,
                text: parts.join(", "),
            }
        })
        .filter(|line| !line.text.is_empty())
        .collect()
}

/// `ListenDrops` counts every drop; where cookies are off, those of the last
/// quarter of tcp_max_syn_backlog have no counter of their own.
fn dropped_otherwise(counters: &Counters) -> Option<String> {
    let named = [Counter::ListenOverflows, Counter::TcpReqQFullDrop];
    let named = named
        .into_iter()
        .filter_map(|counter| counters.get(counter));
    let others = counters
        .get(Counter::ListenDrops)?
        .checked_sub(named.sum())?;
    (others > 0).then(|| format!("{} SYNs for other reasons", grouped(others)))
}

/// Whether a counter that is 0 is worth its place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Zero {
    Show,
    Hide,
}

fn parts(counters: &Counters, items: &[Item]) -> Vec<String> {
    items
        .iter()
        .filter_map(|&(counter, words, zero)| {
            let value = counters.get(counter)?;
            (value > 0 || zero == Zero::Show).then(|| format!("{} {words}", grouped(value)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each cause alone: a swapped pair would send an operator the wrong way.
    #[test]
    fn every_cause_has_its_words() {
        for (counter, words) in [
            (Counter::TcpAbortOnTimeout, "timed out"),
            (Counter::TcpAbortOnMemory, "memory"),
            (Counter::TcpAbortOnClose, "unread data"),
            (Counter::TcpAbortOnData, "SO_LINGER 0"),
            (Counter::TcpAbortOnLinger, "TCP_LINGER2"),
            (Counter::TcpAbortFailed, "could not be sent"),
            (Counter::EstabResets, "reset or timeout"),
            (Counter::OutRsts, "RST segments sent"),
            (Counter::RetransSegs, "segments"),
            (Counter::TcpSynRetrans, "in handshakes"),
            (Counter::ListenOverflows, "full accept queue"),
            (Counter::TcpReqQFullDrop, "full SYN queue"),
            (Counter::TcpFastOpenBlackhole, "black hole"),
            (Counter::TcpFastOpenListenOverflow, "TCP_FASTOPEN"),
        ] {
            let mut counters = Counters::default();
            counters.set(counter, 7);
            let lines = lines(&counters);
            assert_eq!(lines.len(), 1, "{counter:?}");
            assert!(
                lines[0].text.contains(words),
                "{counter:?}: {}",
                lines[0].text
            );
        }
    }

    /// With cookies off, 384 dropped SYNs showed in no line.
    #[test]
    fn drops_without_a_cause_of_their_own_are_told() {
        let mut counters = Counters::default();
        counters.set(Counter::ListenDrops, 384);
        counters.set(Counter::ListenOverflows, 3);
        assert_eq!(
            lines(&counters).remove(0).text,
            "3 SYNs and ACKs of new clients by a full accept queue, 381 SYNs for other reasons"
        );
        counters.set(Counter::TcpReqQFullDrop, 381);
        assert_eq!(
            lines(&counters).remove(0).text,
            "3 SYNs and ACKs of new clients by a full accept queue, 381 SYNs by a full SYN queue"
        );
    }

    /// Loss on the way showed in no view.
    #[test]
    fn what_was_sent_again_is_told_with_its_share() {
        let mut counters = Counters::default();
        counters.set(Counter::OutSegs, 7_961);
        counters.set(Counter::RetransSegs, 0);
        counters.set(Counter::TcpSynRetrans, 0);
        assert_eq!(lines(&counters), []);
        counters.set(Counter::RetransSegs, 2_039);
        counters.set(Counter::TcpSynRetrans, 1_400);
        let line = lines(&counters).remove(0);
        assert_eq!(line.heading, "Resent");
        assert_eq!(
            line.text,
            "2,039 segments (20 % of all), 1,400 of them in handshakes"
        );
    }

    #[test]
    fn causes_that_never_happened_and_counters_not_known_take_no_place() {
        let mut counters = Counters::default();
        assert_eq!(lines(&counters), []);
        counters.set(Counter::ActiveOpens, 1_200);
        counters.set(Counter::AttemptFails, 0);
        counters.set(Counter::TcpAbortOnClose, 3);
        counters.set(Counter::TcpAbortOnData, 0);
        let lines = lines(&counters);
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "1,200 opened by us, 0 failed or refused",
                "3 closed with unread data"
            ]
        );
    }
}
