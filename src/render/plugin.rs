//! What the monitoring plugins print: one line, the perfdata behind it, and
//! more lines where they are asked for.

use std::borrow::Cow;
use std::fmt::Write;

use super::perfdata::perfdata;
use super::text::provenance;
use crate::classify::assess::{Cause, Gauge, Problem, Status, Verdict};
use crate::classify::metric::{Bound, Missing};
use crate::classify::{Checked, Finding};
use crate::model::{Snapshot, StateCounts, Survey, TcpState};
use crate::text::number::{counted, decimal, elapsed, grouped};
use crate::text::safe;

/// Characters of the part that says what is wrong. With the words around it
/// that is about what a pager shows.
const LONGEST: usize = 80;

/// The states that the line of a healthy host names.
const TOLD: [TcpState; 3] = [
    TcpState::Established,
    TcpState::CloseWait,
    TcpState::TimeWait,
];

/// Of more network namespaces with problems the line doesn't say the names.
const OTHER_PLACES: usize = 2;

/// What a check looked at, as its line tells it.
#[derive(Debug)]
pub struct Basis<'a> {
    states: Option<Cow<'a, StateCounts>>,
    /// Why netlink wasn't read.
    fallback: Option<String>,
    /// How it was read.
    source: String,
    /// How many network namespaces there are where all were checked, and how
    /// many of them could not be read.
    namespaces: Option<(u64, u64)>,
    /// The metrics of each, where they are asked for.
    each: Vec<(String, &'a [Gauge])>,
}

impl<'a> Basis<'a> {
    /// One namespace.
    #[must_use]
    pub fn one(snapshot: &'a Snapshot) -> Self {
        Self {
            states: Some(Cow::Borrowed(&snapshot.states)),
            fallback: snapshot
                .collection
                .fallback_reason
                .as_ref()
                .map(ToString::to_string),
            source: provenance::of_counts(snapshot),
            namespaces: None,
            each: Vec::new(),
        }
    }

    /// All of them; with performance data of each that was read where `each`
    /// says so.
    #[must_use]
    pub fn all(survey: &'a Survey<Checked>, each: bool) -> Self {
        let states = survey
            .answers()
            .map(|(_, checked)| &checked.snapshot.states);
        let each = survey.answers().filter(|_| each).map(|(one, checked)| {
            let name = plain(one.name()).replace(['\'', '='], "_");
            (name, checked.verdict.gauges.as_slice())
        });
        Self {
            states: StateCounts::sum(states).map(Cow::Owned),
            fallback: None,
            source: format!(
                "{} read in {}, {} empty by their counters",
                counted(
                    survey.answers().count() as u64,
                    "network namespace",
                    "network namespaces"
                ),
                elapsed(survey.elapsed),
                survey.empty(),
            ),
            namespaces: Some((survey.namespaces.len() as u64, survey.unread() as u64)),
            each: each.collect(),
        }
    }
}

/// The line and, by the number of `-v`, the lines behind it: from 1 each
/// problem whole and with what to do, and why netlink wasn't read, from 2 every
/// metric, from 3 how it was read.
#[must_use]
pub fn status(basis: &Basis<'_>, verdict: &Verdict, verbosity: u8) -> String {
    let mut text = format!(
        "TCPSTATE {}: {}",
        verdict.status().word(),
        headline(basis, verdict)
    );
    let of_each = basis.each.iter();
    let of_each = of_each.map(|(name, gauges)| perfdata(&format!("{name}::"), gauges));
    let data = std::iter::once(perfdata("", &verdict.gauges)).chain(of_each);
    let data: Vec<String> = data.filter(|data| !data.is_empty()).collect();
    if !data.is_empty() {
        text.push_str(" | ");
        text.push_str(&data.join(" "));
    }
    text.push('\n');
    if verbosity > 0 {
        for problem in &verdict.problems {
            push_line(&mut text, problem.status.word(), &whole(problem));
            if let Cause::Found(finding) = &problem.cause {
                let _ = writeln!(text, "  -> {}", plain(&finding.advice));
            }
        }
        for note in &verdict.notes {
            push_line(&mut text, "info", &note.message);
        }
        let pending: Vec<String> = verdict.pending().map(|id| id.to_string()).collect();
        if !pending.is_empty() {
            push_line(&mut text, Missing::NotYet.reason(), &pending.join(", "));
        }
        if let Some(reason) = &basis.fallback {
            push_line(&mut text, "from /proc", reason);
        }
    }
    if verbosity > 1 {
        for gauge in &verdict.gauges {
            push_line(&mut text, &gauge.id.to_string(), &told(gauge));
        }
    }
    if verbosity > 2 {
        push_line(&mut text, "source", &basis.source);
    }
    text
}

