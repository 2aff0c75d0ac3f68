//! Which process forgot to close what?

use anyhow::Result;

use super::{Case, Race, short};
use crate::contender::Contender;
use crate::fixture::Plan;
use crate::goals::{Goal, by_size};
use crate::holder::Others;
use crate::measure::Clock;
use crate::observe::CLOSE_WAIT;

/// Descriptors beside the sockets: 10k among 230k, 100k among 320k.
const OTHERS: usize = 220_000;
const MASK: u32 = 1 << CLOSE_WAIT;

pub(super) fn cases(sockets: Option<usize>) -> Vec<Case> {
    let sizes = sockets.map_or_else(
        || {
            vec![
                (10_000, Others::Files),
                (100_000, Others::Files),
                (100_000, Others::Sockets),
            ]
        },
        |sockets| vec![(sockets, Others::Files), (sockets, Others::Sockets)],
    );
    sizes
        .into_iter()
        .map(|(sockets, kind)| {
            let word = match kind {
                Others::Files => "files",
                // ss and netstat slow down with every socket that any process holds.
                Others::Sockets => "sockets",
            };
            Case {
                name: format!("leaks/{}-{word}", short(sockets)),
                subcommand: "leaks",
                plan: Plan::CloseWait {
                    sockets,
                    others: OTHERS,
                    kind,
                },
                state: CLOSE_WAIT,
                lifetime: None,
                counts_fds: true,
                races,
            }
        })
        .collect()
}

fn races(observed: usize) -> Result<Vec<Race>> {
    let goal = |at_10k: f64, at_100k: f64| {
        by_size(
            observed,
            &[
                (10_000, Goal::Faster(at_10k)),
                (100_000, Goal::Faster(at_100k)),
            ],
        )
        .unwrap_or_default()
    };
    let goal_of_links = by_size(observed, &[(10_000, Goal::Share(1.3))]).unwrap_or_default();
    Ok(vec![Race {
        clock: Clock::Wall,
        answer: &["/close_wait/total"],
        contenders: vec![
            Contender::tcpstate("leaks --json --min-age 0s"),
            Contender::peer("ss", "-tanHp state close-wait").goal(goal(3.0, 12.0)),
            Contender::peer("lsof", "-iTCP -sTCP:CLOSE_WAIT -n -P").goal(goal(4.0, 4.0)),
            Contender::peer("netstat", "-tanp"),
            Contender::links()?.goal(goal_of_links),
            Contender::floor("CLOSE_WAIT", MASK)?,
        ],
    }])
}
