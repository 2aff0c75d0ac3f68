//! The kernel settings that TCP runs under.

use serde::{Deserialize, Serialize};

/// Declares the settings once: meaning, variant, name.
macro_rules! sysctls {
    ($($(#[$meaning:meta])* $variant:ident $name:literal,)*) => {
        /// A setting of the kernel, by its sysctl name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Sysctl {
            $(#[doc = concat!("`", $name, "`: ")] $(#[$meaning])* $variant,)*
        }

        impl Sysctl {
            /// Every setting that tcpstate reads.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name as sysctl(8) takes it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

sysctls! {
    /// Whether connect() may take over the port of a TIME_WAIT socket. 0 no, 1
    /// yes, 2 (default since 4.19) on loopback only.
    TcpTwReuse "net.ipv4.tcp_tw_reuse",
    /// In ms: how old such a socket must be (Linux 6.14; before, 1 s).
    TcpTwReuseDelay "net.ipv4.tcp_tw_reuse_delay",
    /// Without them no TIME_WAIT is reused.
    TcpTimestamps "net.ipv4.tcp_timestamps",
    /// 0 never, 1 when a SYN queue overflows, 2 always.
    TcpSyncookies "net.ipv4.tcp_syncookies",
    /// In s: how long an orphan stays in FIN_WAIT2. It doesn't shorten
    /// TIME_WAIT.
    TcpFinTimeout "net.ipv4.tcp_fin_timeout",
    /// Where cookies are off, a listener takes SYNs of unknown peers up to
    /// three quarters of it. Its own backlog bounds its SYN queue in any case
    /// (`tcp_conn_request`).
    TcpMaxSynBacklog "net.ipv4.tcp_max_syn_backlog",
    /// The upper limit of every accept queue.
    Somaxconn "net.core.somaxconn",
    /// Bit 0 client, bit 1 server, more bits for variants.
    TcpFastopen "net.ipv4.tcp_fastopen",
    /// How many TIME_WAIT sockets the namespace may have.
    TcpMaxTwBuckets "net.ipv4.tcp_max_tw_buckets",
    /// Gone since 4.12; where it is 1 it breaks clients behind NAT.
    TcpTwRecycle "net.ipv4.tcp_tw_recycle",
    /// How often a SYN-ACK is sent again.
    TcpSynackRetries "net.ipv4.tcp_synack_retries",
    /// 1 answers with a reset where a full accept queue otherwise stays silent.
    TcpAbortOnOverflow "net.ipv4.tcp_abort_on_overflow",
    /// Sockets without a process that the host may have. Not to be seen in a
    /// child namespace.
    TcpMaxOrphans "net.ipv4.tcp_max_orphans",
    /// For how long data that nobody acknowledges is sent again before the
    /// connection is given up, as a number of times.
    TcpRetries2 "net.ipv4.tcp_retries2",
}

impl Sysctl {
    /// The settings that the summary judges by and shows, in that order.
    pub const SUMMARY: &'static [Self] = &[
        Self::TcpTwReuse,
        Self::TcpTwReuseDelay,
        Self::TcpTwRecycle,
        Self::TcpTimestamps,
        Self::TcpSyncookies,
        Self::TcpMaxSynBacklog,
        Self::Somaxconn,
        Self::TcpFinTimeout,
        Self::TcpFastopen,
        Self::TcpMaxTwBuckets,
    ];

    /// The settings that `pressure` judges by and shows, in that order.
    pub const PRESSURE: &'static [Self] = &[
        Self::TcpTwReuse,
        Self::TcpTwReuseDelay,
        Self::TcpTimestamps,
        Self::TcpSyncookies,
        Self::TcpMaxSynBacklog,
        Self::TcpSynackRetries,
        Self::Somaxconn,
        Self::TcpAbortOnOverflow,
        Self::TcpFinTimeout,
        Self::TcpFastopen,
        Self::TcpMaxTwBuckets,
        Self::TcpTwRecycle,
        Self::TcpMaxOrphans,
        Self::TcpRetries2,
    ];

    /// The name without its `net.ipv4.` or `net.core.`.
    #[must_use]
    pub fn short_name(self) -> &'static str {
        let name = self.name();
        name.rsplit_once('.').map_or(name, |(_, short)| short)
    }
}

/// The settings that were read. One that the kernel doesn't have, or that may
/// not be read, is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sysctls {
    values: Vec<(Sysctl, Option<u64>)>,
}

impl Sysctls {
    /// Asks `value` for each of the wanted settings.
    pub fn read(wanted: &[Sysctl], mut value: impl FnMut(Sysctl) -> Option<u64>) -> Self {
        Self {
            values: wanted
                .iter()
                .map(|&sysctl| (sysctl, value(sysctl)))
                .collect(),
        }
    }

    /// The value of one setting; `None` too when it wasn't wanted.
    #[must_use]
    pub fn get(&self, sysctl: Sysctl) -> Option<u64> {
        self.iter()
            .find_map(|(known, value)| (known == sysctl).then_some(value))
            .flatten()
    }

    /// Every setting that was wanted with its value.
    pub fn iter(&self) -> impl Iterator<Item = (Sysctl, Option<u64>)> {
        self.values.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_found_by_name_whatever_the_others_are() {
        let sysctls = Sysctls::read(Sysctl::SUMMARY, |sysctl| match sysctl {
            Sysctl::TcpSyncookies => Some(2),
            Sysctl::TcpTwRecycle => None,
            _ => Some(9),
        });
        assert_eq!(sysctls.get(Sysctl::TcpSyncookies), Some(2));
        assert_eq!(sysctls.get(Sysctl::TcpTwRecycle), None);
        assert_eq!(sysctls.get(Sysctl::Somaxconn), Some(9));
        assert_eq!(sysctls.get(Sysctl::TcpMaxOrphans), None, "not wanted");
        assert_eq!(Sysctl::Somaxconn.short_name(), "somaxconn");
    }
}
