//! One process that leaks, closely: what it is, what it may have done, and each
//! of its sockets.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget;

use super::super::screen::{FrameContext, Shown};
use super::super::widgets::{self, below, cut, filtered, labelled, lines, more, wrapped};
use crate::classify::close_wait::{Held, Judged, LeakReport, Peer, ProcessLeaks, Unowned};
use crate::classify::history::{Kept, Leaks};
use crate::render::Style;
use crate::render::table::{Cell, Column, Table, Tone, Width};
use crate::render::text::leaks::phrases;
use crate::text::number::grouped;
use crate::text::rate::age;
use crate::text::safe;

/// Columns of a label and the space behind it.
const LABEL: u16 = 9;

/// Narrower terminals have no columns for labels.
const NARROW: u16 = 40;

/// From so many lines on there is one to spare.
const AIRY: u16 = 12;

/// Draws the process.
pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    context: &FrameContext<'_>,
    kept: &Kept<Leaks>,
    pid: u32,
) -> Shown {
    let style = context.style;
    let report = &kept.value.report;
    let mut processes = report.processes.iter();
    let Some(leaks) = processes.find(|leaks| leaks.process.pid == pid) else {
        let text = wrapped(&not_in_sight(report, pid), area.width, Tone::Plain);
        lines(buffer, area, text, style);
        return Shown::default();
    };
    let held = leaks.sockets.iter();
    let sockets = held.filter_map(|held| Some((held, report.socket(held.index)?)));
    let sockets: Vec<(&Held, &Judged)> = sockets.collect();
    let table = sockets_of(&sockets, style);
    let (table, _) = filtered(table, sockets, &context.screen.filter);
    let room = room_for_facts(area.height, table.rows.len());
    let facts = fitting(facts(leaks, kept, context), area.width, room);
    let rest = lines(buffer, area, facts, style);
    // A line of air where there is room.
    let rest = below(rest, u16::from(area.height >= AIRY));
    let empty = "none of its sockets is known";
    let shown = widgets::table(buffer, rest, &table, empty, context);
    let hidden = table.rows.len() - usize::from(shown.lines.1);
    // On a terminal of five lines there is none left to say so.
    if hidden > 0 && rest.height == 1 {
        let text = format!(" {}", more(hidden, style));
        Line::styled(text, Tone::Faint)
            .right_aligned()
            .render(area, buffer);
    }
    shown
}

/// What stands in place of a process that holds nothing, as far as anybody has
/// looked.
fn not_in_sight(report: &LeakReport, pid: u32) -> String {
    let mut unowned = report.unattributed.iter();
    let found = if unowned.any(|entry| entry.why == Unowned::NotYet) {
        "closed what it had in CLOSE_WAIT; whether new ones are its, the next search tells"
    } else {
        "holds no socket in CLOSE_WAIT any more"
    };
    format!("Process {pid} {found}. Esc goes back.")
}

/// The lines for what is known of the process: the sockets have half of a
/// large screen at least, and more of a small one, where that is what one came
/// for.
fn room_for_facts(height: u16, rows: usize) -> u16 {
    let all = u16::try_from(rows.saturating_add(1)).unwrap_or(u16::MAX);
    let least = match height {
        ..4 => height.saturating_sub(1),
        AIRY.. => height / 2 + 1,
        _ => (height * 3 / 5).max(3),
    };
    height - least.min(all.max(2)).min(height)
}

/// The facts in so many lines: each of those that matter most has one, and
/// what is left goes to those that need more. Without labels where these would
/// take the place of what they are about.
fn fitting(facts: Vec<(Fact, String)>, width: u16, room: u16) -> Vec<Line<'static>> {
    let indent = if width < NARROW { 0 } else { LABEL };
    let mut shown: Vec<(Fact, Vec<Line<'_>>, usize)> = facts
        .into_iter()
        .map(|(fact, text)| (fact, wrapped(&text, width - indent, Tone::Plain), 0))
        .collect();
    let mut left = usize::from(room);
    let mut ranks: Vec<usize> = (0..shown.len()).collect();
    ranks.sort_by_key(|&place| shown.get(place).map(|(fact, ..)| *fact));
    for all in [false, true] {
        for &place in &ranks {
            if let Some((_, lines, given)) = shown.get_mut(place) {
                let wanted = if all { lines.len() } else { 1 };
                let more = (wanted - *given).min(left);
                *given += more;
                left -= more;
            }
        }
    }
    let shown = shown.into_iter().filter(|(.., given)| *given > 0);
    let lines = shown.flat_map(|(fact, mut lines, given)| {
        cut(&mut lines, given);
        let label = if indent == 0 { "" } else { fact.label() };
        labelled(label, indent, Tone::Faint, lines)
    });
    lines.collect()
}

/// What is known of the process, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    Who,
    Sockets,
    Why,
    Files,
    Peers,
    Command,
}