/// The line of a check that came to nothing.
#[must_use]
pub fn failed(status: Status, why: &str) -> String {
    format!("TCPSTATE {}: {}\n", status.word(), plain(why))
}

/// The worst thing in a few words; how it is where nothing is wrong.
#[must_use]
pub fn headline(basis: &Basis<'_>, verdict: &Verdict) -> String {
    let unread = match basis.namespaces {
        Some((_, unread @ 1..)) => format!(
            "; {} could not be read",
            counted(unread, "network namespace", "network namespaces")
        ),
        _ => String::new(),
    };
    let Some(worst) = verdict.problems.first() else {
        return healthy(basis, verdict) + &unread;
    };
    let place = worst.place.as_deref();
    let short = match &worst.cause {
        // What follows the semicolon explains; -v and JSON have it.
        Cause::Found(finding) => without_the_middle(&plain(first_clause(finding))),
        _ => shorten(&plain(&whole(worst))),
    };
    let short = match (place, &worst.cause) {
        (Some(place), Cause::Found(_)) => format!("{}: {short}", plain(place)),
        _ => short,
    };
    let others = verdict.problems.len() - 1;
    let mut places: Vec<&str> = Vec::new();
    for other in verdict
        .problems
        .iter()
        .filter_map(|other| other.place.as_deref())
    {
        if Some(other) != place && !places.contains(&other) {
            places.push(other);
        }
    }
    places.truncate(OTHER_PLACES);
    let more = match (others, places.is_empty()) {
        (0, _) => String::new(),
        (more, true) => format!(" (+{more} more)"),
        (more, false) => format!(" (+{more} more, also in {})", plain(&places.join(", "))),
    };
    short + &more + &unread
}

fn healthy(basis: &Basis<'_>, verdict: &Verdict) -> String {
    let mut parts = Vec::new();
    if let Some(states) = &basis.states {
        parts.push(counted(states.total(), "socket", "sockets"));
        let known = TOLD.map(|state| Some((state, states.total_of(state)?)));
        for (state, count) in known.into_iter().flatten() {
            parts.push(format!("{} {}", grouped(count), state.name()));
        }
    }
    if let Some((all, _)) = basis.namespaces {
        parts.push(counted(all, "network namespace", "network namespaces"));
    }
    let mut text = parts.join(", ");
    if let Some(reason) = &basis.fallback {
        let _ = write!(text, ", from /proc: {}", plain(reason));
    }
    if verdict.pending().next().is_some() {
        text.push_str("; rates from the next run on");
    }
    text
}

pub(super) fn whole(problem: &Problem) -> String {
    let what = what(problem);
    match &problem.place {
        Some(place) => format!("{place}: {what}"),
        None => what,
    }
}

fn what(problem: &Problem) -> String {
    match &problem.cause {
        Cause::Found(finding) => finding.message.clone(),
        Cause::Exceeded(gauge) => exceeded(gauge, problem.status),
        Cause::NotJudged(names, why) => {
            format!("{}, so not judged: {}", why.reason(), names.join(", "))
        }
        Cause::Failed(what) => what.clone(),
    }
}

/// `time_wait is 501, above 500`; the phrase of the metric in the place of
/// name and number, where it has one.
fn exceeded(gauge: &Gauge, status: Status) -> String {
    let range = if status == Status::Critical {
        gauge.crit
    } else {
        gauge.warn
    };
    let (Ok(value), Some(range)) = (gauge.value, range) else {
        return format!("{} is out of range", gauge.id);
    };
    let number = || {
        let unit = gauge.id.unit().uom();
        format!("{} is {}{}{unit}", gauge.id, bound(gauge), decimal(value))
    };
    let told = gauge.phrase.clone().unwrap_or_else(number);
    format!("{told}, {}", range.phrase(value))
}

/// A bound isn't given as a value without saying so.
fn bound(gauge: &Gauge) -> &'static str {
    gauge.bound().map_or("", Bound::phrase)
}

/// `5, warning @50:, critical @1000:`
fn told(gauge: &Gauge) -> String {
    let mut text = match gauge.value {
        Ok(value) => format!(
            "{}{}{}",
            bound(gauge),
            decimal(value),
            gauge.id.unit().uom()
        ),
        Err(why) => why.reason().to_owned(),
    };
    for (name, range) in [("warning", gauge.warn), ("critical", gauge.crit)] {
        if let Some(range) = range {
            // A share of a limit that isn't known stays a share.
            let percent = if range.is_percent() { "%" } else { "" };
            let _ = write!(text, ", {name} {range}{percent}");
        }
    }
    text
}

fn push_line(text: &mut String, label: &str, line: &str) {
    // A String takes all that is written to it.
    let _ = writeln!(text, "{label}: {}", plain(line));
}

/// Names come from outside; a bar would begin perfdata, in any line.
fn plain(text: &str) -> String {
    safe(text).replace('|', "/")
}

