//! What the list of leaks and the view of one process say alike.

use super::super::moment::Moment;
use crate::classify::close_wait::{LeakReport, Peer, ProcessLeaks, Unowned};
use crate::classify::history::{Kept, Leaks};
use crate::render::Style;
use crate::text::number::grouped;
use crate::text::rate::age;

/// Peers that have a name in a row; the others are counted.
const PEERS: usize = 2;

/// How long ago the rows were read, where that isn't done with every sample.
pub(in crate::tui) fn read_ago(kept: &Kept<Leaks>, moment: &Moment<'_>) -> Option<String> {
    let ago = moment.now.saturating_duration_since(kept.at);
    (kept.value.every > moment.screen.interval).then(|| age(ago))
}

/// Which sockets of a process came, went and stayed since the sample before.
#[derive(Debug, Clone, Copy)]
pub(in crate::tui) struct Moves {
    pub(in crate::tui) new: i64,
    /// Some of those that are still to be looked for may be its, too.
    or_more: bool,
    /// `None` where nobody knows how many there were before.
    pub(in crate::tui) closed: Option<i64>,
    pub(in crate::tui) stuck: u64,
}

impl Moves {
    /// `None` without a sample before.
    pub(in crate::tui) fn of(leaks: &ProcessLeaks, report: &LeakReport) -> Option<Self> {
        report.comparison?;
        let stayed = |index| {
            report
                .socket(index)
                .is_some_and(|judged| judged.stayed == Some(true))
        };
        let stuck = leaks
            .sockets
            .iter()
            .filter(|held| stayed(held.index))
            .count();
        let here = i64::try_from(leaks.sockets.len()).ok()?;
        let new = here - i64::try_from(stuck).ok()?;
        let mut unowned = report.unattributed.iter();
        Some(Self {
            new,
            or_more: unowned.any(|entry| entry.why == Unowned::NotYet),
            // Those that were handed on to another process didn't close; they
            // count as gone from here all the same.
            closed: leaks.growth.map(|growth| (new - growth.sockets).max(0)),
            stuck: u64::try_from(stuck).ok()?,
        })
    }

    /// How many are new: `≥ 6`; a dash where all that is known is that none was
    /// found.
    pub(in crate::tui) fn new_ones(&self, style: Style) -> String {
        let new = grouped(self.new.unsigned_abs());
        match (self.or_more, self.new) {
            (false, _) => new,
            (true, ..1) => style.dash().to_owned(),
            (true, _) if style.unicode => format!("≥ {new}"),
            (true, _) => format!(">= {new}"),
        }
    }
}

/// `10.0.0.9:5432 ×78, 192.0.2.7 ×3, +2`
pub(in crate::tui) fn peers(peers: &[Peer]) -> String {
    let mut named: Vec<String> = peers
        .iter()
        .take(PEERS)
        .map(|peer| format!("{} to {}", grouped(peer.count), peer.end()))
        .collect();
    if let Some(others @ 1..) = peers.len().checked_sub(PEERS) {
        named.push(format!("+{others}"));
    }
    named.join(", ")
}
