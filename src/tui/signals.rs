//! Signals: told to the loop, and obeyed where the loop can't hear of them.

use std::fs;
use std::process;
use std::thread;
use std::time::Duration;

use anyhow::Context;
#[cfg(feature = "tui")]
use signal_hook::consts::SIGTSTP;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// A loop that can hear has ended long before.
const GRACE: Duration = Duration::from_secs(1);

/// Starts to listen to signals, in a thread that calls `tell` for each until
/// that says that nobody wants to know any more.
///
/// One that whoever started us had switched off (nohup, a background job of a
/// script) stays so.
pub(crate) fn listen(
    wanted: &[i32],
    mut tell: impl FnMut(i32) -> bool + Send + 'static,
) -> anyhow::Result<()> {
    let ignored = ignored();
    let wanted = wanted
        .iter()
        .filter(|&&signal| !is_in(ignored, signal))
        .copied();
    let mut signals = Signals::new(wanted).context("cannot listen to signals")?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                if !tell(signal) {
                    return;
                }
            }
        })
        .context("cannot start the thread that listens to signals")?;
    Ok(())
}

/// The mask of signals that this process was started to ignore. Without /proc
/// nothing is known, and nothing is usual.
fn ignored() -> u64 {
    fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| mask(&status))
        .unwrap_or(0)
}

/// `SigIgn` of /proc/PID/status: bit 0 is signal 1.
fn mask(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

fn is_in(mask: u64, signal: i32) -> bool {
    let bit = u32::try_from(signal)
        .ok()
        .and_then(|signal| signal.checked_sub(1));
    bit.and_then(|bit| 1_u64.checked_shl(bit))
        .is_some_and(|bit| mask & bit != 0)
}

/// Ends the process if the signal asks for that and the loop, which was told,
/// hasn't ended it after a while. `tidy_up` is called first. Returns at once for
/// other signals.
///
/// A loop that writes to a pipe which nobody reads, or to a terminal that takes
/// nothing, never returns from that write. This is the one place below main
/// that ends the process: nothing that waits for the loop could, and SIGKILL
/// would leave the terminal as it is.
pub(crate) fn end_after_grace(signal: i32, tidy_up: fn()) {
    if !matches!(signal, SIGHUP | SIGINT | SIGQUIT | SIGTERM) {
        return;
    }
    thread::sleep(GRACE);
    tidy_up();
    if signal == SIGQUIT {
        quit();
    }
    // As when the loop hears of it: whoever ends a watch wants no error.
    process::exit(0);
}

/// Ends this process as SIGQUIT does where nobody catches it.
pub(crate) fn quit() {
    // It fails for signals that it doesn't know.
    let _ = emulate_default_handler(SIGQUIT);
}

/// Stops this process until SIGCONT, as SIGTSTP stops one that doesn't catch it.
#[cfg(feature = "tui")]
pub(super) fn stop() {
    // It fails for signals that it doesn't know.
    let _ = emulate_default_handler(SIGTSTP);
}

/// Whether somebody is there who can continue this process after a stop: a
/// parent in our session. The kernel ignores SIGTSTP where there is none (an
/// orphaned process group); [`stop`] would stop us forever.
#[cfg(feature = "tui")]
pub(super) fn has_shell() -> bool {
    use rustix::process::{getpid, getppid, getsid};
    let session = |pid| getsid(pid).ok();
    let ours = session(Some(getpid()));
    ours.is_some() && getppid().is_some_and(|parent| session(Some(parent)) == ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE};

    #[test]
    fn the_mask_of_ignored_signals_is_read() {
        // nohup: SIGHUP; Rust itself: SIGPIPE.
        let mask = mask("Name:\ttcpstate\nSigIgn:\t0000000000001001\nSigCgt:\t0\n").unwrap();
        assert!(is_in(mask, SIGHUP));
        assert!(is_in(mask, SIGPIPE));
        assert!(!is_in(mask, SIGINT));
        assert!(!is_in(u64::MAX, 0));
        assert!(!is_in(u64::MAX, -1));
    }
}
