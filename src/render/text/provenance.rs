//! Where the numbers are from, how they were obtained, and what is missing from
//! them.

use super::{Style, push_line};
use crate::classify::Severity;
use crate::classify::count::shows_bound;
use crate::model::{Collection, CountMethod, Host, NamedBy, Snapshot, SourceKind, TcpState};
use crate::render::views::LeaksView;
use crate::text::number::{counted, elapsed};
use crate::text::{safe, wrap};

/// The host, and the network namespace where it has a name: numbers of another
/// namespace look the same. `None` for a recording.
pub(crate) fn place(host: &Host) -> Option<String> {
    let name = host.name.as_deref().map(safe)?;
    let netns = host.netns.as_ref().and_then(|netns| netns.name.as_ref());
    Some(match netns {
        // Its name says that it is one.
        Some(netns) if netns.named_by == NamedBy::Inode => {
            format!("{name}, {}", safe(&netns.name))
        }
        Some(netns) => format!("{name}, netns {}", safe(&netns.name)),
        None => name.into_owned(),
    })
}

/// Which part of the sockets it is about; `None` where it is all.
fn part(collection: &Collection) -> Option<String> {
    let selection = collection.selection.as_ref()?;
    let words = safe(&selection.words);
    Some(format!("only {words} (settings and counters are of all)"))
}

/// The first line of a view: where, how many sockets, read from where, by what
/// method and how fast. Below it what is missing from the reading.
pub(super) fn heading(snapshot: &Snapshot, method: Option<&str>, style: &Style) -> String {
    let total = counted(snapshot.states.total(), "TCP socket", "TCP sockets");
    let source = source_name(snapshot.collection.source);
    let time = elapsed(snapshot.elapsed);
    let how = [Some(source), method, Some(time.as_str())];
    let how = how.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let mut parts = Vec::from_iter(place(&snapshot.host));
    parts.push(total);
    parts.extend(part(&snapshot.collection));
    parts.push(how);
    let line = parts.join(&format!(" {} ", style.dot()));
    let lines = wrap(&line, style.width.unwrap_or(usize::MAX));
    let mut text = style.strong(&lines.join("\n")) + "\n";
    if let Some(defects) = defects(&snapshot.collection) {
        push_line(&mut text, &style.severity(Severity::Warning, &defects));
    }
    text
}

/// How the numbers were obtained, in a sentence.
#[must_use]
pub fn of_counts(snapshot: &Snapshot) -> String {
    let collection = &snapshot.collection;
    let method = match snapshot.states.method {
        CountMethod::Derived => format!(
            "{} from the kernel's own counts (sockstat), the other states socket by socket",
            if tells_time_wait_apart(snapshot) {
                "ESTABLISHED"
            } else {
                "ESTABLISHED and TIME_WAIT"
            }
        ),
        CountMethod::Dump => "every socket read".to_owned(),
    };
    format!(
        "read {} in {}: {method}; {} visited, {}",
        source_name(collection.source),
        elapsed(snapshot.elapsed),
        counted(collection.sockets, "socket", "sockets"),
        defects(collection).unwrap_or_else(|| "nothing lost or unreadable".to_owned()),
    )
}

/// Where sockets came from, as people call it.
const fn source_name(source: SourceKind) -> &'static str {
    match source {
        SourceKind::Netlink => "sock_diag",
        SourceKind::Procfs => "/proc/net/tcp",
        SourceKind::Replay => "recorded dump",
    }
}

/// Whether TIME_WAIT was dumped, which alone tells its families apart: that is
/// so when only one of them was asked for.
fn tells_time_wait_apart(snapshot: &Snapshot) -> bool {
    let time_wait = snapshot.states.of(TcpState::TimeWait);
    time_wait.is_some_and(|count| count.ipv4.is_some() || count.ipv6.is_some())
}

/// What is missing from the reading; `None` when nothing is known to be.
#[must_use]
pub fn defects(collection: &Collection) -> Option<String> {
    if collection.malformed > 0 {
        let rows = counted(collection.malformed, "row", "rows");
        return Some(format!("incomplete: {rows} could not be read"));
    }
    (!collection.complete).then(|| {
        let what = match collection.source {
            SourceKind::Procfs => "a table of /proc is missing or was cut",
            SourceKind::Netlink | SourceKind::Replay => "the kernel says that rows were lost",
        };
        format!("incomplete: {what}")
    })
}

/// How many sockets a filter could not judge, in a sentence; `None` where it
/// could judge all of them.
#[must_use]
pub fn unjudged(collection: &Collection) -> Option<String> {
    (collection.unjudged > 0).then(|| {
        let sockets = counted(collection.unjudged, "socket is", "sockets are");
        format!("{sockets} left out: what the filter asks is not known of them")
    })
}

/// How leaks were found, in a sentence.
#[must_use]
pub fn of_leaks(view: &LeaksView<'_>) -> String {
    let collection = view.collection;
    let source = match collection.source {
        SourceKind::Netlink => "sock_diag",
        SourceKind::Procfs => "/proc/net/tcp",
        SourceKind::Replay => "a recorded dump",
    };
    let whole = if collection.complete {
        "complete"
    } else {
        "INCOMPLETE"
    };
    let scan = view.report.scan.map_or_else(
        || "no processes searched".to_owned(),
        |scan| {
            format!(
                "{} processes searched, {} denied, {} ended meanwhile, {} unreadable",
                scan.processes_scanned,
                scan.processes_denied,
                scan.processes_vanished,
                scan.processes_failed,
            )
        },
    );
    format!(
        "read {source} in {}: {} CLOSE_WAIT sockets, {} duplicates left out, {} unreadable, \
         {whole}; {scan}",
        elapsed(view.elapsed),
        collection.sockets,
        collection.duplicates.unwrap_or(0),
        collection.malformed,
    )
}

/// What is to be said of sockets that are bound and no more where their number
/// isn't known.
#[must_use]
pub fn bound_unknown(snapshot: &Snapshot) -> &'static str {
    let source = snapshot.collection.source;
    match source {
        SourceKind::Netlink if shows_bound(source, snapshot.host.kernel) => {
            "bound sockets not read"
        }
        SourceKind::Netlink => "bound sockets unknown: only Linux 6.8 and later shows them",
        SourceKind::Procfs => "bound sockets unknown: /proc doesn't show them",
        SourceKind::Replay => "bound sockets unknown: not in a recording",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::testing::snapshot;

    #[test]
    fn a_kernel_that_cannot_tell_is_told_from_a_question_that_was_not_put() {
        let said = |source, kernel| {
            let mut snapshot = snapshot().build();
            snapshot.collection.source = source;
            snapshot.host.kernel = kernel;
            bound_unknown(&snapshot)
        };
        assert_eq!(
            said(SourceKind::Netlink, Some((6, 8))),
            "bound sockets not read"
        );
        for kernel in [Some((6, 1)), Some((5, 10)), None] {
            let old = said(SourceKind::Netlink, kernel);
            assert!(old.contains("unknown: only Linux 6.8"), "{old}");
        }
        for source in [SourceKind::Procfs, SourceKind::Replay] {
            assert!(said(source, Some((6, 18))).contains("unknown"));
        }
    }
}
