//! Port numbers: a range of them, and a set.

use serde::{Deserialize, Serialize};

use std::fmt;

/// Ports from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRange {
    /// The lowest port.
    pub first: u16,
    /// The highest port, not below the first.
    pub last: u16,
}

impl PortRange {
    /// Every port that a socket can have.
    pub const ALL: Self = Self {
        first: 1,
        last: u16::MAX,
    };

    /// The range; `None` when the last is below the first.
    #[must_use]
    pub const fn new(first: u16, last: u16) -> Option<Self> {
        if first <= last {
            Some(Self { first, last })
        } else {
            None
        }
    }

    /// Whether a port is in it.
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }

    /// How many ports there are in it.
    #[must_use]
    pub const fn size(self) -> u32 {
        (self.last - self.first) as u32 + 1
    }

    /// Every port, in order.
    pub fn ports(self) -> impl Iterator<Item = u16> {
        self.first..=self.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            self.first.fmt(f)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

/// Bits of a word.
const WORD: u32 = u64::BITS;
/// Words for 65,536 ports.
const WORDS: usize = (u16::MAX as usize + 1) / WORD as usize;

/// A set of ports: 8 KiB, whatever is in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u16>", into = "Vec<u16>")]
pub struct PortSet {
    words: Box<[u64; WORDS]>,
}

impl Default for PortSet {
    fn default() -> Self {
        Self {
            words: Box::new([0; WORDS]),
        }
    }
}

impl PortSet {
    /// Adds a port; whether it wasn't there.
    pub fn insert(&mut self, port: u16) -> bool {
        let (index, bit) = place(port);
        self.words.get_mut(index).is_some_and(|word| {
            let is_new = *word & bit == 0;
            *word |= bit;
            is_new
        })
    }

    /// Takes a port out.
    pub fn remove(&mut self, port: u16) {
        let (index, bit) = place(port);
        if let Some(word) = self.words.get_mut(index) {
            *word &= !bit;
        }
    }

    /// Adds the ports of another set.
    pub fn insert_all(&mut self, other: &Self) {
        for (word, more) in self.words.iter_mut().zip(other.words.iter()) {
            *word |= more;
        }
    }

    /// Takes the ports of another set out.
    pub fn remove_all(&mut self, other: &Self) {
        for (word, less) in self.words.iter_mut().zip(other.words.iter()) {
            *word &= !less;
        }
    }

    /// Adds the ports of a range.
    pub fn insert_range(&mut self, range: PortRange) {
        for port in range.ports() {
            self.insert(port);
        }
    }

    /// Whether a port is in it.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        let (index, bit) = place(port);
        self.words.get(index).is_some_and(|word| word & bit != 0)
    }

    /// How many ports of a range are in it.
    #[must_use]
    pub fn count_in(&self, range: PortRange) -> u32 {
        let (first, last) = (u32::from(range.first), u32::from(range.last));
        let bits = |word: (u32, &u64)| {
            let (start, word) = (word.0 * WORD, *word.1);
            let end = start + WORD - 1;
            if last < start || end < first {
                return 0;
            }
            // All ones but for the ports of this word below and above the range.
            let from = u64::MAX << first.saturating_sub(start);
            let to = u64::MAX >> end.saturating_sub(last);
            (word & from & to).count_ones()
        };
        (0..).zip(self.words.iter()).map(bits).sum()
    }

    /// The ports as ranges, in order.
    #[must_use]
    pub fn ranges(&self) -> Vec<PortRange> {
        let mut ranges: Vec<PortRange> = Vec::new();
        for port in (0..=u16::MAX).filter(|&port| self.contains(port)) {
            match ranges.last_mut() {
                Some(range) if range.last.checked_add(1) == Some(port) => range.last = port,
                _ => ranges.push(PortRange {
                    first: port,
                    last: port,
                }),
            }
        }
        ranges
    }
}

/// The word of a port and its bit in it.
fn place(port: u16) -> (usize, u64) {
    let port = u32::from(port);
    let index = usize::try_from(port / WORD).unwrap_or(usize::MAX);
    (index, 1 << (port % WORD))
}

impl FromIterator<u16> for PortSet {
    fn from_iter<I: IntoIterator<Item = u16>>(ports: I) -> Self {
        let mut set = Self::default();
        for port in ports {
            set.insert(port);
        }
        set
    }
}

/// 65,536 bits help nobody: the ranges do.
impl fmt::Debug for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.ranges().iter().map(ToString::to_string))
            .finish()
    }
}

impl From<PortSet> for Vec<u16> {
    fn from(ports: PortSet) -> Self {
        (0..=u16::MAX)
            .filter(|&port| ports.contains(port))
            .collect()
    }
}

impl From<Vec<u16>> for PortSet {
    fn from(ports: Vec<u16>) -> Self {
        ports.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// The bits behave as any other set of numbers.
        #[test]
        fn a_port_set_is_a_set_of_ports(
            ports in proptest::collection::vec(any::<u16>(), 0..200),
            more in proptest::collection::vec(any::<u16>(), 0..200),
            ends in any::<(u16, u16)>(),
        ) {
            let model: BTreeSet<u16> = ports.iter().copied().collect();
            let set: PortSet = ports.iter().copied().collect();
            let range = PortRange::new(ends.0.min(ends.1), ends.0.max(ends.1)).unwrap();
            prop_assert_eq!(
                set.count_in(range) as usize,
                model.range(range.first..=range.last).count()
            );
            let mut both = set.clone();
            both.insert_all(&more.iter().copied().collect());
            let union: PortSet = ports.iter().chain(&more).copied().collect();
            prop_assert_eq!(both, union);
            let mut less = set.clone();
            less.remove_all(&more.iter().copied().collect());
            let rest: PortSet = ports.iter().copied().filter(|port| !more.contains(port)).collect();
            prop_assert_eq!(less, rest);
            let listed: Vec<u16> = set.ranges().into_iter().flat_map(PortRange::ports).collect();
            prop_assert_eq!(listed, model.into_iter().collect::<Vec<u16>>());
        }
    }

    #[test]
    fn ranges_touch_and_end_at_the_last_port() {
        let mut set: PortSet = [65_535, 65_534, 1].into_iter().collect();
        assert!(!set.insert(1));
        set.insert(9);
        set.remove(9);
        set.insert_range(PortRange { first: 2, last: 4 });
        assert_eq!(format!("{set:?}"), r#"["1-4", "65534-65535"]"#);
        assert_eq!(set.count_in(PortRange::ALL), 6);
        assert_eq!(PortRange::ALL.size(), 65_535);
        assert_eq!(PortRange::new(2, 1), None);
    }
}
