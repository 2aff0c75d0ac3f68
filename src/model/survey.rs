//! All network namespaces of a host in one answer.

use std::cmp::Reverse;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::{HostWide, NetNs, NetnsCounts, NetnsIdentity};

/// What was read of all network namespaces of a host.
#[derive(Debug)]
pub struct Survey<T> {
    /// When it began.
    pub taken_at: Option<SystemTime>,
    /// How long all of it took.
    pub elapsed: Duration,
    /// The host's name.
    pub host: Option<String>,
    /// Each namespace once; those that ended meanwhile are none.
    pub namespaces: Vec<Surveyed<T>>,
    /// What the whole host shares.
    pub host_wide: HostWide,
    /// What no namespace accounts for.
    pub unaccounted: Unaccounted,
    /// Files that look like mounted namespaces and are none.
    pub stale_pins: Vec<PathBuf>,
    /// Processes whose namespace may not be known (`hidepid`): how many, and
    /// whether more of them aren't even listed.
    pub hidden: (u64, bool),
    /// Whether there are more namespaces than one run reads.
    pub more: bool,
}

/// TCP sockets of the host that are in none of the namespaces that were counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unaccounted {
    /// So many at most: those that are in no table of their namespace (fresh,
    /// closed and held) are among them. `None` where the kernel doesn't tell.
    pub at_most: Option<u64>,
    /// So many at least are in namespaces that nothing leads to but sockets, or
    /// that could not be counted; as far as counts of different moments tell.
    pub elsewhere_at_least: Option<u64>,
    /// Who holds such sockets, and how many: the processes, by their number.
    pub holders: Vec<UnaccountedHolder>,
}

/// A process that holds sockets of a namespace that can't be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnaccountedHolder {
    /// The process.
    pub pid: u32,
    /// Its name.
    pub command: Option<String>,
    /// How many.
    pub sockets: u64,
}

/// One namespace and what was read of it.
#[derive(Debug)]
pub struct Surveyed<T> {
    /// Its number and the best of its names.
    pub netns: NetNs,
    /// All its names, and the units in it.
    pub identity: NetnsIdentity,
    /// Whether it is the one that tcpstate runs in.
    pub is_own: bool,
    /// Whether it is the host's; `None` where that can't be told.
    pub is_host: Option<bool>,
    /// Its processes, in ascending order.
    pub pids: Vec<u32>,
    /// What the kernel's counters say of it; `None` where they can't be read.
    pub counts: Option<NetnsCounts>,
    /// The answer.
    pub examined: Examined<T>,
}

/// How far a namespace was looked at.
#[derive(Debug)]
pub enum Examined<T> {
    /// By its counters alone: they say that there is nothing to find.
    Counters,
    /// From within.
    Full(T),
    /// By what its processes show to everybody, and why.
    Proc(T, String),
    /// Not at all, and why.
    No(String),
}

impl<T> Examined<T> {
    /// What was read.
    pub const fn answer(&self) -> Option<&T> {
        match self {
            Self::Full(answer) | Self::Proc(answer, _) => Some(answer),
            Self::Counters | Self::No(_) => None,
        }
    }

    /// The word of the JSON contract.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Counters => "counters",
            Self::Full(_) => "full",
            Self::Proc(..) => "proc",
            Self::No(_) => "no",
        }
    }

    /// Why it wasn't read from within, where it wasn't.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Proc(_, why) | Self::No(why) => Some(why),
            Self::Counters | Self::Full(_) => None,
        }
    }
}

impl<T> Surveyed<T> {
    /// What to call it; `?` where not even its number is known.
    #[must_use]
    pub fn name(&self) -> &str {
        let name = self.netns.name.as_ref();
        name.map_or("?", |name| name.name.as_str())
    }

    /// Sockets and minisockets by its counters.
    #[must_use]
    pub fn sockets(&self) -> Option<u64> {
        self.counts.as_ref().and_then(NetnsCounts::sockets)
    }
}

impl<T> Default for Survey<T> {
    fn default() -> Self {
        Self {
            taken_at: None,
            elapsed: Duration::ZERO,
            host: None,
            namespaces: Vec::new(),
            host_wide: HostWide::default(),
            unaccounted: Unaccounted::default(),
            stale_pins: Vec::new(),
            hidden: (0, false),
            more: false,
        }
    }
}

