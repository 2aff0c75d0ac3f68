//! How many connections are in each state?

use anyhow::Result;

use super::{Case, Race, short};
use crate::contender::Contender;
use crate::fixture::Plan;
use crate::goals::{Goal, by_size};
use crate::measure::Clock;
use crate::netlink::ALL_STATES;
use crate::observe::{ESTABLISHED, TIME_WAIT};

/// A static binary starts faster, which is most of the time at 10k.
const AT_10K: f64 = if cfg!(target_feature = "crt-static") {
    12.0
} else {
    10.0
};

/// The states that no counter tells.
const RARE_STATES: u32 = ALL_STATES & !(1 << ESTABLISHED) & !(1 << TIME_WAIT);

pub(super) fn cases(sockets: Option<usize>) -> Vec<Case> {
    sockets
        .map_or_else(|| vec![10_000, 100_000], |sockets| vec![sockets])
        .into_iter()
        .map(|sockets| Case {
            name: format!("summary/{}", short(sockets)),
            subcommand: "summary",
            plan: Plan::Established { sockets },
            state: ESTABLISHED,
            lifetime: None,
            counts_fds: false,
            races,
        })
        .collect()
}

fn races(observed: usize) -> Result<Vec<Race>> {
    let goal = |goals: &[(usize, Goal)]| by_size(observed, goals).unwrap_or_default();
    let ss = goal(&[
        (10_000, Goal::Faster(AT_10K)),
        (100_000, Goal::Faster(25.0)),
        (1_000_000, Goal::Faster(20.0)),
    ]);
    let pipeline = goal(&[
        (10_000, Goal::Faster(25.0)),
        (100_000, Goal::Faster(45.0)),
        (1_000_000, Goal::Faster(35.0)),
    ]);
    let exact = goal(&[(10_000, Goal::Share(1.12))]);
    let floor = goal(&[(100_000, Goal::Share(0.15))]);
    let answer: &[&str] = &["/states/established/total"];
    Ok(vec![
        Race {
            clock: Clock::Wall,
            answer,
            contenders: vec![
                Contender::tcpstate("summary --json").goal(Goal::PeakMb(6.0)),
                Contender::peer("ss", "-tan").goal(ss),
                Contender::pipeline(
                    "netstat -tan | awk '{print $6}' | sort | uniq -c",
                    &["netstat", "awk"],
                )
                .goal(pipeline),
                Contender::floor("all states", ALL_STATES)?.goal(floor),
                // The one walk without which states can't be counted: what is left is ours.
                Contender::floor("all but ESTABLISHED and TIME_WAIT", RARE_STATES)?,
                // Counters only, no states: for context, not a rival.
                Contender::peer("ss", "-s"),
            ],
        },
        Race {
            clock: Clock::Wall,
            answer,
            contenders: vec![
                Contender::tcpstate("summary --exact --json").goal(Goal::PeakMb(6.0)),
                Contender::floor("all states", ALL_STATES)?.goal(exact),
            ],
        },
    ])
}
