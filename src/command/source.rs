//! The namespace that the arguments ask for.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::output;
use crate::cli::{CommonArgs, Source};
use crate::collect::{Access, Namespace, SurveyPlan, read_all, read_named};
use crate::filter;
use crate::kernel::{HostNames, KernelError, ProcRoot};
use crate::model::{
    Comparison, Condition, End, Examined, Family, Filter, NetNs, NetnsCounts, StateSet, Survey,
    TcpState,
};
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
        output::note("there are more network namespaces than one run reads");
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

/// What a command is told to leave out, beside the family.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted<'a> {
    /// The words of the filter language.
    pub(super) words: &'a [String],
    pub(super) pids: &'a [u32],
    /// Units, containers and pods.
    pub(super) units: &'a [String],
    /// Ports of ours.
    pub(super) listen_port: &'a [u16],
    pub(super) remote: &'a [String],
    /// Whether the ports are those of listeners, and the peers those of
    /// connections: neither leaves out the other.
    pub(super) apart: bool,
}

/// The place with the sockets that are wanted, of all states unless words name
/// some.
pub(super) fn select(
    namespace: Namespace,
    common: &CommonArgs,
    wanted: &Wanted<'_>,
) -> anyhow::Result<Namespace> {
    let (filter, words) = wanted.filter(common, &namespace)?;
    Ok(namespace.select(filter, words)?)
}

impl Wanted<'_> {
    /// Whether it leaves nothing out.
    pub(super) const fn is_all(&self) -> bool {
        self.words.is_empty()
            && self.pids.is_empty()
            && self.units.is_empty()
            && self.listen_port.is_empty()
            && self.remote.is_empty()
    }

    /// The filter, and the same in words.
    pub(super) fn filter(
        &self,
        common: &CommonArgs,
        namespace: &Namespace,
    ) -> anyhow::Result<(Filter, String)> {
        let family = family(common);
        let names = names(common, namespace);
        let selected = filter::parse(self.words, family, &names)?;
        let states = selected
            .states
            .map(|states| Condition::State(states).into());
        let mut parts = vec![
            (self.words.join(" "), selected.expression),
            (String::new(), states.unwrap_or(Filter::EVERYTHING)),
        ];
        let listening = || Filter::from(Condition::State(StateSet::NONE.with(TcpState::Listen)));
        let pid = |pid: &u32| (format!("pid = {pid}"), Condition::Pid(*pid).into());
        parts.push(any(self.pids.iter().map(pid)));
        let unit = |name: &String| {
            let container = Condition::Container(name.clone()).into();
            let unit = Filter::from(Condition::Unit(name.clone()));
            (format!("unit = {name}"), unit.or(container))
        };
        parts.push(any(self.units.iter().map(unit)));
        let port = |port: &u16| {
            let at = Condition::Port(End::Local, Comparison::Equal, *port);
            (format!("sport = {port}"), at.into())
        };
        let (at, own) = any(self.listen_port.iter().map(port));
        parts.push(if self.apart && !at.is_empty() {
            let others = listening().negated();
            (format!("( not listening or {at} )"), others.or(own))
        } else {
            (at, own)
        });
        let mut peers = Vec::new();
        for peer in self.remote {
            // Its last colon begins no port.
            let bare = peer.parse::<Ipv6Addr>().is_ok();
            let peer = if bare {
                format!("[{peer}]")
            } else {
                peer.clone()
            };
            let dst = ["dst".to_owned(), peer];
            let filter = filter::parse(&dst, family, &names)?.expression;
            peers.push((dst.join(" "), filter));
        }
        let (towards, peers) = any(peers.into_iter());
        parts.push(if self.apart && !towards.is_empty() {
            (format!("( listening or {towards} )"), listening().or(peers))
        } else {
            (towards, peers)
        });
        let of_family = family.map(|family| Condition::Family(family).into());
        let start = of_family.unwrap_or(Filter::EVERYTHING);
        let words: Vec<&str> = parts
            .iter()
            .map(|(words, _)| words.as_str())
            .filter(|words| !words.is_empty())
            .collect();
        let words = words.join(" and ");
        let filters = parts.into_iter().map(|(_, filter)| filter);
        Ok((filters.fold(start, Filter::and), words))
    }
}

/// What names in filters stand for here.
pub(super) fn names(common: &CommonArgs, namespace: &Namespace) -> HostNames {
    let own = || ProcRoot::new(&common.proc_root);
    HostNames::new(&namespace.proc_root().cloned().unwrap_or_else(own))
}

/// One of these, where there are any; else every socket.
fn any(parts: impl ExactSizeIterator<Item = (String, Filter)>) -> (String, Filter) {
    match parts.len() {
        0 => (String::new(), Filter::EVERYTHING),
        count => {
            let (words, filters): (Vec<String>, Vec<Filter>) = parts.unzip();
            let words = words.join(" or ");
            let filter = filters.into_iter().fold(Filter::NOTHING, Filter::or);
            match count {
                1 => (words, filter),
                _ => (format!("( {words} )"), filter),
            }
        }
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
