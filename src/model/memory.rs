//! What a check remembers of the one before it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::{AgeBounds, Counters, SocketCookie};

/// What one check leaves for the next.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// When it began to look, since boot (`CLOCK_BOOTTIME`, which nobody sets
    /// and which goes on in suspend).
    pub begun: Duration,
    /// When it had looked at everything, since boot.
    pub ended: Duration,
    /// Which boot that was (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: String,
    /// Inode number of the network namespace.
    pub netns: Option<u64>,
    /// What the check was narrowed to, in the words of its options: counts of
    /// different sockets don't compare.
    pub scope: String,
    /// The kernel's counters.
    pub counters: Counters,
    /// The counts, by the names of their metrics.
    pub values: BTreeMap<String, f64>,
    /// When each CLOSE_WAIT socket was first seen in this state; `None` when it
    /// didn't see them all, or over /proc, which has no cookies.
    pub close_wait: Option<HashMap<SocketCookie, Sighting>>,
}

/// When a socket was first seen in a state that it is in still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// It was seen then, since boot.
    pub seen: Duration,
    /// It wasn't in that state yet then, since boot; `None` when nobody had
    /// looked.
    pub not_yet: Option<Duration>,
}

/// Why a memory says nothing about the time until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Incomparable {
    /// Counters and cookies began anew.
    #[error("the host was booted since")]
    Rebooted,
    /// Another namespace has other sockets and other counters.
    #[error("it is about another network namespace; give each its own --state FILE")]
    OtherNetns,
    /// Other options were given.
    #[error("it is about other sockets (other options); give each check its own --state FILE")]
    OtherScope,
    /// Two looks at the same moment have no rate between them.
    #[error("no time has passed since")]
    NoTime,
}

impl Memory {
    /// Whether it compares with a look that begins `now`, of the same boot and
    /// place and scope.
    ///
    /// # Errors
    ///
    /// When it doesn't.
    pub fn compares(&self, now: &Self) -> Result<(), Incomparable> {
        if self.boot_id != now.boot_id || self.boot_id.is_empty() {
            return Err(Incomparable::Rebooted);
        }
        if self.netns != now.netns {
            return Err(Incomparable::OtherNetns);
        }
        if self.scope != now.scope {
            return Err(Incomparable::OtherScope);
        }
        if now.begun <= self.ended {
            return Err(Incomparable::NoTime);
        }
        Ok(())
    }

    /// How long each CLOSE_WAIT socket had been so when it ended; `None` when
    /// it doesn't know them all.
    #[must_use]
    pub fn ages(&self) -> Option<impl Iterator<Item = (SocketCookie, AgeBounds)>> {
        let sightings = self.close_wait.as_ref()?.iter();
        Some(sightings.map(|(&cookie, sighting)| {
            let before_the_end = |time| self.ended.saturating_sub(time);
            let age = AgeBounds {
                at_least: Some(before_the_end(sighting.seen)),
                at_most: sighting.not_yet.map(before_the_end),
            };
            (cookie, age)
        }))
    }

    /// Remembers the sockets that are in CLOSE_WAIT now. Those that the memory
    /// before this one knows keep their first sighting; one that is new was
    /// seen first now, and hadn't been there when `before` began.
    pub fn sight(&mut self, cookies: &HashSet<SocketCookie>, before: Option<&Self>) {
        let known = before.and_then(|before| before.close_wait.as_ref());
        let new = Sighting {
            seen: self.ended,
            not_yet: known.and(before).map(|before| before.begun),
        };
        let first = |cookie| known.and_then(|known| known.get(cookie)).copied();
        let sightings = cookies
            .iter()
            .map(|cookie| (*cookie, first(cookie).unwrap_or(new)));
        self.close_wait = Some(sightings.collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(at: u64) -> Memory {
        Memory {
            begun: Duration::from_secs(at),
            ended: Duration::from_secs(at + 1),
            boot_id: "b".to_owned(),
            netns: Some(1),
            ..Memory::default()
        }
    }

    #[test]
    fn only_what_is_of_the_same_boot_place_and_scope_compares() {
        let now = memory(20);
        assert_eq!(memory(5).compares(&now), Ok(()));
        assert_eq!(memory(20).compares(&now), Err(Incomparable::NoTime));
        assert_eq!(memory(21).compares(&now), Err(Incomparable::NoTime));
        let mut other = memory(5);
        other.boot_id = "c".to_owned();
        assert_eq!(other.compares(&now), Err(Incomparable::Rebooted));
        other = memory(5);
        other.netns = Some(2);
        assert_eq!(other.compares(&now), Err(Incomparable::OtherNetns));
        other = memory(5);
        other.scope = "ipv4".to_owned();
        assert_eq!(other.compares(&now), Err(Incomparable::OtherScope));
        other = memory(5);
        other.boot_id.clear();
        let nameless = other.clone();
        assert_eq!(
            other.compares(&nameless),
            Err(Incomparable::Rebooted),
            "without a boot id nothing is certain"
        );
    }

    #[test]
    fn a_socket_keeps_its_first_sighting_and_a_new_one_has_bounds() {
        let cookies = |numbers: &[u64]| numbers.iter().copied().map(SocketCookie).collect();
        let mut first = memory(10);
        first.sight(&cookies(&[1, 2]), None);
        let mut second = memory(20);
        second.sight(&cookies(&[1, 3]), Some(&first));
        let mut third = memory(50);
        third.sight(&cookies(&[1, 3]), Some(&second));
        let mut ages: Vec<_> = third.ages().unwrap().collect();
        ages.sort_by_key(|(cookie, _)| *cookie);
        let seconds = |at_least, at_most: Option<u64>| AgeBounds {
            at_least: Some(Duration::from_secs(at_least)),
            at_most: at_most.map(Duration::from_secs),
        };
        assert_eq!(
            ages,
            [
                (SocketCookie(1), seconds(40, None)),
                (SocketCookie(3), seconds(30, Some(41))),
            ],
            "closed sockets are forgotten"
        );
    }

    #[test]
    fn a_look_that_missed_sockets_bounds_no_age() {
        let cookies = [SocketCookie(1)].into();
        let mut second = memory(20);
        second.sight(&cookies, Some(&memory(10)));
        let (_, age) = second.ages().unwrap().next().unwrap();
        assert_eq!(age.at_most, None);
        assert!(memory(10).ages().is_none());
    }
}