impl<T> Survey<T> {
    /// The same, its answers borrowed.
    #[must_use]
    pub fn as_ref(&self) -> Survey<&T> {
        let namespaces = self.namespaces.iter().map(|one| Surveyed {
            netns: one.netns.clone(),
            identity: one.identity.clone(),
            is_own: one.is_own,
            is_host: one.is_host,
            pids: one.pids.clone(),
            counts: one.counts,
            examined: match &one.examined {
                Examined::Counters => Examined::Counters,
                Examined::Full(answer) => Examined::Full(answer),
                Examined::Proc(answer, why) => Examined::Proc(answer, why.clone()),
                Examined::No(why) => Examined::No(why.clone()),
            },
        });
        Survey {
            namespaces: namespaces.collect(),
            taken_at: self.taken_at,
            elapsed: self.elapsed,
            host: self.host.clone(),
            host_wide: self.host_wide,
            unaccounted: self.unaccounted.clone(),
            stale_pins: self.stale_pins.clone(),
            hidden: self.hidden,
            more: self.more,
        }
    }

    /// The same with other answers.
    #[must_use]
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> Survey<U> {
        let namespaces = self.namespaces.into_iter().map(|one| Surveyed {
            netns: one.netns,
            identity: one.identity,
            is_own: one.is_own,
            is_host: one.is_host,
            pids: one.pids,
            counts: one.counts,
            examined: match one.examined {
                Examined::Counters => Examined::Counters,
                Examined::Full(answer) => Examined::Full(change(answer)),
                Examined::Proc(answer, why) => Examined::Proc(change(answer), why),
                Examined::No(why) => Examined::No(why),
            },
        });
        Survey {
            namespaces: namespaces.collect(),
            taken_at: self.taken_at,
            elapsed: self.elapsed,
            host: self.host,
            host_wide: self.host_wide,
            unaccounted: self.unaccounted,
            stale_pins: self.stale_pins,
            hidden: self.hidden,
            more: self.more,
        }
    }

    /// The namespaces with an answer.
    pub fn answers(&self) -> impl Iterator<Item = (&Surveyed<T>, &T)> {
        let all = self.namespaces.iter();
        all.filter_map(|one| Some((one, one.examined.answer()?)))
    }

    /// How many have nothing to find by their counters.
    #[must_use]
    pub fn empty(&self) -> usize {
        let is_empty = |one: &&Surveyed<T>| matches!(one.examined, Examined::Counters);
        self.namespaces.iter().filter(is_empty).count()
    }

    /// How many have something to find and could not be read.
    #[must_use]
    pub fn unread(&self) -> usize {
        let is_unread = |one: &&Surveyed<T>| matches!(one.examined, Examined::No(_));
        self.namespaces.iter().filter(is_unread).count()
    }

    /// Puts those first for which `urgency` is greatest, and of equals those with
    /// more sockets.
    pub fn sort_by_urgency<U: Ord>(&mut self, urgency: impl Fn(&T) -> U) {
        self.namespaces.sort_by_cached_key(|one| {
            let urgency = one.examined.answer().map(&urgency);
            (Reverse((urgency, one.sockets())), one.name().to_owned())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NamedBy, NetnsName, Sockstat};

    fn surveyed(name: &str, sockets: u64, examined: Examined<u8>) -> Surveyed<u8> {
        let name = Some(NetnsName {
            named_by: NamedBy::IpNetns,
            name: name.to_owned(),
        });
        Surveyed {
            netns: NetNs { inode: None, name },
            identity: NetnsIdentity::default(),
            is_own: false,
            is_host: None,
            pids: Vec::new(),
            counts: Some(NetnsCounts {
                sockstat: Sockstat {
                    inuse_ipv4: Some(sockets),
                    inuse_ipv6: Some(0),
                    tw: Some(0),
                    ..Sockstat::default()
                },
                established: None,
            }),
            examined,
        }
    }

    #[test]
    fn the_worst_comes_first_then_the_largest_and_the_unread_last() {
        let mut survey = Survey {
            namespaces: vec![
                surveyed("unread", 90, Examined::No("denied".to_owned())),
                surveyed("small", 1, Examined::Full(0)),
                surveyed("ill", 2, Examined::Proc(3, "denied".to_owned())),
                surveyed("large", 5, Examined::Full(0)),
                surveyed("empty", 0, Examined::Counters),
            ],
            ..Survey::default()
        };
        survey.sort_by_urgency(|&answer| answer);
        let order: Vec<&str> = survey.namespaces.iter().map(Surveyed::name).collect();
        assert_eq!(order, ["ill", "large", "small", "unread", "empty"]);
        assert_eq!((survey.empty(), survey.answers().count()), (1, 3));
    }
}
