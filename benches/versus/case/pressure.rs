//! Which destinations hold `TIME_WAIT` sockets?

use std::time::Duration;

use anyhow::Result;

use super::{Case, Race, short};
use crate::contender::Contender;
use crate::fixture::Plan;
use crate::goals::{Goal, by_size};
use crate::measure::Clock;
use crate::observe::TIME_WAIT;

const DESTINATIONS: usize = 20;
const MASK: u32 = 1 << TIME_WAIT;

pub(super) fn cases(sockets: Option<usize>) -> Vec<Case> {
    let sockets = sockets.unwrap_or(500_000);
    vec![Case {
        name: format!("pressure/{}", short(sockets)),
        subcommand: "pressure",
        plan: Plan::TimeWait {
            sockets,
            destinations: DESTINATIONS,
        },
        state: TIME_WAIT,
        // The kernel's constant is 60 s.
        lifetime: Some(Duration::from_secs(58)),
        counts_fds: false,
        races,
    }]
}

fn races(observed: usize) -> Result<Vec<Race>> {
    // In a small table the time is that of starting a process.
    let goal = |goal| by_size(observed, &[(100_000, goal)]).unwrap_or_default();
    Ok(vec![Race {
        clock: Clock::Wall,
        answer: &["/time_wait/count"],
        contenders: vec![
            // "Proportional to destinations only", in a number: the sockets alone, 16 bytes each,
            // would be 8 MB.
            Contender::tcpstate("pressure --json").goal(Goal::PeakMb(6.0)),
            Contender::peer("ss", "-tanH state time-wait").goal(goal(Goal::Faster(3.5))),
            Contender::peer("netstat", "-tan"),
            Contender::floor("TIME_WAIT", MASK)?.goal(goal(Goal::Share(1.2))),
        ],
    }])
}
