//! What no reading of the namespaces has seen.

use crate::model::{NetnsCounts, Sockstat};

/// TCP sockets of the host that are in none of the namespaces that were counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unread {
    /// Sockets that are in no hash table (fresh, bound, closed and held) or in a
    /// namespace that wasn't counted: at most so many are in such a namespace.
    /// `None` where the kernel doesn't tell.
    pub sockets_at_most: Option<u64>,
}

/// Subtracts what the namespaces have from what the host has. The counts are of
/// different moments, so that a few sockets more or less mean nothing. A
/// namespace whose counts aren't known makes the rest unknown.
#[must_use]
pub fn rest<'a>(host: &Sockstat, namespaces: impl IntoIterator<Item = &'a NetnsCounts>) -> Unread {
    let hashed = namespaces
        .into_iter()
        .try_fold(0_u64, |sum, counts| sum.checked_add(counts.hashed()?));
    Unread {
        sockets_at_most: hashed
            .zip(host.alloc)
            .map(|(hashed, alloc)| alloc.saturating_sub(hashed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_what_no_namespace_has() {
        let counts = |inuse_ipv4, inuse_ipv6| NetnsCounts {
            sockstat: Sockstat {
                inuse_ipv4,
                inuse_ipv6,
                ..Sockstat::default()
            },
            established: None,
        };
        let host = |alloc| Sockstat {
            alloc,
            ..Sockstat::default()
        };
        let two = [counts(Some(3), Some(1)), counts(Some(2), Some(0))];
        assert_eq!(rest(&host(Some(10)), &two).sockets_at_most, Some(4));
        assert_eq!(rest(&host(Some(5)), &two).sockets_at_most, Some(0));
        assert_eq!(rest(&host(None), &two).sockets_at_most, None);
        let unknown = [counts(Some(3), None)];
        assert_eq!(rest(&host(Some(10)), &unknown).sockets_at_most, None);
    }
}
