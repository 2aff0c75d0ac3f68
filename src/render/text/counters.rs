//! Counters in words, as the summary and `pressure` show them.

use std::fmt::Write;

use crate::model::{Counter, Counters};
use crate::text::number::{grouped, percent};

/// A line of counters under a heading.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CounterLine {
    pub(super) heading: &'static str,
    pub(super) text: String,
}

/// A counter, and what it counts.
pub(super) type Item = (Counter, &'static str);

const CONNECTIONS: &str = "Connections";
const RESETS: &str = "Resets";
const RESENT: &str = "Resent";
const DROPPED: &str = "Dropped";

/// Connections that a side aborted, by cause.
#[rustfmt::skip]
pub(super) const ABORTS: [Item; 6] = [
    (Counter::TcpAbortOnClose, "closed with unread data (can lose what was sent)"),
    (Counter::TcpAbortOnData, "closed with SO_LINGER 0, or before the peer's last data (can lose what was sent)"),
    (Counter::TcpAbortOnTimeout, "timed out"),
    (Counter::TcpAbortOnLinger, "ended by TCP_LINGER2"),
    (Counter::TcpAbortOnMemory, "out of memory or orphans"),
    (Counter::TcpAbortFailed, "whose RST could not be sent"),
];

/// What was lost on the way.
pub(super) const SENT_AGAIN: [Item; 2] = [
    (Counter::RetransSegs, "segments"),
    (Counter::TcpSynRetrans, "of them in handshakes"),
];

/// What keeps Fast Open from working.
#[rustfmt::skip]
pub(super) const FAST_OPEN_TROUBLE: [Item; 2] = [
    (Counter::TcpFastOpenListenOverflow, "over the number that a listener gave TCP_FASTOPEN"),
    (Counter::TcpFastOpenBlackhole, "times switched off by a black hole"),
];

/// The lines of the summary.
#[rustfmt::skip]
const LINES: [(&str, &[&[Item]]); 6] = [
    (CONNECTIONS, &[&[
        (Counter::ActiveOpens, "opened by us"),
        (Counter::PassiveOpens, "accepted"),
        (Counter::AttemptFails, "handshakes failed"),
    ]]),
    (RESETS, &[&[
        (Counter::EstabResets, "connections cut off by reset or timeout"),
        (Counter::OutRsts, "RST segments sent"),
    ]]),
    ("Aborts", &[&ABORTS]),
    (RESENT, &[&SENT_AGAIN]),
    (DROPPED, &[&[
        (Counter::ListenOverflows, "SYNs and ACKs of new clients by a full accept queue"),
        (Counter::TcpReqQFullDrop, "SYNs by a full SYN queue"),
    ]]),
    ("Fast Open", &[&[
        (Counter::TcpFastOpenActive, "opened with data in the SYN"),
        (Counter::TcpFastOpenActiveFail, "of ours not taken"),
        (Counter::TcpFastOpenPassive, "accepted with data in the SYN"),
        (Counter::TcpFastOpenPassiveFail, "not taken by us"),
    ], &FAST_OPEN_TROUBLE]),
];

/// The lines. Counters that aren't known are left out; so are causes that never
/// happened.
pub(super) fn lines(counters: &Counters) -> Vec<CounterLine> {
    LINES
        .into_iter()
        .map(|(heading, items)| {
            let is_always_shown = heading == CONNECTIONS || heading == RESETS;
            let items = items.iter().copied().flatten();
            let mut parts = counted(counters, items, is_always_shown, |_| String::new());
            if heading == RESENT {
                tell_share(&mut parts, counters);
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

/// Each counter in words, with what `rate` says of it. One that isn't known is
/// left out; so is one that is 0, unless it `is_always_shown`.
pub(super) fn counted<'a>(
    counters: &Counters,
    items: impl IntoIterator<Item = &'a Item>,
    is_always_shown: bool,
    rate: impl Fn(Counter) -> String,
) -> Vec<String> {
    let shown = items.into_iter().filter_map(|&(counter, words)| {
        let value = counters.get(counter)?;
        let text = || format!("{}{} {words}", grouped(value), rate(counter));
        (value > 0 || is_always_shown).then(text)
    });
    shown.collect()
}

/// Adds to the first of [`SENT_AGAIN`] which share of all segments that is.
pub(super) fn tell_share(parts: &mut [String], counters: &Counters) {
    if let (Some(part), Some(share)) = (parts.first_mut(), counters.share_sent_again()) {
        let _ = write!(part, " ({} of all)", percent(share));
    }
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
                "1,200 opened by us, 0 handshakes failed",
                "3 closed with unread data (can lose what was sent)"
            ]
        );
    }
}
