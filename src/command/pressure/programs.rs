//! The programs behind listeners.

use std::collections::BTreeSet;

use crate::classify::change::Past;
use crate::classify::listeners::{SynEvidence, Verdict, verdict};
use crate::kernel::processes::{Holders, Which, read_process};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::Sample;

/// Names who holds the listeners that are in trouble, or all. Reading every
/// descriptor of a large host takes longer than everything else here, so
/// nobody is looked for without need.
pub(in crate::command) fn name(
    sample: &mut Sample,
    previous: Option<&Sample>,
    proc_root: &ProcRoot,
    all: bool,
) -> Result<(), KernelError> {
    let evidence = SynEvidence::of(sample, previous.map(|previous| Past::of(previous, sample)));
    let Some(listeners) = &mut sample.pressure.listeners else {
        return Ok(());
    };
    let mut wanted: Vec<_> = listeners
        .listeners
        .iter_mut()
        .filter(|listener| {
            let judged = verdict(listener, &evidence);
            all || !matches!(judged, Verdict::Fine | Verdict::Unknown)
        })
        .collect();
    let inodes = wanted.iter().flat_map(|listener| listener.inodes.clone());
    if wanted.is_empty() {
        return Ok(());
    }
    let holders = Holders::find(proc_root, inodes, Which::All { first: &[] })?;
    for listener in &mut wanted {
        let pids: BTreeSet<u32> = listener
            .inodes
            .iter()
            .flat_map(|&inode| holders.of(inode))
            .map(|holder| holder.pid)
            .collect();
        let Some(&first) = pids.first() else {
            continue;
        };
        listener.command = read_process(proc_root, first)
            // Another process may have got the number since.
            .filter(|process| holders.start_time(first) == Some(process.start_time))
            .and_then(|process| process.command);
        listener.pids = Some(pids.into_iter().collect());
    }
    Ok(())
}
