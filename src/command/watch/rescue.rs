//! The end that a signal asks for, where the loop can't hear of it.
//!
//! The loop writes to a pipe that nobody reads, or to a terminal that takes
//! nothing, and sits in that write: whatever it is told, it never ends. Then
//! the thread that heard the signal ends the process, the one place below main
//! where that is right: nothing that waits for the loop could, and a process
//! that only SIGKILL ends would leave the terminal as it is.

use std::process;
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::{suspend, terminal};

/// A loop that can hear has ended long before.
const GRACE: Duration = Duration::from_secs(1);

/// Ends the process if the signal asks for that and the loop, which was told,
/// hasn't ended it after a while. Returns at once for other signals.
pub(super) fn end_after_grace(signal: i32) {
    if !matches!(signal, SIGHUP | SIGINT | SIGQUIT | SIGTERM) {
        return;
    }
    thread::sleep(GRACE);
    terminal::give_back_without_waiting();
    if signal == SIGQUIT {
        suspend::quit();
    }
    // As when the loop hears of it: whoever ends a watch wants no error.
    process::exit(0);
}
