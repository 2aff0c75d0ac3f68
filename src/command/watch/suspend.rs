//! Stopping, as the signals would have stopped us that we catch.

use rustix::process::{getpid, getppid, getsid};
use signal_hook::consts::{SIGQUIT, SIGTSTP};
use signal_hook::low_level::emulate_default_handler;

/// Stops this process as SIGTSTP does, until SIGCONT.
pub(super) fn stop() {
    // It fails for signals that it doesn't know.
    let _ = emulate_default_handler(SIGTSTP);
}

/// Ends this process as SIGQUIT does.
pub(super) fn quit() {
    let _ = emulate_default_handler(SIGQUIT);
}

/// Whether somebody is there who can wake us up again: a parent in our session.
/// The kernel ignores SIGTSTP where there is none (an orphaned process group);
/// what stops us in its place would be for ever.
pub(super) fn has_shell() -> bool {
    let session = |pid| getsid(pid).ok();
    let ours = session(Some(getpid()));
    ours.is_some() && getppid().is_some_and(|parent| session(Some(parent)) == ours)
}
