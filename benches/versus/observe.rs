//! What is really there: counts are printed and judged as observed, never as asked for.

use std::fmt;
use std::fs;

use anyhow::{Context, Result};

use crate::netlink::{self, ALL_STATES};

/// Names by the kernel's numbers; 12 is a request socket, reported as 3.
const STATES: [&str; 13] = [
    "?",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "NEW_SYN_RECV",
];

pub(crate) const ESTABLISHED: usize = 1;
pub(crate) const TIME_WAIT: usize = 6;
pub(crate) const CLOSE_WAIT: usize = 8;
pub(crate) const LISTEN: usize = 10;

/// Sockets by state, from a full dump, beside the kernel's own counters.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    by_state: [usize; STATES.len()],
    sockstat: Sockstat,
    /// Descriptors in all /proc/PID/fd; only where the case is about them.
    pub(crate) fds: Option<usize>,
}

/// The counters of this namespace that tell sockets.
#[derive(Debug, Default)]
pub(crate) struct Sockstat {
    /// Full sockets, both families.
    pub(crate) inuse: usize,
    /// Minisockets: `TIME_WAIT`, and `FIN_WAIT2` that nobody holds.
    pub(crate) time_wait: usize,
}

impl Observed {
    /// Dumps everything and counts.
    pub(crate) fn now() -> Result<Self> {
        let mut observed = Self {
            sockstat: sockstat()?,
            ..Self::default()
        };
        netlink::each_row(ALL_STATES, |state, _timer| {
            if let Some(count) = observed.by_state.get_mut(usize::from(state)) {
                *count += 1;
            }
        })?;
        Ok(observed)
    }

    /// Sockets in one state.
    pub(crate) fn state(&self, state: usize) -> usize {
        self.by_state.get(state).copied().unwrap_or(0)
    }

    /// Sockets in any other state than these.
    pub(crate) fn besides(&self, states: &[usize]) -> usize {
        let all: usize = self.by_state.iter().sum();
        all - states.iter().map(|&state| self.state(state)).sum::<usize>()
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.by_state.iter().zip(STATES);
        let words: Vec<String> = counts
            .filter(|(count, _)| **count > 0)
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        write!(
            f,
            "{} (raw dump; sockstat: inuse {}, tw {})",
            words.join(", "),
            self.sockstat.inuse,
            self.sockstat.time_wait
        )?;
        if let Some(fds) = self.fds {
            write!(f, "; {fds} file descriptors in /proc")?;
        }
        Ok(())
    }
}

/// Reads /proc/net/sockstat and sockstat6 (absent without IPv6).
pub(crate) fn sockstat() -> Result<Sockstat> {
    let v4 = fs::read_to_string("/proc/net/sockstat").context("cannot read /proc/net/sockstat")?;
    let v6 = fs::read_to_string("/proc/net/sockstat6").unwrap_or_default();
    let field = |text: &str, line: &str, name: &str| -> usize {
        text.lines()
            .filter_map(|text| text.strip_prefix(line))
            .flat_map(|rest| {
                let words: Vec<&str> = rest.split_whitespace().collect();
                words
                    .chunks_exact(2)
                    .filter(|pair| pair.first() == Some(&name))
                    .filter_map(|pair| pair.last()?.parse().ok())
                    .collect::<Vec<usize>>()
            })
            .sum()
    };
    Ok(Sockstat {
        inuse: field(&v4, "TCP:", "inuse") + field(&v6, "TCP6:", "inuse"),
        time_wait: field(&v4, "TCP:", "tw"),
    })
}
