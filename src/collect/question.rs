//! What a command wants to know.

use std::time::Duration;

use crate::classify::change::Past;
use crate::classify::close_wait::{Earlier, MIN_AGE};
use crate::model::Counters;

/// What a snapshot shall tell. The more is asked, the more is read.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// How connections are looked at.
    pub connections: Connections,
    /// Bound-only sockets in any case. Otherwise they are read only where ports
    /// may run out because of them.
    pub bound: bool,
    /// Whether connections that are counted are grouped by destination, too.
    pub ports: PortRead,
    /// Which listeners get the names of their programs and units.
    pub listeners: ListenerNames,
    /// Whether open connections are looked at one by one for data that nobody
    /// acknowledges.
    pub established: EstablishedRead,
    /// What was counted before, where somebody did: rates since then tell what
    /// is in trouble now.
    pub past: Option<Past<'a>>,
    /// Whether to read what the whole host shares.
    pub host_wide: bool,
    /// Younger CLOSE_WAIT sockets are not called leaked.
    pub min_age: Duration,
    /// An earlier reading, to judge CLOSE_WAIT by.
    pub earlier: Option<&'a Earlier>,
    /// Whether a snapshot is made without a part that can't be read, rather
    /// than none. What is missing stands in it.
    pub partial: bool,
}

/// How connections are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// They are counted by state, from the kernel's own counts where these can
    /// be trusted.
    Counted,
    /// The same, but no count of the kernel is trusted: every socket is looked
    /// at.
    CountedOneByOne,
    /// Every connection is looked at, and counted by destination, listener and
    /// age.
    Grouped,
}

/// Whether connections are grouped by destination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PortRead {
    /// Where their number alone can't rule exhaustion out.
    #[default]
    UnlessRuledOut,
    /// Always: the share that is used is wanted.
    Always,
    /// Never: nothing is asked about ports.
    Never,
}

/// Whether open connections are looked at one by one where the kernel's own
/// count of them would do.
#[derive(Debug, Clone, Copy, Default)]
pub enum EstablishedRead {
    /// Never.
    #[default]
    Never,
    /// Where one of a hundred segments was sent again since the past.
    WhereMuchIsResent,
    /// Always.
    Always,
}

/// A share of all segments that are sent again from which on it is worth the
/// time to see on which connections.
const MUCH_RESENT: f64 = 0.01;

/// Which listeners get names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerNames {
    /// None.
    None,
    /// The units of all where one is in trouble, and the programs of those that
    /// are, where a quick search finds them.
    NearbyInTrouble,
    /// The same, as the owners tell that are known, and a search when its turn
    /// has come.
    InTrouble,
    /// The units of all, and the programs of those in trouble.
    ProgramsInTrouble,
    /// The units and programs of all.
    Programs,
}

impl Default for Question<'_> {
    fn default() -> Self {
        Self {
            connections: Connections::Counted,
            bound: false,
            ports: PortRead::default(),
            listeners: ListenerNames::NearbyInTrouble,
            established: EstablishedRead::Never,
            past: None,
            host_wide: false,
            min_age: MIN_AGE,
            earlier: None,
            partial: false,
        }
    }
}

impl Question<'_> {
    /// Whether open connections are looked at one by one, by what the kernel has
    /// counted now.
    pub(super) fn reads_established(&self, now: &Counters) -> bool {
        match self.established {
            EstablishedRead::Never => false,
            EstablishedRead::Always => true,
            EstablishedRead::WhereMuchIsResent => self
                .past
                .and_then(|past| now.since(past.counters).share_sent_again())
                .is_some_and(|share| share > MUCH_RESENT),
        }
    }
}
