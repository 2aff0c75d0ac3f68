//! Whose socket it is, as the kernel says it.

/// Whether the number that the kernel gives as a socket's owner is one. Until
/// some kernel behind Linux 6.12 it is 0 for every socket that has no file, an
/// orphan's and a connection's that nobody has accepted too, whoever listens:
/// that means nobody, and not root.
pub(super) const fn is_owner(uid: u32, inode: u64) -> bool {
    uid != 0 || inode != 0
}
