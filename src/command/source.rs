//! The namespace that the arguments ask for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::output;
use crate::cli::{CommonArgs, Source};
use crate::collect::{Access, Namespace, SurveyPlan, read_all, read_named};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{Examined, Family, NetNs, NetnsCounts, Survey};
use crate::text::number::counted;
use crate::text::safe;

/// The word for every namespace.
pub(super) const ALL: &str = "all";

/// Runs a command on it: where it is another than ours, on a thread that is in
/// it and ends with the command. Nothing of the namespace is kept.
pub(super) fn with<T: Send>(
    common: &CommonArgs,
    run: impl FnOnce(Namespace) -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    let Some(name) = &common.netns else {
        return run(open(common)?);
    };
    if wants_all(common) {
        bail!("cannot do this in every network namespace at once: name one with --netns NAME");
    }
    let proc_root = ProcRoot::new(&common.proc_root);
    read_named(&proc_root, name, |inside, netns, access| {
        tell_access(&netns, access);
        run(open_at(common, inside.clone())?.known_as(netns))
    })?
}

/// How every namespace is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// None is begun later than this.
    pub(super) limit: Duration,
    /// Whether those that have nothing to find are named, too.
    pub(super) names_all: bool,
}

impl Patience {
    /// As long as somebody waits at a terminal.
    pub(super) const fn new(names_all: bool) -> Self {
        Self {
            limit: Duration::from_secs(60),
            names_all,
        }
    }
}

/// Whether every namespace is asked for.
pub(super) fn wants_all(common: &CommonArgs) -> bool {
    common.netns.as_deref() == Some(ALL)
}

/// Runs a reading in every namespace that has something to find by its counters.
pub(super) fn survey<T: Send>(
    common: &CommonArgs,
    wants: &(dyn Fn(&NetnsCounts) -> bool + Sync),
    patience: Patience,
    read: impl Fn(Namespace) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Survey<T>> {
    let plan = SurveyPlan {
        wants,
        names_all: patience.names_all,
        until: Instant::now() + patience.limit,
    };
    let proc_root = ProcRoot::new(&common.proc_root);
    let survey = read_all(&proc_root, plan, |inside, netns, _| {
        let namespace = open_at(common, inside.clone()).map_err(|error| error.to_string())?;
        let answer = read(namespace.known_as(netns.clone()));
        answer.map_err(|error| output::in_words(&error))
    })?;
    tell_survey(&survey);
    if survey.answers().next().is_none()
        && let Some(why) = survey
            .namespaces
            .iter()
            .find_map(|one| one.examined.reason())
    {
        bail!("no network namespace could be read: {why}");
    }
    Ok(survey)
}

/// Says what is missing from all namespaces, once for each reason.
fn tell_survey<T>(survey: &Survey<T>) {
    let (mut outside, mut unread) = (BTreeMap::new(), BTreeMap::new());
    for one in &survey.namespaces {
        let (reasons, why) = match &one.examined {
            Examined::Proc(_, why) => (&mut outside, why),
            Examined::No(why) => (&mut unread, why),
            Examined::Full(_) | Examined::Counters => continue,
        };
        *reasons.entry(why).or_insert(0_u64) += 1;
    }
    for (why, number) in outside {
        output::note(&format!(
            "{} read from outside, without settings, ages and limits of accept queues: {why}",
            counted(number, "network namespace", "network namespaces")
        ));
    }
    for (why, number) in unread {
        output::note(&format!(
            "{} not read: {why}",
            counted(number, "network namespace", "network namespaces")
        ));
    }
    let (denied, unlisted) = survey.hidden;
    if denied > 0 || unlisted {
        output::note(
            "processes of others are hidden (hidepid), and their network namespaces with them: \
             that takes CAP_SYS_PTRACE",
        );
    }
    for pin in &survey.stale_pins {
        output::note(&format!(
            "{} is a file that no network namespace is mounted on any more",
            safe(&pin.to_string_lossy())
        ));
    }
    if survey.more {
        output::note("there are more network namespaces than one run looks at");
    }
}

/// Says what is missing where a namespace was not entered.
fn tell_access(netns: &NetNs, access: &Access) {
    if let Access::ProcOnly(failure) = access {
        let name = netns.name.as_ref();
        let name = name.map_or("the network namespace", |name| &name.name);
        output::note(&format!("{}: {failure}", safe(name)));
    }
}

/// Opens our own, or a recording.
pub(super) fn open(common: &CommonArgs) -> Result<Namespace, KernelError> {
    match &common.replay {
        Some(file) => Ok(Namespace::recorded(file)),
        None => open_at(common, ProcRoot::new(&common.proc_root)),
    }
}

/// Opens that of a /proc.
fn open_at(common: &CommonArgs, proc_root: ProcRoot) -> Result<Namespace, KernelError> {
    match common.source {
        Source::Auto => Ok(Namespace::open(proc_root)),
        Source::Netlink => Namespace::over_netlink(proc_root),
        Source::Procfs => Ok(Namespace::over_procfs(proc_root)),
    }
}

/// The family that the arguments ask for.
pub(super) fn family(common: &CommonArgs) -> Option<Family> {
    match (common.ipv4, common.ipv6) {
        (true, _) => Some(Family::Ipv4),
        (_, true) => Some(Family::Ipv6),
        (false, false) => None,
    }
}
