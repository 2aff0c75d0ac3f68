//! Network namespaces that an open descriptor keeps.

use rustix::fs::{RawDir, readlinkat};

use super::add;
use crate::kernel::proc_root::netns_of_link;
use crate::kernel::processes::directory::{listed, other_threads};
use crate::kernel::processes::{DIRECTORY_BUFFER, directory};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{Entrance, NamespaceList};
use std::os::fd::{AsFd, BorrowedFd};

/// Adds the namespaces that only a descriptor of a process leads to. It costs a
/// readlink for each descriptor of the host.
///
/// # Errors
///
/// When the root of /proc can't be listed.
pub fn find_descriptors(
    proc_root: &ProcRoot,
    found: &mut NamespaceList,
) -> Result<(), KernelError> {
    let root = directory::open_root(proc_root)?;
    let pids = directory::open(&root, ".").and_then(listed);
    let pids = pids.map_err(|errno| proc_root.error(proc_root.path().to_owned(), errno.into()))?;
    let mut buffer = Vec::with_capacity(DIRECTORY_BUFFER);
    for pid in pids {
        if look_into(root.as_fd(), pid, &format!("{pid}/fd"), &mut buffer, found) > 0 {
            continue;
        }
        // A process whose first thread has ended shows none.
        for thread in other_threads(root.as_fd(), pid).unwrap_or_default() {
            let path = format!("{pid}/task/{thread}/fd");
            if look_into(root.as_fd(), pid, &path, &mut buffer, found) > 0 {
                break;
            }
        }
    }
    Ok(())
}

/// Reads the descriptors of a process; how many there were.
fn look_into(
    root: BorrowedFd<'_>,
    pid: u32,
    path: &str,
    buffer: &mut Vec<u8>,
    found: &mut NamespaceList,
) -> usize {
    let Ok(directory) = directory::open(root, path) else {
        return 0;
    };
    let mut count = 0;
    let mut numbers = Vec::new();
    let mut entries = RawDir::new(&directory, buffer.spare_capacity_mut());
    while let Some(Ok(entry)) = entries.next() {
        numbers.extend(directory::number(entry.file_name().to_bytes()));
    }
    for fd in numbers {
        count += 1;
        let target = readlinkat(&directory, fd.to_string(), []);
        let inode = target
            .ok()
            .and_then(|target| netns_of_link(target.to_bytes()));
        if let Some(inode) = inode {
            add(found, inode, Entrance::Descriptor { pid, fd });
        }
    }
    count
}
