//! The kernel's own socket counts.

/// What /proc/net/sockstat and sockstat6 say of TCP. `None`: not told.
///
/// `inuse` and `tw` are of the network namespace; `orphan`, `alloc` and `mem`
/// are of the whole host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sockstat {
    /// `TCP: inuse`: IPv4 sockets in the hash tables, LISTEN included;
    /// neither requests nor minisockets.
    pub inuse_ipv4: Option<u64>,
    /// `TCP6: inuse`: the same for IPv6 sockets. 0 where the file is missing
    /// because the kernel has no IPv6.
    pub inuse_ipv6: Option<u64>,
    /// `TCP: tw`: minisockets of both families, TIME_WAIT and FIN_WAIT2.
    pub tw: Option<u64>,
    /// `TCP: orphan`: sockets of the host that no process holds any more.
    pub orphan: Option<u64>,
    /// `TCP: alloc`: full sockets of the host, in a hash table or not.
    pub alloc: Option<u64>,
    /// `TCP: mem`: pages of memory in TCP buffers of the host.
    pub mem_pages: Option<u64>,
}

impl Sockstat {
    /// How many sockets of the namespace are in no hash table at most: those
    /// that are bound and no more, those that nobody used yet, and all of other
    /// namespaces.
    #[must_use]
    pub fn unhashed_at_most(&self) -> Option<u64> {
        let hashed = self.inuse_ipv4?.checked_add(self.inuse_ipv6?)?;
        Some(self.alloc?.saturating_sub(hashed))
    }
}
