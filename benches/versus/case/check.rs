//! What does it cost to be woken up?

use anyhow::Result;

use super::{Case, Race, short, summary};
use crate::contender::Contender;
use crate::fixture::{Connections, Plan};
use crate::goals::Goal;
use crate::measure::Clock;
use crate::namespace::UNUSED_PORTS;
use crate::observe::ESTABLISHED;

pub(super) fn cases(sockets: Option<usize>) -> Vec<Case> {
    sockets
        .map_or_else(|| vec![10_000, 100_000], |sockets| vec![sockets])
        .into_iter()
        .map(|sockets| Case {
            name: format!("check/{}", short(sockets)),
            subcommand: "check",
            plan: Plan::Established {
                sockets,
                kind: Connections::Inbound,
            },
            state: ESTABLISHED,
            lifetime: None,
            counts_fds: false,
            races,
        })
        .collect()
}

fn races(observed: usize) -> Result<Vec<Race>> {
    // In a small table the time is that of starting a process.
    let floor = if observed < 50_000 {
        Goal::Beyond(2.0)
    } else {
        Goal::Share(1.2)
    };
    Ok(vec![Race {
        clock: Clock::Wall,
        answer: &["/states/established/total", "/metrics/~established/value"],
        contenders: vec![
            Contender::tcpstate("check --json").goal(Goal::PeakMb(8.0)),
            // It always asks for ports.
            summary::walks(UNUSED_PORTS)?.goal(floor),
            // It judges by the same findings: what is left is the check's own.
            Contender::tcpstate("summary --json"),
        ],
    }])
}
