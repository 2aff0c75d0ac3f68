//! Network namespaces: which one somebody means, what each is called, and how
//! to read in one, wherever it is.

mod absent;
mod all;
mod named;
mod names;
mod resolve;
#[cfg(test)]
mod testing;

pub use absent::{Absent, Asked, absent};
pub use all::{SurveyPlan, read_all};
pub use named::{NetnsError, read_named};
pub use names::NetnsNamer;
pub use resolve::{Resolved, resolve};

use crate::kernel::ProcRoot;
use crate::kernel::netns::{EnterFailure, enter};
use crate::model::{NamespaceEntry, NetnsCounts, Sockstat};

/// How a namespace is read.
#[derive(Debug)]
pub enum Access {
    /// From within: we are in it, or have entered it.
    Inside,
    /// By what its processes show to everybody, because it can't be entered: no
    /// settings, no ages, no accept limits.
    ProcOnly(EnterFailure),
}

/// Runs a reading of a namespace: inside of it where it can be entered, else by
/// what its processes show to everybody. The reading gets the /proc to open a
/// [`Namespace`](crate::collect::Namespace) of, which must end with it: kept
/// sockets keep a namespace.
///
/// # Errors
///
/// When neither is possible: why it can't be entered.
pub fn read_in<T: Send>(
    proc_root: &ProcRoot,
    namespace: &NamespaceEntry,
    read: impl FnOnce(&ProcRoot, &Access) -> T + Send,
) -> Result<T, EnterFailure> {
    let mut read = Some(read);
    let entered = enter(proc_root, namespace, |inside| {
        let read = read.take()?;
        Some(read(inside, &Access::Inside))
    });
    let failure = match entered {
        Ok(Some(answer)) => return Ok(answer),
        Ok(None) => EnterFailure::Gone,
        Err(failure) => failure,
    };
    let (Some(shown), Some(read)) = (proc_root.of_namespace(namespace), read) else {
        return Err(failure);
    };
    Ok(read(&shown, &Access::ProcOnly(failure)))
}

/// How many TCP sockets of the host are in none of the namespaces that were
/// counted, at most: so many are in no hash table (fresh, bound, closed and
/// held) or in a namespace that wasn't counted. `None` where the kernel doesn't
/// tell, and where the counts of a namespace aren't known. The counts are of
/// different moments, so that a few sockets more or less mean nothing.
#[must_use]
pub fn rest<'a>(
    host: &Sockstat,
    namespaces: impl IntoIterator<Item = &'a NetnsCounts>,
) -> Option<u64> {
    let hashed = namespaces
        .into_iter()
        .try_fold(0_u64, |sum, counts| sum.checked_add(counts.hashed()?));
    let (hashed, alloc) = hashed.zip(host.alloc)?;
    Some(alloc.saturating_sub(hashed))
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
        assert_eq!(rest(&host(Some(10)), &two), Some(4));
        assert_eq!(rest(&host(Some(5)), &two), Some(0));
        assert_eq!(rest(&host(None), &two), None);
        let unknown = [counts(Some(3), None)];
        assert_eq!(rest(&host(Some(10)), &unknown), None);
    }
}
