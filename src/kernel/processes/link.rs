//! The names in /proc/PID/fd and what they point to.

use crate::kernel::proc_root::decimal;

/// The number that is a whole name; `None` for `.`, `..`, and whatever else is
/// no decimal number of 32 bits.
pub(in crate::kernel) fn number(name: &[u8]) -> Option<u32> {
    u32::try_from(decimal(name)?).ok()
}

/// The inode of `socket:[1234]`; `None` for what isn't a socket.
pub(super) fn socket_inode(link: &[u8]) -> Option<u64> {
    decimal(link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

/// Whether a descriptor is that of an io_uring.
pub(super) fn is_ring(link: &[u8]) -> bool {
    link == b"anon_inode:[io_uring]"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_sockets_have_a_socket_inode() {
        assert_eq!(socket_inode(b"socket:[7]"), Some(7));
        assert_eq!(
            socket_inode(b"socket:[18446744073709551615]"),
            Some(u64::MAX)
        );
        for other in [
            &b"socket:[18446744073709551616]"[..],
            b"socket:[]",
            b"socket:[7",
            b"socket:[+7]",
            b"socket:[7] (deleted)",
            b"/tmp/socket:[7]",
            b"pipe:[7]",
            b"anon_inode:[eventpoll]",
            b"",
        ] {
            assert_eq!(socket_inode(other), None, "{other:?}");
        }
    }

    #[test]
    fn only_numbers_are_numbers() {
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        for other in [&b"4294967296"[..], b".", b"..", b"", b"self", b"-1", b"1a"] {
            assert_eq!(number(other), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn every_inode_is_read_back(inode: u64) {
            prop_assert_eq!(socket_inode(format!("socket:[{inode}]").as_bytes()), Some(inode));
        }

        #[test]
        fn nothing_else_is_taken_for_one(link: Vec<u8>) {
            if let Some(inode) = socket_inode(&link) {
                let digits = &link[8..link.len() - 1];
                prop_assert!(digits.iter().all(u8::is_ascii_digit));
                prop_assert_eq!(std::str::from_utf8(digits).unwrap().parse::<u64>(), Ok(inode));
            }
        }
    }
}
