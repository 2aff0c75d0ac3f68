//! The documents of all network namespaces: one for each, which holds the
//! command's own document of every namespace.

use std::cmp::Reverse;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::super::plugin;
use super::super::views::LeaksView;
use super::check::{Check, Metric, ProblemReason};
use super::leaks::Leaks;
use super::parts::{ByName, States, microseconds};
use super::pressure::Pressure;
use super::summary::{self, Summary, states_of};
use super::write::{line, write};
use super::{NetNs, timestamp};
use crate::classify::assess::{Status, Verdict};
use crate::classify::{Checked, Finding, Judged, findings};
use crate::model::{NetnsName, StateCounts, Survey, Surveyed, VerdictCounts};

pub(super) const SUMMARY: &str = "tcpstate.summary.all/1";
pub(super) const PRESSURE: &str = "tcpstate.pressure.all/1";
pub(super) const LEAKS: &str = "tcpstate.leaks.all/1";
pub(super) const CHECK: &str = "tcpstate.check.all/1";

/// Of more processes of a namespace only the number is told.
const PIDS: usize = 8;

/// What is read of all network namespaces with `--netns all`.
#[derive(Serialize, JsonSchema)]
pub(super) struct All<'a, D, T> {
    /// Name of the schema and its number.
    schema: &'static str,
    /// Version of tcpstate.
    version: &'static str,
    /// Name of the host.
    host: Option<&'a str>,
    /// When the reading began, as RFC 3339 in UTC.
    taken_at: Option<String>,
    /// Time that all of it took, in microseconds.
    elapsed_us: u64,
    /// What the whole host shares.
    host_wide: SharedByHost<'a>,
    /// Every namespace, those with the worst findings first.
    namespaces: Vec<InNamespace<'a, D>>,
    /// Sums over the namespaces that were read.
    totals: T,
    /// What is wrong in any of them, worst first. None with `leaks`, whose
    /// verdicts stand with the sockets.
    findings: Vec<FindingIn<'a>>,
}

/// What the whole host shares.
#[derive(Serialize, JsonSchema)]
struct SharedByHost<'a> {
    /// Sockets without a process.
    orphans: Option<u64>,
    /// The limit, `tcp_max_orphans`. Null where the host's own namespace can't
    /// be entered.
    max_orphans: Option<u64>,
    /// Memory in TCP buffers, in pages.
    memory_pages: Option<u64>,
    /// `tcp_mem`, in pages. Null as `max_orphans`.
    memory_limits_pages: Option<[u64; 3]>,
    /// TCP sockets that are in none of the namespaces: not connected, or in
    /// namespaces that nothing leads to. An upper bound; null: not known.
    unaccounted_at_most: Option<u64>,
    /// Of these, so many are in namespaces that nothing leads to, as far as
    /// counts of different moments tell. Null: not known.
    elsewhere_at_least: Option<u64>,
    /// Processes that hold such sockets.
    holders: Vec<Holder<'a>>,
    /// Files that look like mounted namespaces and are none.
    stale_pins: Vec<String>,
    /// Processes whose namespace may not be known, at least (`hidepid`).
    processes_hidden: u64,
    /// Whether there are more namespaces, or processes that aren't even listed.
    more: bool,
}

/// A process that holds sockets of a namespace that can't be entered.
#[derive(Serialize, JsonSchema)]
struct Holder<'a> {
    /// The process.
    pid: u32,
    /// Its name.
    command: Option<&'a str>,
    /// How many.
    sockets: u64,
}

/// A namespace, and what was read of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{D}InNamespace")]
struct InNamespace<'a, D> {
    /// Which one.
    netns: NetNs<'a>,
    /// All its names, the best first.
    names: &'a [NetnsName],
    /// Whether it is the host's. Null where that can't be told.
    is_host: Option<bool>,
    /// How many processes are in it.
    processes: u64,
    /// The first of them, by their number.
    pids: Vec<u32>,
    /// How far it was looked at: `full`, `proc` (from outside: without settings,
    /// ages and limits of accept queues), `counters` (they say that there is
    /// nothing to find) or `no`.
    examined: &'static str,
    /// Why it wasn't read from within. Null where it was, or need not be.
    reason: Option<&'a str>,
    /// Sockets by the kernel's counters, TIME_WAIT included.
    sockets: Option<u64>,
    /// The document that the command gives with `--netns` and this namespace.
    /// Null where nothing was read.
    answer: Option<D>,
}

