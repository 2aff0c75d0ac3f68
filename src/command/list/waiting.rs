//! A line on the terminal for whoever waits for a list.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::collect::ListProgress;
use crate::text::number::counted;

/// Nobody waits for less.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the line changes.
const INTERVAL: Duration = Duration::from_millis(250);

/// Says on stderr how far a list is, where that is a terminal and it takes long.
/// It ends when it is dropped.
pub(super) struct Waiting {
    progress: Arc<ListProgress>,
    thread: RefCell<Option<Watcher>>,
}

/// A thread that goes on until its channel closes.
type Watcher = (Sender<()>, JoinHandle<()>);

impl Waiting {
    pub(super) fn begin() -> Self {
        let progress = Arc::new(ListProgress::default());
        let on_terminal = io::stderr().is_terminal();
        // Without a thread nothing is told.
        let thread = on_terminal.then(|| watch(&progress)).flatten();
        Self {
            progress,
            thread: RefCell::new(thread),
        }
    }

    pub(super) fn progress(&self) -> &ListProgress {
        &self.progress
    }

    /// The list begins: where it is written on a terminal too, it says itself how
    /// far it is.
    pub(super) fn list_begins(&self) {
        if io::stdout().is_terminal() {
            self.end();
        }
    }

    fn end(&self) {
        if let Some((open, thread)) = self.thread.take() {
            drop(open);
            let _ = thread.join();
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.end();
    }
}

fn watch(progress: &Arc<ListProgress>) -> Option<Watcher> {
    let (open, closed) = mpsc::channel::<()>();
    let progress = Arc::clone(progress);
    let watch = move || {
        let mut patience = PATIENCE;
        while closed.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            tell(&progress);
            patience = INTERVAL;
        }
        if patience == INTERVAL {
            // The line goes away with what it told of.
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    };
    let thread = thread::Builder::new().spawn(watch).ok()?;
    Some((open, thread))
}

fn tell(progress: &ListProgress) {
    let sockets = progress.sockets.load(Ordering::Relaxed);
    let sockets = counted(sockets, "socket", "sockets");
    let what = if progress.owners.load(Ordering::Relaxed) {
        format!("{sockets} read, looking for their owners")
    } else {
        format!("{sockets} read")
    };
    let _ = write!(io::stderr(), "\r\x1b[Ktcpstate: {what}");
}
