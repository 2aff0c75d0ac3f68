//! Listeners: who doesn't accept, and whose SYN queue is full.

mod tally;
mod verdict;

pub use self::tally::ListenerTally;
pub use self::verdict::{SynEvidence, SynVerdict, Verdict, syn_limit, syn_verdict, verdict};

/// Bounds of the age of a handshake whose SYN-ACK was sent again so often, in
/// s. The first is sent again after 1 s (`TCP_TIMEOUT_INIT`), each later one
/// after twice the time.
#[must_use]
pub fn handshake_age_s(retransmits: u8) -> (u64, u64) {
    let power = |exponent: u32| 1_u64.checked_shl(exponent).unwrap_or(u64::MAX);
    let retransmits = u32::from(retransmits);
    (power(retransmits) - 1, power(retransmits + 1) - 1)
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
        assert_eq!(handshake_age_s(u8::MAX), (u64::MAX - 1, u64::MAX - 1));
    }
}
