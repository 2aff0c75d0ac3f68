//! Looks and judges.

use std::collections::HashMap;

use anyhow::bail;

use super::super::source;
use super::answer::{Answer, answer, answer_of_all};
use super::arguments::wanted;
use super::state::{NamespaceState, SaveOutcome, StateSession};
use crate::classify::assess::{Verdict, judge};
use crate::classify::change::Past;
use crate::classify::metric::{Observation, Unit};
use crate::classify::rules::metrics;
use crate::classify::thresholds::Thresholds;
use crate::classify::{Checked, overall_verdict};
use crate::cli::{CheckArgs, CheckFormat, CommonArgs};
use crate::collect::{self, Absent, EstablishedRead, Namespace, PortRead, Question};
use crate::model::{NetnsCounts, Payload, SHORTEST_GROWTH, SHORTEST_RATE, SourceKind, TcpState};
use crate::text::safe;

/// The whole check.
pub(super) fn look(
    common: &CommonArgs,
    args: &CheckArgs,
    thresholds: &Thresholds,
    format: CheckFormat,
) -> anyhow::Result<Answer> {
    let session = StateSession::open(common, args, thresholds);
    if source::wants_all(common) {
        return look_at_all(common, args, thresholds, format, session);
    }
    let (mut checked, state) = source::with(common, |namespace| {
        let question = Asked {
            common,
            args,
            thresholds,
            session: &session,
            alone: true,
        };
        question.look_at(namespace)
    })?;
    let mut notes = save(session, [state], thresholds, &mut checked.verdict);
    let answer = answer(common, args, &checked, format)?;
    notes.extend(answer.notes);
    Ok(Answer { notes, ..answer })
}

/// The check of every namespace, each judged by itself.
fn look_at_all(
    common: &CommonArgs,
    args: &CheckArgs,
    thresholds: &Thresholds,
    format: CheckFormat,
    session: StateSession,
) -> anyhow::Result<Answer> {
    let containers = Thresholds {
        without_host: true,
        ..thresholds.clone()
    };
    let plan = source::Patience {
        // What is left suffices for saying what could not be read.
        limit: args.timeout.0.mul_f64(0.8),
        names_all: format == CheckFormat::Json,
    };
    let wants = |counts: &NetnsCounts| counts.is_empty() != Some(true);
    let survey = source::survey(common, &wants, plan, |namespace| {
        let is_host = namespace.shows_host_limits();
        let question = Asked {
            common,
            args,
            thresholds: if is_host { thresholds } else { &containers },
            session: &session,
            alone: false,
        };
        question.look_at(namespace)
    })?;
    let mut states = Vec::new();
    let mut survey = survey.map(|(checked, state)| {
        states.push(state);
        checked
    });
    survey.sort_by_urgency(|checked| checked.verdict.status());
    let mut verdict = overall_verdict(&survey);
    let has_sockets = survey
        .answers()
        .any(|(_, one)| one.snapshot.states.total() > 0);
    if !has_sockets && is_by_port_alone(args) {
        verdict.fail(unused(args));
    }
    let by_owner = !(args.pid.is_empty() && args.unit.is_empty());
    if !has_sockets && by_owner && survey.unread() > 0 {
        verdict.fail("what was asked for may be in one that could not be read".to_owned());
    }
    let mut notes = save(session, states, thresholds, &mut verdict);
    let answer = answer_of_all(common, args, &survey, verdict, format)?;
    notes.extend(answer.notes);
    Ok(Answer { notes, ..answer })
}

/// Saves what the next check needs; says what is wrong with that.
fn save(
    session: StateSession,
    states: impl IntoIterator<Item = NamespaceState>,
    thresholds: &Thresholds,
    verdict: &mut Verdict,
) -> Vec<String> {
    match session.save(states) {
        SaveOutcome::Fine => Vec::new(),
        SaveOutcome::Warned(warning) => vec![warning],
        SaveOutcome::Lost(why) => {
            // A rate that was asked for will never be known: that is no OK.
            if thresholds.asks_for_rates() {
                verdict.fail(why.clone());
            }
            vec![why]
        }
    }
}

/// What a check asks of a namespace.
struct Asked<'a> {
    common: &'a CommonArgs,
    args: &'a CheckArgs,
    thresholds: &'a Thresholds,
    session: &'a StateSession,
    /// Whether no other namespace is looked at.
    alone: bool,
}

impl Asked<'_> {
    fn look_at(&self, namespace: Namespace) -> anyhow::Result<(Checked, NamespaceState)> {
        let args = self.args;
        let mut state = self.session.begin(self.common, args, &namespace);
        let (filter, words) = wanted(args).filter(self.common, &namespace)?;
        let thresholds = Thresholds {
            selection: filter.selection(words.clone()),
            ..self.thresholds.clone()
        };
        thresholds.check()?;
        let mut namespace = namespace.select(filter, words)?;
        let earlier = state.earlier();
        let last = state.last();
        let question = Question {
            ports: PortRead::Always,
            host_wide: true,
            min_age: args.min_age.0,
            earlier: earlier.as_ref(),
            established: if self.thresholds.asks_for("unacknowledged_data") {
                EstablishedRead::Always
            } else {
                EstablishedRead::WhereMuchIsResent
            },
            past: last
                .as_ref()
                .map(|(counted, ago)| Past::counted(counted, Some(*ago))),
            ..Question::default()
        };
        let mut close_wait = HashMap::new();
        let snapshot = collect::read(&mut namespace, &question, &mut |socket| {
            if state.remembers && socket.state == TcpState::CloseWait {
                close_wait.extend(socket.cookie.map(|cookie| (cookie, Payload::of(socket))));
            }
        })?;
        if !args.unit.is_empty() && snapshot.collection.source == SourceKind::Procfs {
            bail!("cannot tell units apart over /proc: sockets have no cgroups there");
        }
        // Of several, the sockets of one would hide that others are absent.
        let may_be_absent = snapshot.states.total() == 0 || args.pid.len() + args.unit.len() > 1;
        let absent = if self.alone && may_be_absent {
            collect::absent(&namespace)
        } else {
            Vec::new()
        };
        let is_unused = is_by_port_alone(args) && snapshot.states.total() == 0;
        state.take(&snapshot, &close_wait);
        let mut checked = Checked {
            before: state.before(SHORTEST_RATE),
            long_before: state.before(SHORTEST_GROWTH),
            continues: state.keeps,
            snapshot,
            verdict: Verdict::default(),
        };
        checked.verdict = judge(&checked.observation(), &thresholds);
        // That all is well there would be no answer to who mistyped a port, or
        // whose server is down.
        if self.alone && is_unused {
            checked.verdict.fail(unused(args));
        }
        for absent in &absent {
            checked.verdict.fail(in_other_netns(absent));
        }
        let values = counts(&checked.observation());
        state.count(&checked.snapshot, values);
        Ok((checked, state))
    }
}

/// Whether ports of ours are all that is asked for.
fn is_by_port_alone(args: &CheckArgs) -> bool {
    let others = source::Wanted {
        listen_port: &[],
        ..wanted(args)
    };
    !args.listen_port.is_empty() && others.is_all()
}

fn unused(args: &CheckArgs) -> String {
    format!(
        "no socket has port {}; who listens where: tcpstate pressure",
        list(&args.listen_port)
    )
}

/// Where somebody is whose sockets can't be seen from here, and how to see them.
fn in_other_netns(absent: &Absent) -> String {
    let pid = absent.pid;
    let who = match &absent.who {
        collect::Asked::Process => format!("process {pid}"),
        collect::Asked::Unit(unit) => unit.clone(),
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
