//! Reading in a network namespace, wherever it is.

use crate::kernel::ProcRoot;
use crate::kernel::netns::{EnterFailure, enter};
use crate::model::NamespaceEntry;

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
