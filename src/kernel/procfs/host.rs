//! Whose sockets these are, and since when: the host, its kernel, the namespace, the
//! boot.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::system::uname;
use rustix::time::{ClockId, clock_gettime};

use crate::kernel::ProcRoot;
use crate::kernel::proc_root::read_small;
use crate::model::{Host, NamedBy, NetNs, NetnsName};

/// Where iproute2 keeps named namespaces.
const NAMED_NETNS: &str = "/run/netns";

/// Reads what is known of the host.
#[must_use]
pub fn read_host(proc_root: &ProcRoot) -> Host {
    let mut buffer = Vec::with_capacity(128);
    let mut name = line(proc_root, "sys/kernel/hostname", &mut buffer);
    let mut release = line(proc_root, "sys/kernel/osrelease", &mut buffer);
    // A /proc mounted with subset=pid has neither; the kernel tells them also
    // where it runs.
    if proc_root.is_live() {
        let uname = uname();
        name = name.or_else(|| Some(uname.nodename().to_string_lossy().into_owned()));
        release = release.or_else(|| Some(uname.release().to_string_lossy().into_owned()));
    }
    let kernel = release.and_then(|release| kernel_version(&release));
    let netns = proc_root.netns_inode().map(|inode| NetNs {
        inode: Some(inode),
        name: netns_name(Path::new(NAMED_NETNS), inode).map(|name| NetnsName {
            named_by: NamedBy::IpNetns,
            name,
        }),
    });
    Host {
        name,
        netns,
        kernel,
    }
}

fn line(proc_root: &ProcRoot, file: &str, buffer: &mut Vec<u8>) -> Option<String> {
    let bytes = read_small(&proc_root.file(file), buffer)?;
    let text = String::from_utf8_lossy(bytes);
    let trimmed = text.trim_end_matches('\n');
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// `6.18.44-generic` is (6, 18).
fn kernel_version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?.parse().ok()?;
    Some((major, minor))
}

/// The name under which iproute2 knows a namespace. No such directory, or no
/// right to look, means that no name is known.
fn netns_name(directory: &Path, inode: u64) -> Option<String> {
    fs::read_dir(directory)
        .ok()?
        .filter_map(Result::ok)
        .find(|entry| {
            // The entry is a mount point: the inode is the namespace's only
            // when it is followed.
            fs::metadata(entry.path()).is_ok_and(|metadata| metadata.ino() == inode)
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
}

/// A random number of this boot (`/proc/sys/kernel/random/boot_id`); `None`
/// where it can't be read.
#[must_use]
pub fn read_boot_id(proc_root: &ProcRoot) -> Option<String> {
    let mut buffer = Vec::with_capacity(64);
    let bytes = read_small(&proc_root.file("sys/kernel/random/boot_id"), &mut buffer)?;
    let text = std::str::from_utf8(bytes).ok()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The time since boot, suspend included (`CLOCK_BOOTTIME`): a clock that
/// nobody sets, and that two processes read alike.
#[must_use]
pub fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_all_sorts_have_two_numbers() {
        for (release, version) in [
            ("6.18.44-fc-v669", Some((6, 18))),
            ("3.10.0-1160.el7.x86_64", Some((3, 10))),
            ("4.4-rc1", Some((4, 4))),
            ("4", None),
            ("linux", None),
            ("", None),
        ] {
            assert_eq!(kernel_version(release), version, "{release}");
        }
    }

    #[test]
    fn a_namespace_is_named_by_its_inode() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("blue"), "").unwrap();
        fs::write(directory.path().join("red"), "").unwrap();
        let red = fs::metadata(directory.path().join("red")).unwrap().ino();
        assert_eq!(netns_name(directory.path(), red).as_deref(), Some("red"));
        assert_eq!(netns_name(directory.path(), 1), None);
        assert_eq!(netns_name(&directory.path().join("none"), red), None);
    }

    #[test]
    fn the_boot_has_one_number_and_a_time_that_passes() {
        let proc_root = ProcRoot::new(Path::new("/proc"));
        let id = read_boot_id(&proc_root);
        assert!(id.is_some());
        assert_eq!(id, read_boot_id(&proc_root));
        let start = since_boot();
        assert!(start > Duration::ZERO);
        assert!(since_boot() >= start);
    }
}