/// A finding, and where.
#[derive(Serialize, JsonSchema)]
struct FindingIn<'a> {
    /// In which namespace.
    netns: NetNs<'a>,
    #[serde(flatten)]
    finding: &'a Finding,
}

/// How many namespaces there are, and how many were read.
#[derive(Serialize, JsonSchema)]
pub(super) struct NamespaceCounts {
    /// All of them.
    all: u64,
    /// Those that have nothing to find by their counters.
    empty: u64,
    /// Those that could not be read.
    unread: u64,
}

impl NamespaceCounts {
    pub(super) fn of<T>(survey: &Survey<T>) -> Self {
        Self {
            all: survey.namespaces.len() as u64,
            empty: survey.empty() as u64,
            unread: survey.unread() as u64,
        }
    }
}

/// How many namespaces there are: what one of them has is not for others.
#[derive(Serialize, JsonSchema)]
pub(super) struct NamespaceTotals {
    /// How many there are, and how many were read.
    namespaces: NamespaceCounts,
}

impl NamespaceTotals {
    fn of<T>(survey: &Survey<T>) -> Self {
        Self {
            namespaces: NamespaceCounts::of(survey),
        }
    }
}

/// Sums over the namespaces that were read.
#[derive(Serialize, JsonSchema)]
pub(super) struct LeaksTotals {
    /// How many there are, and how many were read.
    namespaces: NamespaceCounts,
    /// CLOSE_WAIT sockets.
    close_wait: u64,
    /// Of these, those that are leaked. Null where none of a namespace is known to
    /// be, and some may be, whose age isn't known.
    leaked: Option<u64>,
}

/// Sums over the namespaces that were read.
#[derive(Serialize, JsonSchema)]
pub(super) struct SummaryTotals {
    /// How many there are, and how many were read.
    namespaces: NamespaceCounts,
    /// Sockets by state. Null where a namespace doesn't tell.
    states: Option<ByName<States>>,
    /// All sockets that were counted.
    total: u64,
    /// CLOSE_WAIT sockets that are leaked. Null where none of a namespace is known
    /// to be, and some may be, whose age isn't known.
    leaked: Option<u64>,
}

/// The outcome over all namespaces.
#[derive(Serialize, JsonSchema)]
pub(super) struct CheckTotals {
    /// How many there are, and how many were read.
    namespaces: NamespaceCounts,
    /// The worst status.
    status: Status,
    /// The status line without the metrics.
    message: String,
    /// Reasons for a status that isn't OK, worst first, each with its namespace.
    problems: Vec<ProblemReason>,
    /// The metrics: counts and rates added up, of the rest the highest.
    metrics: Vec<Metric>,
}

impl CheckTotals {
    pub(super) fn new(survey: &Survey<Checked>, verdict: &Verdict) -> Self {
        Self {
            namespaces: NamespaceCounts::of(survey),
            status: verdict.status(),
            message: plugin::headline(&plugin::Basis::all(survey, false), verdict),
            problems: verdict.problems.iter().map(ProblemReason::of).collect(),
            metrics: verdict.gauges.iter().map(Metric::of).collect(),
        }
    }
}

/// One document and a line end.
///
/// # Errors
///
/// When the document can't be written, which memory alone could cause.
pub fn summary_of_all(survey: &Survey<Judged>) -> anyhow::Result<String> {
    let answers = survey.answers().map(|(_, judged)| &judged.snapshot.states);
    let states = StateCounts::sum(answers);
    let leaked = survey.answers().filter_map(|(_, judged)| {
        let leaks = judged.snapshot.leaks.as_ref()?;
        Some(leaks.counts.leaked_if_known())
    });
    let totals = SummaryTotals {
        namespaces: NamespaceCounts::of(survey),
        states: states.as_ref().map(states_of),
        total: states.as_ref().map_or(0, StateCounts::total),
        leaked: leaked.sum(),
    };
    line(&All {
        findings: findings(survey).into_iter().map(FindingIn::new).collect(),
        ..All::new(SUMMARY, survey, totals, |judged| {
            Summary::new(summary::SCHEMA, &judged.snapshot, &judged.assessment, None)
        })
    })
}

