//! The namespace that the arguments ask for.

use anyhow::bail;

use super::output;
use crate::cli::{CommonArgs, Source};
use crate::collect::{Access, Namespace, read_named};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{Family, NetNs};
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
    if name == ALL {
        bail!("cannot do this in every network namespace at once: name one with --netns NAME");
    }
    let proc_root = ProcRoot::new(&common.proc_root);
    read_named(&proc_root, name, |inside, netns, access| {
        tell_access(&netns, access);
        run(open_at(common, inside.clone())?.known_as(netns))
    })?
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
