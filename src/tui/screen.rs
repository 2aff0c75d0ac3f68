//! What the user made of the screen (which view, which order, which filter), and
//! what a frame is drawn from.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::classify::history::{Failure, Latest, Timeline};
use crate::collect::Details;
use crate::model::{Destination, Endpoint, Part};
use crate::render::Style;
use crate::text::rate::age;

/// The views, in the order of their digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum View {
    /// States, rates, findings.
    #[default]
    Overview,
    /// Processes that leak, growing first.
    Leaks,
    /// Ports by destination, fullest first.
    Ports,
    /// Listeners with their queues, fullest first.
    Listeners,
    /// Settings and counters.
    Settings,
}

impl View {
    /// Every view; the first is on the key 1.
    pub(super) const ALL: [Self; 5] = [
        Self::Overview,
        Self::Leaks,
        Self::Ports,
        Self::Listeners,
        Self::Settings,
    ];

    /// The name on its tab.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Leaks => "leaks",
            Self::Ports => "ports",
            Self::Listeners => "listeners",
            Self::Settings => "settings",
        }
    }

    /// The orders that its rows can stand in, each with the heading of the
    /// column that it goes by; the first is the usual one.
    pub(super) const fn orders(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Overview => &[("state", "STATE"), ("count", "COUNT"), ("change", "CHANGE")],
            Self::Leaks => &[("growth", "NEW"), ("leaked", "LEAKED"), ("age", "OLDEST")],
            Self::Ports => &[
                ("used", "used"),
                ("growth", "growth"),
                ("TIME_WAIT", "TIME_WAIT"),
            ],
            Self::Listeners => &[
                ("trouble", "verdict"),
                ("queue", "accept queue"),
                ("port", "LISTENERS"),
            ],
            Self::Settings => &[("group", ""), ("name", "NAME")],
        }
    }

    /// The view that is so many tabs to the right, around the corner too.
    pub(super) fn moved(self, tabs: usize) -> Self {
        let place = Self::ALL.iter().position(|&view| view == self);
        let place = (place.unwrap_or(0) + tabs) % Self::ALL.len();
        Self::ALL.get(place).copied().unwrap_or_default()
    }
}

/// One thing that is looked at closely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// A process that holds sockets in CLOSE_WAIT, by its number.
    Process(u32),
    /// The ports of one of our addresses towards a peer.
    Destination(IpAddr, Option<u32>, Endpoint),
    /// A listener, by its address and the interface that it is bound to.
    Listener(Endpoint, Option<u32>),
}

impl Subject {
    /// The ports towards a destination.
    pub(super) const fn of(destination: &Destination) -> Self {
        Self::Destination(
            destination.local_address,
            destination.interface,
            destination.remote,
        )
    }
}

/// The screen as the user left it, and what the loop has to say.
#[derive(Debug, Clone)]
pub(super) struct Screen {
    /// The view that is open.
    pub(super) view: View,
    /// Whether the keys are explained.
    pub(super) help: bool,
    /// Only rows with this text are shown, in any case of letters.
    pub(super) filter: String,
    /// Filter and row of the list, while one of its rows is looked at closely.
    pub(super) list: (String, usize),
    /// Whether the filter is being typed.
    pub(super) typing: bool,
    /// Which of [`View::orders`].
    pub(super) order: usize,
    /// The row that the arrows are at; beyond the last row: the last.
    pub(super) row: usize,
    /// What is looked at closely, in place of the rows.
    pub(super) subject: Option<Subject>,
    /// Since when nothing is sampled.
    pub(super) paused: Option<Instant>,
    /// Time from sample to sample.
    pub(super) interval: Duration,
    /// What it was stretched to, because samples take longer.
    pub(super) stretched: Option<Duration>,
    /// Why the last sample failed.
    pub(super) failure: Option<String>,
    /// What the last key did, or why it could not do what it is for.
    pub(super) message: Option<Cow<'static, str>>,
}

impl Screen {
    /// The overview, nothing filtered.
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            view: View::default(),
            help: false,
            filter: String::new(),
            list: (String::new(), 0),
            typing: false,
            order: 0,
            row: 0,
            subject: None,
            paused: None,
            interval,
            stretched: None,
            failure: None,
            message: None,
        }
    }

    /// Opens a view at its first row, in its usual order, unfiltered.
    pub(super) fn open(&mut self, view: View) {
        self.view = view;
        self.filter.clear();
        self.list = (String::new(), 0);
        self.typing = false;
        self.order = 0;
        self.row = 0;
        self.subject = None;
    }

    /// Looks closely at something: what chose it is no filter of what is in it.
    pub(super) fn enter(&mut self, subject: Subject) {
        self.subject = Some(subject);
        self.list = (
            std::mem::take(&mut self.filter),
            std::mem::take(&mut self.row),
        );
    }

    /// Goes back to the rows as they were.
    pub(super) fn leave(&mut self) {
        self.subject = None;
        (self.filter, self.row) = std::mem::take(&mut self.list);
    }

    /// The name of the order, and the heading of the column that it goes by.
    pub(super) fn sorted_by(&self) -> (&'static str, &'static str) {
        self.view
            .orders()
            .get(self.order)
            .copied()
            .unwrap_or_default()
    }

    /// What a sample must have for what is shown besides counts, settings and
    /// counters.
    pub(super) const fn detail(&self) -> Details {
        match (self.view, self.subject) {
            (View::Overview | View::Settings, _) => Details::None,
            (View::Leaks, _) => Details::Leaks,
            (_, Some(Subject::Listener(at, _))) => Details::Listener(at),
            (View::Ports | View::Listeners, _) => Details::Connections,
        }
    }
}

/// What changed is marked for so long.
pub(super) const FRESH: Duration = Duration::from_millis(1_500);

/// Everything that a frame is drawn from.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameContext<'a> {
    /// The samples.
    pub(super) timeline: &'a Timeline,
    /// The screen as the user left it.
    pub(super) screen: &'a Screen,
    /// The time of drawing.
    pub(super) now: Instant,
    /// Colours and characters.
    pub(super) style: Style,
}

impl FrameContext<'_> {
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

/// What a frame shows that keys and the mouse depend on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// The number of the last row that can be chosen.
    pub(super) last_row: usize,
    /// What the chosen row is about, if more is known of it.
    pub(super) chosen: Option<Subject>,
    /// The line of the terminal that the first row in sight stands in, and how
    /// many stand below each other from there.
    pub(super) lines: (u16, u16),
    /// The number of the first row in sight.
    pub(super) first_row: usize,
    /// Behind which column of the terminal each tab ends.
    pub(super) tabs: [u16; View::ALL.len()],
}

/// The line of the terminal that the tabs stand in.
pub(super) const TABS: u16 = 1;