/// Up to the first semicolon behind the subject: a name may have some itself.
fn first_clause(finding: &Finding) -> &str {
    let (message, subject) = (&finding.message, &finding.subject);
    let named = message.find(subject).map_or(0, |at| at + subject.len());
    let rest = message.get(named..).unwrap_or_default();
    let end = rest.find("; ").map_or(message.len(), |end| named + end);
    message.get(..end).unwrap_or(message)
}

/// A finding says first what it is about and last how much: a long name between
/// them must not cost the numbers.
fn without_the_middle(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    // What stands behind the last comma is the least of it.
    if let Some((most, _)) = text.rsplit_once(", ")
        && most.chars().count() <= LONGEST
        && most.contains(|c: char| c.is_ascii_digit())
    {
        return format!("{most} ...");
    }
    let mut tail: Vec<&str> = Vec::new();
    let mut length = 0;
    for word in text.rsplit(' ') {
        length += word.chars().count() + 1;
        if length > LONGEST / 2 {
            break;
        }
        tail.insert(0, word);
    }
    let room = LONGEST
        - tail
            .iter()
            .map(|word| word.chars().count() + 1)
            .sum::<usize>();
    let head: String = text.chars().take(room).collect();
    let head = head
        .rsplit_once(' ')
        .map_or(head.as_str(), |(head, _)| head);
    format!("{head} ... {}", tail.join(" "))
        .trim_end()
        .to_owned()
}

/// Cuts behind a word.
fn shorten(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let mut short = String::new();
    for word in text.split(' ') {
        if short.chars().count() + 1 + word.chars().count() > LONGEST {
            break;
        }
        if !short.is_empty() {
            short.push(' ');
        }
        short.push_str(word);
    }
    if short.is_empty() {
        short = text.chars().take(LONGEST).collect();
    }
    short + " ..."
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::Severity;

    fn finding(subject: &str, message: &str) -> Finding {
        Finding {
            rule: "close_wait_leak",
            severity: Severity::Critical,
            subject: subject.to_owned(),
            message: message.to_owned(),
            advice: String::new(),
            evidence: Vec::new(),
            state: None,
        }
    }

    #[test]
    fn a_name_can_neither_break_the_line_nor_begin_perfdata() {
        assert_eq!(plain("a|b\nc\u{1b}[2J"), "a/b\\nc\\u{1b}[2J");
        let line = failed(Status::Unknown, "x|y\n| 'z'=1");
        assert_eq!(line, "TCPSTATE UNKNOWN: x/y\\n/ 'z'=1\n");
    }

    #[test]
    fn what_explains_is_left_to_the_long_output() {
        assert_eq!(
            first_clause(&finding("java[1]", "java[1] leaks; 9 of 10 fds")),
            "java[1] leaks"
        );
        assert_eq!(first_clause(&finding("a", "a;b")), "a;b");
        assert_eq!(first_clause(&finding("x", "9 wait; 8 may")), "9 wait");
    }

    /// All that a pager showed of it was `all is well`.
    #[test]
    fn a_semicolon_in_a_name_does_not_end_the_line() {
        let subject = "all is well; [7]";
        let message = "all is well; [7] leaks 60 CLOSE_WAIT sockets; 70 of its";
        assert_eq!(
            first_clause(&finding(subject, message)),
            "all is well; [7] leaks 60 CLOSE_WAIT sockets"
        );
    }

    #[test]
    fn a_long_name_does_not_cost_the_numbers() {
        let name = "x".repeat(60);
        let long =
            format!("{name} of somebody doesn't accept on [::]:80: 129 connections wait, 128 may");
        let short = without_the_middle(&long);
        assert!(short.starts_with("xxx"), "{short}");
        assert!(short.ends_with("129 connections wait, 128 may"), "{short}");
        assert!(short.chars().count() <= LONGEST + 5, "{short}");
        assert_eq!(without_the_middle("short"), "short");
        let leak =
            "a-name-of-15-ch[4067] leaks 50 CLOSE_WAIT sockets, the oldest for at least 360 ms";
        let short = without_the_middle(leak);
        assert_eq!(
            short,
            "a-name-of-15-ch[4067] leaks 50 CLOSE_WAIT sockets ..."
        );
        let word = "y".repeat(200);
        assert!(without_the_middle(&word).starts_with("yyy"));
    }

    #[test]
    fn a_long_line_ends_behind_a_word() {
        let long = "word ".repeat(40);
        let short = shorten(long.trim_end());
        assert!(short.chars().count() <= LONGEST + 4, "{short}");
        assert!(short.ends_with("word ..."), "{short}");
        assert_eq!(shorten("short"), "short");
        assert_eq!(shorten(&"ä".repeat(200)).chars().count(), LONGEST + 4);
    }
}
