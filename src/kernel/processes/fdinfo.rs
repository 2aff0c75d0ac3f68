//! /proc/PID/fdinfo/FD: what a descriptor holds besides itself.

use super::link;

/// The inodes of the sockets among the registered files of an io_uring: the
/// lines `N: socket:[INODE]` behind `UserFiles:`. A path can't look like one: it
/// begins with a slash, and the kernel escapes the newlines in it.
pub(super) fn registered_sockets(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes
        .split(|&byte| byte == b'\n')
        .skip_while(|line| !line.starts_with(b"UserFiles:"))
        .skip(1)
        .take_while(|line| line.starts_with(b" "))
        .filter_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            link::socket_inode(line.get(colon + 1..)?.trim_ascii())
        })
}

/// How many descriptors wait in a UNIX socket to be received (`scm_fds: N`).
pub(super) fn in_flight(bytes: &[u8]) -> Option<u64> {
    super::stat::words_after(bytes, b"scm_fds:")
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As Linux 6.18 prints it.
    const RING: &[u8] = b"pos:\t0\nflags:\t02000002\nmnt_id:\t16\nino:\t2073\nSqMask:\t0x7\n\
        SqThread:\t-1\nSqThreadCpu:\t-1\nSqTotalTime:\t0\nSqWorkTime:\t0\nUserFiles:\t4\n\
        \x20   0: socket:[526468]\n    1: /tmp/x\\040socket:[7]\n    2: socket:[526472]\n\
        \x20   3: /socket:[8]\nUserBufs:\t0\nPollList:\n  op=1, task_works=0\n    4: socket:[9]\n";

    #[test]
    fn registered_sockets_are_those_behind_their_heading() {
        let inodes: Vec<u64> = registered_sockets(RING).collect();
        assert_eq!(inodes, [526_468, 526_472]);
        assert_eq!(registered_sockets(b"    0: socket:[1]\n").count(), 0);
        assert_eq!(in_flight(RING), None);
    }

    #[test]
    fn descriptors_in_flight_are_counted() {
        assert_eq!(in_flight(b"pos:\t0\nino:\t5\nscm_fds: 12\n"), Some(12));
        assert_eq!(in_flight(b"scm_fds: x\n"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_harm(bytes: Vec<u8>) {
            let _ = registered_sockets(&bytes).count();
            let _ = in_flight(&bytes);
        }
    }
}
