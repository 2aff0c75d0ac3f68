//! What a frame is drawn from, and what it shows that keys depend on.

use std::time::{Duration, Instant};

use super::screen::{Screen, Subject, View};
use crate::classify::history::{Failure, Latest, Part, Timeline};
use crate::render::Style;
use crate::text::rate::age;

/// What changed is marked for so long.
pub(super) const FRESH: Duration = Duration::from_millis(1_500);

/// Everything that a frame is drawn from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'a> {
    /// The samples.
    pub(super) timeline: &'a Timeline,
    /// The screen as the user left it.
    pub(super) screen: &'a Screen,
    /// The time of drawing.
    pub(super) now: Instant,
    /// Colours and characters.
    pub(super) style: Style,
}

impl Moment<'_> {
    /// How old the newest sample is.
    pub(super) fn age(&self, latest: &Latest) -> Duration {
        self.now.saturating_duration_since(latest.at)
    }

    /// What stands where a view has nothing to show yet.
    pub(super) fn missing(&self, latest: &Latest) -> &'static str {
        if self.failures(latest).next().is_some() {
            "Nothing could be read for this view yet."
        } else if self.screen.paused.is_some() {
            "Nothing was read for this view before the pause; space goes on."
        } else {
            "The first sample for this view is on its way."
        }
    }

    /// Whether what changed with the newest sample has just changed.
    pub(super) fn is_fresh(&self, at: Instant) -> bool {
        self.now.saturating_duration_since(at) < FRESH
    }

    /// What could not be read of what the open view shows.
    pub(super) fn failures<'l>(
        &self,
        latest: &'l Latest,
    ) -> impl Iterator<Item = &'l Failure> + use<'l> {
        let view = self.screen.view;
        let failures = latest.failures.iter();
        failures.filter(move |failure| match failure.part {
            Part::Ports => view == View::Overview,
            Part::Leaks => view == View::Leaks,
            Part::Pressure => matches!(view, View::Ports | View::Listeners),
            Part::Programs => view == View::Listeners,
        })
    }

    /// What stands on the screen in place of what could not be read.
    pub(super) fn instead(&self, latest: &Latest, failure: &Failure) -> String {
        let as_of = |at| {
            let old = self.now.saturating_duration_since(at);
            format!("as they were {} ago", age(old))
        };
        match failure.part {
            Part::Leaks => latest.leaks.as_ref().map(|kept| as_of(kept.at)),
            Part::Pressure => latest.older_pressure.as_ref().map(|kept| as_of(kept.at)),
            Part::Ports | Part::Programs => None,
        }
        .unwrap_or_else(|| "unknown".to_owned())
    }
}

/// What a frame shows that keys depend on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// The number of the last row that can be chosen.
    pub(super) last_row: usize,
    /// What the chosen row is about, if more is known of it.
    pub(super) chosen: Option<Subject>,
}
