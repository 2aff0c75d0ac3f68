//! What takes a list socket by socket, in any format.

use std::io::{self, Write};

use crate::model::{HeldVia, Holder, Holding, ListEnd, ListFacts, NotShown, Socket, TimerKind};
use crate::text::safe;

/// Writes a list while it comes.
pub trait ListOutput {
    /// It begins; these are its first sockets, which come once more, each by
    /// itself.
    ///
    /// # Errors
    ///
    /// When it can't be written; the same goes for the others.
    fn begin(
        &mut self,
        first: &[Socket],
        not_shown: Option<NotShown>,
        facts: &ListFacts,
        to: &mut dyn Write,
    ) -> io::Result<()>;

    /// The next socket.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    fn socket(&mut self, socket: &Socket, facts: &ListFacts, to: &mut dyn Write) -> io::Result<()>;

    /// It has ended.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    fn end(&mut self, end: &ListEnd, facts: &ListFacts, to: &mut dyn Write) -> io::Result<()>;
}

/// A timer in the words of ss.
pub(super) const fn timer_name(kind: TimerKind) -> &'static str {
    match kind {
        TimerKind::Retransmit => "on",
        TimerKind::Keepalive => "keepalive",
        TimerKind::TimeWait => "timewait",
        TimerKind::ZeroWindowProbe => "persist",
        TimerKind::Unknown(_) => "unknown",
    }
}

/// Which directions are shut down.
pub(super) const fn shutdown_name(shutdown: u8) -> &'static str {
    match shutdown & 3 {
        1 => "receiving",
        2 => "sending",
        3 => "both",
        _ => "none",
    }
}

/// Who holds a socket: `nginx[880] fd 7 8, nginx[881] fd 7`.
pub(super) fn holders(holding: Holding<'_>, facts: &ListFacts) -> String {
    let holders = match holding {
        Holding::By(holders) => holders,
        Holding::NoProcess => return "-".to_owned(),
        Holding::NotAccepted => return "not accepted".to_owned(),
        Holding::Closed => return "closed".to_owned(),
        Holding::Unknown => return "unknown".to_owned(),
    };
    let mut text = String::new();
    let mut before: Option<&Holder> = None;
    for holder in holders {
        let is_same = before.is_some_and(|one| one.pid == holder.pid && one.via == holder.via);
        if !is_same {
            if before.is_some() {
                text.push_str(", ");
            }
            text.push_str(&safe(facts.command(holder.pid).unwrap_or("?")));
            let via = match holder.via {
                HeldVia::Descriptor => String::new(),
                HeldVia::ThreadTable(thread) => format!(" thread {thread}"),
                HeldVia::IoUring => " io_uring".to_owned(),
            };
            text.extend(["[", &holder.pid.to_string(), "]", &via, " fd"]);
        }
        text.extend([" ", &holder.fd.to_string()]);
        before = Some(holder);
    }
    text
}
