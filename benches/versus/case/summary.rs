//! How many connections are in each state?

use anyhow::Result;

use super::{Case, Race, Races, short};
use crate::contender::Contender;
use crate::fixture::{Connections, Plan};
use crate::goals::{Goal, by_size};
use crate::measure::Clock;
use crate::namespace::{PORTS, UNUSED_PORTS};
use crate::netlink::{ALL_STATES, Walk};
use crate::observe::{ESTABLISHED, TIME_WAIT};

/// The states that no counter tells.
const RARE_STATES: Walk = Walk::of(ALL_STATES & !(1 << ESTABLISHED) & !(1 << TIME_WAIT));
/// Sockets of another namespace in the same hash table.
const ELSEWHERE: usize = 100_000;

pub(super) fn cases(sockets: Option<usize>) -> Vec<Case> {
    let sizes = |all: &[usize]| sockets.map_or_else(|| all.to_vec(), |sockets| vec![sockets]);
    let case = |sockets, word: &str, kind, races: Races| Case {
        name: format!("summary/{}-{word}", short(sockets)),
        subcommand: "summary",
        plan: Plan::Established { sockets, kind },
        state: ESTABLISHED,
        lifetime: None,
        counts_fds: false,
        races,
    };
    let mut cases = Vec::new();
    for sockets in sizes(&[10_000, 100_000, 1_000_000]) {
        cases.push(case(sockets, "inbound", Connections::Inbound, of_inbound));
    }
    for sockets in sizes(&[100_000]) {
        cases.push(case(sockets, "proxy", Connections::HalfOutgoing, of_proxy));
    }
    let beside = Connections::Beside {
        elsewhere: ELSEWHERE,
    };
    for sockets in sizes(&[10_000, 100_000]) {
        cases.push(case(sockets, "beside", beside, of_inbound));
    }
    cases
}

/// What has to be walked where ports are asked for: the rare states, and beside them what has a
/// port that connect() gives out.
pub(super) fn walks(ports: (u16, u16)) -> Result<Contender> {
    let outgoing = Walk {
        local_ports: Some(ports),
        ..Walk::of(ALL_STATES)
    };
    Contender::walks(
        "all but ESTABLISHED and TIME_WAIT, beside outgoing ports",
        &[RARE_STATES, outgoing],
    )
}

/// The least without which states can't be counted, where their number rules full ports out.
fn masked() -> Result<Contender> {
    Contender::walks("all but ESTABLISHED and TIME_WAIT", &[RARE_STATES])
}

fn of_inbound(observed: usize) -> Result<Vec<Race>> {
    let floor = by_size(observed, &[(10_000, Goal::Beyond(2.0))]).unwrap_or_default();
    Ok(if observed < 50_000 {
        vec![race(vec![masked()?.goal(floor)], Goal::None, Goal::None)]
    } else {
        let floor = walks(UNUSED_PORTS)?.goal(Goal::Share(1.2));
        vec![
            race(
                vec![floor, masked()?],
                Goal::Faster(8.0),
                Goal::Faster(13.0),
            ),
            exact()?,
        ]
    })
}

fn of_proxy(observed: usize) -> Result<Vec<Race>> {
    let goal = |goal| by_size(observed, &[(100_000, goal)]).unwrap_or_default();
    let floor = walks(PORTS)?.goal(goal(Goal::Share(1.1)));
    let ss = goal(Goal::Faster(3.0));
    Ok(vec![race(vec![floor, masked()?], ss, Goal::None)])
}

/// Against what people type otherwise, and what the answer needs at least.
fn race(floors: Vec<Contender>, ss: Goal, pipeline: Goal) -> Race {
    let mut contenders = vec![
        Contender::tcpstate("summary --json").goal(Goal::PeakMb(6.0)),
        Contender::peer("ss", "-tan").goal(ss),
        Contender::pipeline(
            "netstat -tan | awk '{print $6}' | sort | uniq -c",
            &["netstat", "awk"],
        )
        .goal(pipeline),
        // Counters only, no states: for context, not a rival.
        Contender::peer("ss", "-s"),
    ];
    contenders.extend(floors);
    Race {
        clock: Clock::Wall,
        answer: &["/states/established/total"],
        contenders,
    }
}

fn exact() -> Result<Race> {
    Ok(Race {
        clock: Clock::Wall,
        answer: &["/states/established/total"],
        contenders: vec![
            Contender::tcpstate("summary --exact --json").goal(Goal::PeakMb(6.0)),
            Contender::floor("all states", ALL_STATES)?.goal(Goal::Share(1.12)),
            Contender::peer("ss", "-tan").goal(Goal::Faster(2.4)),
        ],
    })
}
