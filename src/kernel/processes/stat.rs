//! /proc/PID/stat, what of it matters here, and the lines of /proc/PID/status.

use std::os::fd::AsFd;

use rustix::io::Errno;

use super::directory;

/// The kernel's own threads have this flag (`PF_KTHREAD`,
/// include/linux/sched.h), and no descriptors.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// What /proc/PID/stat says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    /// Field 22: when the process started, in clock ticks since boot.
    pub(super) start_time: u64,
    /// From field 9: whether it is a thread of the kernel.
    pub(super) is_kernel_thread: bool,
    /// From field 3: whether it has ended, but for threads that it may still
    /// have, and wasn't waited for.
    pub(super) is_zombie: bool,
}

/// Reads the line. Field 2 is the command in parentheses, and may hold
/// parentheses, spaces and newlines itself: the numbers begin after the last
/// `)`.
pub(super) fn parse(line: &[u8]) -> Option<Stat> {
    let end_of_command = line.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(line.get(end_of_command + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let flags: u64 = fields.nth(9 - 3 - 1)?.parse().ok()?;
    let start_time = fields.nth(22 - 9 - 1)?.parse().ok()?;
    Some(Stat {
        start_time,
        is_kernel_thread: flags & KERNEL_THREAD != 0,
        is_zombie: state == "Z",
    })
}

/// The stat of a process; what can't be understood is EINVAL.
pub(super) fn read(directory: impl AsFd, path: &str) -> Result<Stat, Errno> {
    let file = directory::open_file(directory, path)?;
    // Some 52 numbers of at most 20 digits, and a command of 15 bytes.
    let mut line = [0; 2048];
    let length = rustix::io::read(file, &mut line)?;
    let line = line.get(..length).unwrap_or_default();
    parse(line).ok_or(Errno::INVAL)
}

/// The words of the first line that begins with `start`. The kernel escapes
/// newlines in a process's name, so no name can make a line of its own.
pub(super) fn words_after<'l>(lines: &'l [u8], start: &[u8]) -> impl Iterator<Item = &'l str> {
    lines
        .split(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(start))
        .and_then(|rest| std::str::from_utf8(rest).ok())
        .unwrap_or_default()
        .split_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_real_line_is_understood() {
        let line = b"1193 (sshd) S 1 1193 1193 0 -1 4194560 1231 43 0 0 2 1 0 0 20 0 1 0 3210 15826944 \
            1999 18446744073709551615 1 1 0 0 0 0 0 4096 81925 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
        assert_eq!(
            parse(line),
            Some(Stat {
                start_time: 3210,
                is_kernel_thread: false,
                is_zombie: false,
            })
        );
        let thread = b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 0 0 0";
        assert!(parse(thread).unwrap().is_kernel_thread);
        let ended = b"7 (x Z) Z 1 7 7 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 2 0 9 0 0";
        assert!(parse(ended).unwrap().is_zombie);
    }

    #[test]
    fn what_is_cut_short_or_no_number_is_unknown() {
        for line in [
            &b""[..],
            b"1",
            b")",
            b"1 (x",
            b"1 (x) S 1 1 1 0 -1 4194560 1 2 3",
            b"1 (x) S 1 1 1 0 -1 none 0 0 0 0 0 0 0 0 20 0 1 0 7 0 0",
            b"1 (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99999999999999999999 0 0",
            b"1 (x) \xff",
        ] {
            assert_eq!(parse(line), None, "{line:?}");
        }
    }

    proptest! {
        /// Whatever a process calls itself: the kernel cuts it to 15 bytes and
        /// escapes nothing.
        #[test]
        fn no_command_hides_the_numbers(command in proptest::collection::vec(1_u8.., 0..16), start: u64) {
            let mut line = b"7 (".to_vec();
            line.extend(command);
            line.extend(format!(") R 1 1 1 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0 0\n").bytes());
            prop_assert_eq!(parse(&line).map(|stat| stat.start_time), Some(start));
        }

        #[test]
        fn no_bytes_harm(line: Vec<u8>) {
            let _ = parse(&line);
        }
    }
}
