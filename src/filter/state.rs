//! The names of states and of groups of them.

use crate::model::{StateSet, TcpState};

/// Requests and TIME_WAIT: what ss calls `bucket`.
const BUCKET: StateSet = StateSet::NONE
    .with(TcpState::SynRecv)
    .with(TcpState::TimeWait);

/// The states of a name: one of them in the spelling of ss, netstat or JSON, in
/// any case, or one of ss's groups.
pub(super) fn states(name: &str) -> Option<StateSet> {
    let connected = StateSet::RFC9293
        .without(TcpState::Listen)
        .without(TcpState::Close);
    let states = match name.to_ascii_lowercase().as_str() {
        "all" => StateSet::ALL,
        "connected" => connected,
        "synchronized" => connected.without(TcpState::SynSent),
        "bucket" => BUCKET,
        "big" => StateSet::ALL.difference(BUCKET),
        "syn-rcv" => StateSet::NONE.with(TcpState::SynRecv),
        // A number that no socket has.
        "unknown" => StateSet::NONE.with(TcpState::from_kernel(0)),
        _ => StateSet::NONE.with(name.parse().ok()?),
    };
    Some(states)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_those_of_the_manual() {
        let has = |group, state| states(group).unwrap().contains(state);
        assert!(has("all", TcpState::BoundInactive));
        for group in ["connected", "synchronized", "BUCKET"] {
            assert!(has(group, TcpState::SynRecv), "{group}");
            assert!(!has(group, TcpState::BoundInactive), "{group}");
            assert!(!has(group, TcpState::Listen), "{group}");
        }
        assert!(has("connected", TcpState::SynSent));
        assert!(!has("synchronized", TcpState::SynSent));
        assert!(!has("big", TcpState::SynRecv));
        assert!(has("big", TcpState::BoundInactive));
        assert_eq!(states("nosuch"), None);
        assert_eq!(states("new-syn-recv"), None);
    }
}
