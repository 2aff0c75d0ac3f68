//! What a check remembers of the one before it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::{Counters, SocketCookie};

/// What one check leaves for the next.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// When it looked, since boot (`CLOCK_BOOTTIME`, which nobody sets and
    /// which goes on in suspend).
    pub taken_at: Duration,
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
    /// When each CLOSE_WAIT socket was first seen in this state.
    pub close_wait: HashMap<SocketCookie, Sighting>,
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
    /// How long before `now` it was taken, if the two compare.
    ///
    /// # Errors
    ///
    /// When they don't.
    pub fn until(&self, now: &Self) -> Result<Duration, Incomparable> {
        if self.boot_id != now.boot_id || self.boot_id.is_empty() {
            return Err(Incomparable::Rebooted);
        }
        if self.netns != now.netns {
            return Err(Incomparable::OtherNetns);
        }
        if self.scope != now.scope {
            return Err(Incomparable::OtherScope);
        }
        now.taken_at
            .checked_sub(self.taken_at)
            .filter(|elapsed| !elapsed.is_zero())
            .ok_or(Incomparable::NoTime)
    }

    /// Takes the first sightings of the sockets that are still there from the
    /// memory before this one. A socket that is new was seen first now, and
    /// hadn't been there when `before` was taken.
    pub fn recall(&mut self, before: &Self) {
        for (cookie, sighting) in &mut self.close_wait {
            *sighting = match before.close_wait.get(cookie) {
                Some(earlier) => *earlier,
                None => Sighting {
                    not_yet: Some(before.taken_at),
                    ..*sighting
                },
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(at: u64) -> Memory {
        Memory {
            taken_at: Duration::from_secs(at),
            boot_id: "b".to_owned(),
            netns: Some(1),
            ..Memory::default()
        }
    }

    #[test]
    fn only_what_is_of_the_same_boot_place_and_scope_compares() {
        let now = memory(20);
        assert_eq!(memory(5).until(&now), Ok(Duration::from_secs(15)));
        assert_eq!(memory(20).until(&now), Err(Incomparable::NoTime));
        assert_eq!(memory(21).until(&now), Err(Incomparable::NoTime));
        let mut other = memory(5);
        other.boot_id = "c".to_owned();
        assert_eq!(other.until(&now), Err(Incomparable::Rebooted));
        other = memory(5);
        other.netns = Some(2);
        assert_eq!(other.until(&now), Err(Incomparable::OtherNetns));
        other = memory(5);
        other.scope = "ipv4".to_owned();
        assert_eq!(other.until(&now), Err(Incomparable::OtherScope));
        other = memory(5);
        other.boot_id.clear();
        let nameless = other.clone();
        assert_eq!(
            other.until(&nameless),
            Err(Incomparable::Rebooted),
            "without a boot id nothing is certain"
        );
    }

    #[test]
    fn a_socket_keeps_its_first_sighting_and_a_new_one_has_bounds() {
        let seen = |at| Sighting {
            seen: Duration::from_secs(at),
            not_yet: None,
        };
        let mut before = memory(10);
        before.close_wait.insert(SocketCookie(1), seen(10));
        before.close_wait.insert(SocketCookie(2), seen(10));
        let mut now = memory(20);
        now.close_wait.insert(SocketCookie(1), seen(20));
        now.close_wait.insert(SocketCookie(3), seen(20));
        now.recall(&before);
        assert_eq!(now.close_wait[&SocketCookie(1)], seen(10));
        assert_eq!(
            now.close_wait[&SocketCookie(3)],
            Sighting {
                seen: Duration::from_secs(20),
                not_yet: Some(Duration::from_secs(10)),
            }
        );
        assert_eq!(now.close_wait.len(), 2, "closed sockets are forgotten");
    }
}
