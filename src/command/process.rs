//! What this process may do: the limits and privileges that it starts with.

use std::path::Path;
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, geteuid, getrlimit, getuid, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_ambient_set, set_capabilities,
};
use signal_hook::consts::SIGXFSZ;

use crate::cli::CommonArgs;

/// Makes the best of what the parent has left us: its open descriptors with a
/// soft limit that is for programs that call select(2), and a limit on the size
/// of files at which the kernel would kill us silently. Where neither can be
/// changed, they hold.
pub fn prepare_process() {
    // With a handler the write fails instead, and says why.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // None is without a limit. What a filter of system calls hides reads as 0.
    let is_lower = current.is_some_and(|now| maximum.is_none_or(|most| now < most));
    if is_lower {
        let raised = Rlimit {
            current: maximum,
            maximum,
        };
        let _ = setrlimit(Resource::Nofile, raised);
    }
}

/// Gives up what the user doesn't have and the binary was given; or says why
/// that can't be done.
pub(super) fn drop_privileges(common: &CommonArgs) -> Option<&'static str> {
    if getuid() != geteuid() {
        return Some("isn't made to run setuid: remove the bit (chmod u-s) and run it with sudo");
    }
    // Another tree is the user's own making: each of its files can be a link to
    // one that only the binary's capabilities open.
    let is_of_user = common.proc_root != Path::new("/proc") || common.replay.is_some();
    if getuid().is_root() || !is_of_user {
        return None;
    }
    let had = capabilities(None).ok()?;
    // What a service manager gave us on purpose is ambient.
    let ambient = |one: &CapabilitySet| capability_is_in_ambient_set(*one).unwrap_or(false);
    let kept: CapabilitySet = had.permitted.iter().filter(ambient).collect();
    let reduced = CapabilitySets {
        effective: had.effective & kept,
        permitted: kept,
        inheritable: had.inheritable,
    };
    let failed = had != reduced && set_capabilities(None, reduced).is_err();
    failed.then_some("cannot give up the capabilities of its file to read another /proc")
}