impl Fact {
    const fn label(self) -> &'static str {
        match self {
            Self::Who => "Process",
            Self::Sockets => "Sockets",
            Self::Why => "Why",
            Self::Files => "Files",
            Self::Peers => "Peers",
            Self::Command => "Command",
        }
    }
}

/// Each fact in words, in the order in which they are shown.
fn facts(
    leaks: &ProcessLeaks,
    kept: &Kept<Leaks>,
    context: &FrameContext<'_>,
) -> Vec<(Fact, String)> {
    let process = &leaks.process;
    let dash = context.style.dash();
    let command = safe(process.command.as_deref().unwrap_or(dash));
    let unit = process.unit.as_ref().map_or_else(String::new, |unit| {
        format!(" of {}", safe(&unit.to_string()))
    });
    let who = format!("{command}[{}]{unit}", process.pid);
    let mut facts = vec![(Fact::Who, who)];
    if let Some(cmdline) = &process.cmdline {
        facts.push((Fact::Command, safe(&cmdline.join(" ")).into_owned()));
    }
    let moves = Moves::of(leaks, &kept.value.report).map_or_else(String::new, |moves| {
        let closed = moves
            .closed
            .map_or_else(|| dash.to_owned(), |closed| closed.to_string());
        format!(
            "; {} new, {closed} closed, {} stuck",
            moves.new_ones(context.style),
            moves.stuck
        )
    });
    let ago = read_ago(kept, context).map_or_else(String::new, |ago| format!("; read {ago} ago"));
    let sockets = format!(
        "{} leaked of {} in CLOSE_WAIT, the oldest for {}{moves}{ago}",
        grouped(leaks.counts.leaked()),
        grouped(leaks.counts.total()),
        phrases::age(leaks.oldest, &context.style),
    );
    facts.push((Fact::Sockets, sockets));
    if let (Some(open), Some(limit)) = (process.open_fds, process.fd_limit) {
        let text = format!("{} of {} descriptors open", grouped(open), grouped(limit));
        facts.push((Fact::Files, text));
    }
    facts.push((Fact::Peers, peers(&leaks.peers)));
    if let Some(hint) = leaks.hint {
        facts.push((Fact::Why, phrases::hint(hint, leaks)));
    }
    facts
}

/// The sockets of a process, and how it holds them.
fn sockets_of(sockets: &[(&Held, &Judged)], style: Style) -> Table {
    let (least, most) = (10, usize::MAX);
    Table::new(
        sockets,
        [
            (Column::number("FD", 0), &|(held, _)| {
                Cell::text(phrases::fds(held))
            }),
            (Column::words("VERDICT", 1), &|(_, judged)| {
                let cell = Cell::text(judged.verdict.key());
                if judged.verdict.is_leak() {
                    cell.toned(Tone::Warning)
                } else {
                    cell
                }
            }),
            (Column::number("AGE", 1), &|(_, judged)| {
                Cell::text(phrases::age(judged.age, &style))
            }),
            (Column::number("UNREAD", 3), &|(_, judged)| {
                Cell::text(grouped(judged.socket.recv_q.into()))
            }),
            (Column::words("LOCAL", 4), &|(_, judged)| {
                Cell::text(judged.socket.local.to_string())
            }),
            (
                Column::words("PEER", 2).wide(Width::Rest { least, most }),
                &|(held, judged)| {
                    let shared = match held.holders.len().saturating_sub(1) {
                        0 => String::new(),
                        others => format!(", held by {others} more"),
                    };
                    Cell::text(format!("{}{shared}", judged.socket.remote))
                },
            ),
        ],
    )
}

/// Peers that have a name in a row; the others are counted.
const PEERS: usize = 2;

/// How long ago the rows were read, where that isn't done with every sample.
pub(super) fn read_ago(kept: &Kept<Leaks>, context: &FrameContext<'_>) -> Option<String> {
    let ago = context.now.saturating_duration_since(kept.at);
    (kept.value.every > context.screen.interval).then(|| age(ago))
}

/// Which sockets of a process came, went and stayed since the sample before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moves {
    pub(super) new: i64,
    /// Some of those that are still to be looked for may be its, too.
    or_more: bool,
    /// `None` where nobody knows how many there were before.
    pub(super) closed: Option<i64>,
    pub(super) stuck: u64,
}

impl Moves {
    /// `None` without a sample before.
    pub(super) fn of(leaks: &ProcessLeaks, report: &LeakReport) -> Option<Self> {
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
    pub(super) fn new_ones(&self, style: Style) -> String {
        let new = grouped(self.new.unsigned_abs());
        match (self.or_more, self.new) {
            (false, _) => new,
            (true, ..1) => style.dash().to_owned(),
            (true, _) if style.unicode => format!("≥ {new}"),
            (true, _) => format!(">= {new}"),
        }
    }
}

/// `78 to 10.0.0.9:5432, 3 to 192.0.2.7, +2`
pub(super) fn peers(peers: &[Peer]) -> String {
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
