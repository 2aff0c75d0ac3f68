//! What a command wants to know.

use std::time::Duration;

use crate::classify::close_wait::{Earlier, MIN_AGE};

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

/// Which listeners get names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerNames {
    /// None.
    None,
    /// The units of all where one is in trouble, and nothing else: that reads
    /// no descriptor.
    UnitsInTrouble,
    /// The same, and the programs of those in trouble where a quick search finds
    /// them.
    NearbyInTrouble,
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
            host_wide: false,
            min_age: MIN_AGE,
            earlier: None,
            partial: false,
        }
    }
}
