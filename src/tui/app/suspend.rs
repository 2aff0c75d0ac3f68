//! Stopping as SIGTSTP stops whoever doesn't catch it.

use rustix::process::{getpid, getppid, getsid};
use signal_hook::consts::SIGTSTP;
use signal_hook::low_level::emulate_default_handler;

/// Stops this process until SIGCONT.
pub(super) fn stop() {
    // It fails for signals that it doesn't know.
    let _ = emulate_default_handler(SIGTSTP);
}

/// Whether somebody is there who can wake us up again: a parent in our session.
/// The kernel ignores SIGTSTP where there is none (an orphaned process group);
/// what stops us in its place would stop us for ever.
pub(super) fn has_shell() -> bool {
    let session = |pid| getsid(pid).ok();
    let ours = session(Some(getpid()));
    ours.is_some() && getppid().is_some_and(|parent| session(Some(parent)) == ours)
}
