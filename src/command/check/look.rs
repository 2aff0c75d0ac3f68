//! Looks and judges.

use std::collections::HashSet;

use anyhow::bail;

use super::super::source;
use super::answer::{Answer, answer};
use super::arguments::selection;
use super::state::{SaveOutcome, StateSession};
use crate::classify::assess::judge;
use crate::classify::change::Past;
use crate::classify::metric::{Observation, Unit};
use crate::classify::rules::metrics;
use crate::classify::thresholds::Thresholds;
use crate::cli::{CheckArgs, CheckFormat, CommonArgs};
use crate::collect::{self, Absent, Asked, Connections, Namespace, PortRead, Question};
use crate::model::{SHORTEST_GROWTH, SHORTEST_RATE, SourceKind, TcpState};
use crate::text::safe;

/// The whole check.
pub(super) fn look(
    common: &CommonArgs,
    args: &CheckArgs,
    thresholds: &Thresholds,
    format: CheckFormat,
) -> anyhow::Result<Answer> {
    source::with(common, |namespace| {
        look_at(common, args, thresholds, format, namespace)
    })
}

fn look_at(
    common: &CommonArgs,
    args: &CheckArgs,
    thresholds: &Thresholds,
    format: CheckFormat,
    namespace: Namespace,
) -> anyhow::Result<Answer> {
    let mut session = StateSession::open(common, args, thresholds, &namespace);
    let wanted = selection(args);
    let narrowing = wanted.narrowing();
    let mut namespace = collect::narrow(namespace, &wanted)?;
    let earlier = session.earlier();
    // The kernel's own counts are of all sockets.
    let (connections, ports) = if narrowing.is_none() {
        (Connections::Counted, PortRead::Always)
    } else {
        (Connections::CountedOneByOne, PortRead::Never)
    };
    let question = Question {
        family: source::family(common),
        narrowing,
        connections,
        ports,
        host_wide: true,
        min_age: args.min_age.0,
        earlier: earlier.as_ref(),
        ..Question::default()
    };
    let remembers = session.remembers();
    let mut close_wait = HashSet::new();
    let snapshot = collect::read(&mut namespace, &question, &mut |socket| {
        if remembers && socket.state == TcpState::CloseWait {
            close_wait.extend(socket.cookie);
        }
    })?;
    if !args.unit.is_empty() && snapshot.collection.source == SourceKind::Procfs {
        bail!("cannot tell units apart over /proc: sockets have no cgroups there");
    }
    // Of several, the sockets of one would hide that others are absent.
    let may_be_absent = snapshot.states.total() == 0 || args.pid.len() + args.unit.len() > 1;
    let absent = if may_be_absent {
        collect::absent(&namespace, &wanted)
    } else {
        Vec::new()
    };
    let is_unused = narrowing.is_by_port_alone() && snapshot.states.total() == 0;
    session.take(&snapshot, &close_wait);
    let before = session.before(SHORTEST_RATE);
    let long_before = session.before(SHORTEST_GROWTH);
    let observation = Observation {
        snapshot: &snapshot,
        past: before.as_ref().map(|(counted, age)| Past {
            counters: &counted.counters,
            drops: Some(&counted.drops),
            ago: Some(*age),
        }),
        long_before: long_before.as_ref().map(|(counted, age)| (counted, *age)),
        continues: session.keeps(),
    };
    let mut verdict = judge(&observation, thresholds);
    // That all is well there would be no answer to who mistyped a port, or whose
    // server is down.
    if is_unused {
        verdict.fail(format!(
            "no socket has port {}; who listens where: tcpstate pressure",
            list(&args.listen_port)
        ));
    }
    for absent in &absent {
        verdict.fail(in_other_netns(absent));
    }
    let values = counts(&observation);
    let mut notes = Vec::new();
    match session.save(&snapshot, values) {
        SaveOutcome::Fine => {}
        SaveOutcome::Warned(warning) => notes.push(warning),
        SaveOutcome::Lost(why) => {
            // A rate that was asked for will never be known: that is no OK.
            if thresholds.asks_for_rates() {
                verdict.fail(why.clone());
            }
            notes.push(why);
        }
    }
    let answer = answer(common, args, &observation, verdict, format)?;
    Ok(Answer { notes, ..answer })
}

/// Where somebody is whose sockets can't be seen from here, and how to see them.
fn in_other_netns(absent: &Absent) -> String {
    let pid = absent.pid;
    let who = match &absent.who {
        Asked::Process => format!("process {pid}"),
        Asked::Unit(unit) => unit.clone(),
    };
    let place = absent.namespace.as_ref();
    let place = place.map_or_else(String::new, |name| format!(" ({name})"));
    format!(
        "{} is in another network namespace{}: add --netns {pid}",
        safe(&who),
        safe(&place),
    )
}

fn list(ports: &[u16]) -> String {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    ports.join(" or ")
}

/// The counts whose growth the next check may be asked for; bounds are none.
fn counts(observation: &Observation) -> Vec<(String, f64)> {
    metrics()
        .filter(|metric| metric.unit == Unit::Count && metric.bounds(observation).is_none())
        .filter_map(|metric| Some((metric.name.to_owned(), metric.read(observation).ok()?)))
        .collect()
}