/// The same of what may run out.
///
/// # Errors
///
/// As [`summary_of_all`].
pub fn pressure_of_all(survey: &Survey<Judged>) -> anyhow::Result<String> {
    line(&All {
        findings: findings(survey).into_iter().map(FindingIn::new).collect(),
        ..All::new(PRESSURE, survey, NamespaceTotals::of(survey), |judged| {
            Pressure::new(&judged.into())
        })
    })
}

/// The same of leaks, written as it is made.
///
/// # Errors
///
/// When it can't be written.
pub fn leaks_of_all<W: Write>(survey: &Survey<LeaksView<'_>>, to: &mut W) -> io::Result<()> {
    let counts = || survey.answers().map(|(_, view)| &view.report.counts);
    let totals = LeaksTotals {
        namespaces: NamespaceCounts::of(survey),
        close_wait: counts().map(VerdictCounts::total).sum(),
        leaked: counts().map(VerdictCounts::leaked_if_known).sum(),
    };
    let document: All<'_, _, _> = All::new(LEAKS, survey, totals, Leaks::new);
    write(&document, &mut *to)?;
    to.write_all(b"\n")
}

/// The same of a check.
///
/// # Errors
///
/// As [`summary_of_all`].
pub fn check_of_all(survey: &Survey<Checked>, verdict: &Verdict) -> anyhow::Result<String> {
    let totals = CheckTotals::new(survey, verdict);
    let found = survey.answers().flat_map(|(one, checked)| {
        let findings = checked.verdict.findings();
        findings.map(move |finding| FindingIn::new((one, finding)))
    });
    let mut findings: Vec<FindingIn<'_>> = found.collect();
    findings.sort_by_key(|found| Reverse(found.finding.severity));
    line(&All {
        findings,
        ..All::new(CHECK, survey, totals, |checked| {
            Check::new(&checked.snapshot, &checked.verdict)
        })
    })
}

impl<'a> FindingIn<'a> {
    fn new<T>((one, finding): (&'a Surveyed<T>, &'a Finding)) -> Self {
        Self {
            netns: NetNs::new(&one.netns),
            finding,
        }
    }
}

impl<'a, D, T> All<'a, D, T> {
    /// A document without findings.
    fn new<A>(
        schema: &'static str,
        survey: &'a Survey<A>,
        totals: T,
        document: impl Fn(&'a A) -> D,
    ) -> Self {
        let namespaces = survey.namespaces.iter();
        let left = &survey.unaccounted;
        let pins = survey.stale_pins.iter();
        let (processes_hidden, unlisted) = survey.hidden;
        Self {
            schema,
            version: env!("CARGO_PKG_VERSION"),
            host: survey.host.as_deref(),
            taken_at: survey.taken_at.and_then(timestamp),
            elapsed_us: microseconds(survey.elapsed),
            host_wide: SharedByHost {
                orphans: survey.host_wide.orphans,
                max_orphans: survey.host_wide.max_orphans,
                memory_pages: survey.host_wide.memory_pages,
                memory_limits_pages: survey.host_wide.memory_limits,
                unaccounted_at_most: left.at_most,
                elsewhere_at_least: left.elsewhere_at_least,
                holders: left
                    .holders
                    .iter()
                    .map(|holder| Holder {
                        pid: holder.pid,
                        command: holder.command.as_deref(),
                        sockets: holder.sockets,
                    })
                    .collect(),
                stale_pins: pins.map(|pin| pin.to_string_lossy().into_owned()).collect(),
                processes_hidden,
                more: survey.more || unlisted,
            },
            namespaces: namespaces
                .map(|one| InNamespace {
                    netns: NetNs::new(&one.netns),
                    names: &one.identity.names,
                    is_host: one.is_host,
                    processes: one.pids.len() as u64,
                    pids: one.pids.iter().take(PIDS).copied().collect(),
                    examined: one.examined.key(),
                    reason: one.examined.reason(),
                    sockets: one.sockets(),
                    answer: one.examined.answer().map(&document),
                })
                .collect(),
            totals,
            findings: Vec::new(),
        }
    }
}
