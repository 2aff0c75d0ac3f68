//! Which connections are there?

use anyhow::Result;

use super::{Case, Race, short};
use crate::contender::Contender;
use crate::fixture::{Connections, Plan};
use crate::goals::{Goal, by_size};
use crate::measure::Clock;
use crate::netlink::ALL_STATES;
use crate::observe::ESTABLISHED;

pub(super) fn cases(sockets: Option<usize>) -> Vec<Case> {
    let sockets = sockets.unwrap_or(100_000);
    vec![Case {
        name: format!("list/{}", short(sockets)),
        subcommand: "list",
        plan: Plan::Established {
            sockets,
            kind: Connections::HalfOutgoing,
        },
        state: ESTABLISHED,
        lifetime: None,
        counts_fds: false,
        races,
    }]
}

fn races(observed: usize) -> Result<Vec<Race>> {
    // In a small table the time is that of starting a process.
    let goal = |goal| by_size(observed, &[(100_000, goal)]).unwrap_or_default();
    Ok(vec![Race {
        clock: Clock::Wall,
        answer: &["/collection/sockets"],
        contenders: vec![
            Contender::tcpstate("list --json").goal(Goal::PeakMb(6.0)),
            Contender::peer("ss", "-tan").goal(goal(Goal::Faster(2.4))),
            Contender::peer("netstat", "-tan").goal(goal(Goal::Faster(4.0))),
            Contender::floor("all states", ALL_STATES)?.goal(goal(Goal::Share(1.12))),
        ],
    }])
}
