//! What the user made of the screen: which view, which order, which filter.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::collect::Details;
use crate::model::{Destination, Endpoint};

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

    /// The orders that its rows can stand in; the first is the usual one.
    pub(super) const fn orders(self) -> &'static [&'static str] {
        match self {
            Self::Overview => &["state", "count", "change"],
            Self::Leaks => &["growth", "leaked", "age"],
            Self::Ports => &["used", "growth", "TIME_WAIT"],
            Self::Listeners => &["trouble", "queue", "port"],
            Self::Settings => &["group", "name"],
        }
    }

    /// What a sample must have for it besides counts, settings and counters.
    pub(super) const fn detail(self) -> Details {
        match self {
            Self::Overview | Self::Settings => Details::None,
            Self::Leaks => Details::Leaks,
            Self::Ports | Self::Listeners => Details::Connections,
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
    /// Filter and row of the rows behind what is looked at closely.
    pub(super) behind: (String, Option<usize>),
    /// Whether the filter is being typed.
    pub(super) typing: bool,
    /// Which of [`View::orders`].
    pub(super) order: usize,
    /// The row that the arrows are at, if they were used; beyond the last row:
    /// the last.
    pub(super) row: Option<usize>,
    /// What is looked at closely, in place of the rows.
    pub(super) subject: Option<Subject>,
    /// Since when nothing is sampled.
    pub(super) paused: Option<Instant>,
    /// Time from sample to sample.
    pub(super) interval: Duration,
    /// What it was stretched to, because samples take longer.
    pub(super) stretched: Option<Duration>,
    /// Why the last sample failed.
    pub(super) trouble: Option<String>,
    /// A word about a key that could not do what it is for.
    pub(super) word: Option<&'static str>,
}

impl Screen {
    /// The overview, nothing filtered.
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            view: View::default(),
            help: false,
            filter: String::new(),
            behind: (String::new(), None),
            typing: false,
            order: 0,
            row: None,
            subject: None,
            paused: None,
            interval,
            stretched: None,
            trouble: None,
            word: None,
        }
    }

    /// Opens a view at its first row, in its usual order, unfiltered.
    pub(super) fn open(&mut self, view: View) {
        self.view = view;
        self.filter.clear();
        self.behind = (String::new(), None);
        self.typing = false;
        self.order = 0;
        self.row = None;
        self.subject = None;
    }

    /// Looks closely at something: what chose it is no filter of what is in it.
    pub(super) fn enter(&mut self, subject: Subject) {
        self.subject = Some(subject);
        self.behind = (std::mem::take(&mut self.filter), self.row.take());
    }

    /// Goes back to the rows as they were.
    pub(super) fn leave(&mut self) {
        self.subject = None;
        (self.filter, self.row) = std::mem::take(&mut self.behind);
    }

    /// The name of the order.
    pub(super) fn order_name(&self) -> &'static str {
        self.view.orders().get(self.order).copied().unwrap_or("")
    }
}
