//! Whose sockets these are: the host's name, its kernel, the namespace.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::system::uname;

use crate::kernel::ProcRoot;
use crate::kernel::proc_root::read_small;
use crate::model::{Host, NetNs};

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
        inode,
        name: netns_name(Path::new(NAMED_NETNS), inode),
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
}
