//! What does it cost to be woken up?

use anyhow::Result;

use super::{Case, Race, short};
use crate::contender::Contender;
use crate::fixture::Plan;
use crate::goals::{Goal, by_size};
use crate::measure::Clock;
use crate::netlink::ALL_STATES;
use crate::observe::ESTABLISHED;

pub(super) fn cases(sockets: Option<usize>) -> Vec<Case> {
    let sockets = sockets.unwrap_or(100_000);
    vec![Case {
        name: format!("check/{}", short(sockets)),
        subcommand: "check",
        plan: Plan::Established { sockets },
        state: ESTABLISHED,
        lifetime: None,
        counts_fds: false,
        races,
    }]
}

fn races(observed: usize) -> Result<Vec<Race>> {
    let summary = by_size(observed, &[(100_000, Goal::Share(1.2))]).unwrap_or_default();
    Ok(vec![Race {
        clock: Clock::Wall,
        answer: &["/states/established/total", "/metrics/~established/value"],
        contenders: vec![
            Contender::tcpstate("check --json").goal(Goal::PeakMb(6.0)),
            // It judges by the same findings: what is left is the check's own.
            Contender::tcpstate("summary --json").goal(summary),
            // For context.
            Contender::floor("all states", ALL_STATES)?,
        ],
    }])
}
