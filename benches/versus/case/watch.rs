//! What does it cost to look again and again?
//!
//! By CPU time: a watch mostly sleeps, and whoever leaves it running asks what it takes from the
//! rest. The peers answer once per interval, as scripts do; without the pauses, which cost nothing.

use anyhow::Result;

use super::{Case, Race, short};
use crate::contender::Contender;
use crate::fixture::{Connections, Plan};
use crate::goals::{Goal, by_size};
use crate::holder::Others;
use crate::measure::Clock;
use crate::netlink::ALL_STATES;
use crate::observe::{CLOSE_WAIT, ESTABLISHED};

/// Samples of each contender.
const SAMPLES: usize = 20;
/// So many that a few bytes kept of each would be seen.
const MANY: usize = 1_000;
/// Descriptors beside the `CLOSE_WAIT` sockets: who leaks is looked for among them.
const OTHERS: usize = 50_000;

pub(super) fn cases(sockets: Option<usize>) -> Vec<Case> {
    let established = sockets.unwrap_or(100_000);
    let close_wait = sockets.unwrap_or(10_000);
    vec![
        Case {
            name: format!("watch/{}", short(established)),
            subcommand: "watch",
            plan: Plan::Established {
                sockets: established,
                kind: Connections::HalfOutgoing,
            },
            state: ESTABLISHED,
            lifetime: None,
            counts_fds: false,
            races: of_established,
        },
        Case {
            name: format!("watch/{}-close-wait", short(close_wait)),
            subcommand: "watch",
            plan: Plan::CloseWait {
                sockets: close_wait,
                others: OTHERS,
                kind: Others::Files,
            },
            state: CLOSE_WAIT,
            lifetime: None,
            counts_fds: true,
            races: of_close_wait,
        },
    ]
}

fn of_established(observed: usize) -> Result<Vec<Race>> {
    // In a small table the time is that of starting the peers' processes.
    let goal = |goal| by_size(observed, &[(100_000, goal)]).unwrap_or_default();
    races(
        &["/states/established/total"],
        goal(Goal::Faster(7.0)),
        goal(Goal::Faster(0.7)),
        6.0,
    )
}

fn of_close_wait(observed: usize) -> Result<Vec<Race>> {
    let goal = |goal| by_size(observed, &[(10_000, goal)]).unwrap_or_default();
    races(
        &["/states/close_wait/total"],
        goal(Goal::Faster(1.2)),
        goal(Goal::Faster(0.7)),
        10.0,
    )
}

/// Each peer once per sample; and memory after many samples, which is that after few.
fn races(
    answer: &'static [&'static str],
    ss: Goal,
    summary: Goal,
    most_mb: f64,
) -> Result<Vec<Race>> {
    let watch = |samples: usize, interval: &str| {
        Contender::tcpstate(&format!("watch --json -n {interval} --count {samples}"))
    };
    Ok(vec![
        Race {
            clock: Clock::Cpu,
            answer,
            contenders: vec![
                watch(SAMPLES, "20ms").goal(Goal::PeakMb(most_mb)),
                Contender::peer("ss", "-tan").times(SAMPLES).goal(ss),
                Contender::tcpstate("summary --json")
                    .times(SAMPLES)
                    .goal(summary),
                // For context.
                Contender::floor("all states", ALL_STATES)?.times(SAMPLES),
            ],
        },
        Race {
            clock: Clock::Cpu,
            answer,
            contenders: vec![watch(MANY, "1ms").goal(Goal::PeakMb(most_mb))],
        },
    ])
}
