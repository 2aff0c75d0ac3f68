//! Listeners: who doesn't accept, and whose SYN queue is full.

mod drops;
mod evidence;
mod syn_queue;
mod tally;
mod verdict;

pub use self::drops::Drops;
pub use self::evidence::{SynEvidence, syn_limit};
pub use self::tally::ListenerTally;
pub use self::verdict::{SynVerdict, Verdict, is_nearly_full, syn_verdict, verdict};

/// `TCP_RTO_MAX` (include/net/tcp.h), s.
const RTO_MAX_S: u64 = 120;

/// Bounds of the age of a handshake whose SYN-ACK was sent again so often, in
/// s. The first is sent again after 1 s (`TCP_TIMEOUT_INIT`), each later one
/// after twice the time, but no more than `TCP_RTO_MAX`.
#[must_use]
pub fn handshake_age_s(retransmits: u8) -> (u64, u64) {
    let wait = |sent: u8| {
        1_u64
            .checked_shl(sent.into())
            .unwrap_or(u64::MAX)
            .min(RTO_MAX_S)
    };
    let at_least = (0..retransmits).map(wait).sum();
    (at_least, at_least + wait(retransmits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_of_a_handshake_doubles_with_every_syn_ack() {
        // Seen: 1 retransmission after 1.7 s, 2 after 3.2 and 6.2 s.
        for (retransmits, bounds) in [(0, (0, 1)), (1, (1, 3)), (2, (3, 7)), (5, (31, 63))] {
            assert_eq!(handshake_age_s(retransmits), bounds);
        }
        assert_eq!(handshake_age_s(7), (127, 247), "no longer than RTO_MAX");
        assert_eq!(handshake_age_s(8), (247, 367));
    }
}
