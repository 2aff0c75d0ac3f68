//! The kernel's own socket counts.

/// So many sockets outside of every table are worth a search: a host at rest has
/// a handful.
pub const UNLISTED_MANY: u64 = 20;

/// What /proc/net/sockstat, sockstat6 and protocols say. `None`: not told.
///
/// `used`, `inuse`, `tw` and the counts of protocols are of the network
/// namespace; `orphan`, `alloc` and `mem` are of the whole host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sockstat {
    /// `sockets: used`: sockets of all protocols, whether they are in a table
    /// of their protocol or not.
    pub used: Option<u64>,
    /// The sum of the column `sockets` of /proc/net/protocols: those that are.
    pub in_protocol_tables: Option<u64>,
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
    /// How many sockets of the namespace are in no table of their protocol:
    /// bound and no more, not connected, or reset while a descriptor is held.
    /// An upper bound for TCP: sockets of other protocols that have no port yet
    /// are among them. 0 proves that there is none.
    #[must_use]
    pub fn unlisted_at_most(&self) -> Option<u64> {
        Some(self.used?.saturating_sub(self.in_protocol_tables?))
    }

    /// How many TCP sockets other namespaces of the host have at most: sockets of
    /// this one that are in no hash table are among them.
    #[must_use]
    pub fn in_other_namespaces_at_most(&self) -> Option<u64> {
        let hashed = self.inuse_ipv4?.checked_add(self.inuse_ipv6?)?;
        Some(self.alloc?.saturating_sub(hashed))
    }
}
