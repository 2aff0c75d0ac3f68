//! Which TIME_WAIT sockets connect() takes over.

use std::net::IpAddr;

use crate::model::{Socket, SocketKind, Sysctl, Sysctls, TcpState, TimerKind};

/// `TCP_TIMEWAIT_LEN` (include/net/tcp.h), ms: fixed in every kernel.
pub(super) const TIME_WAIT_MS: u32 = 60_000;

/// The delay before Linux 6.14 made it a setting, ms.
const FIXED_DELAY_MS: u32 = 1_000;

/// `LOOPBACK_IFINDEX`
const LOOPBACK_INTERFACE: u32 = 1;

/// Whose TIME_WAIT sockets are taken over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reuse {
    /// Nobody's: `tcp_tw_reuse` is 0, or no timestamps are used, or nothing is
    /// known.
    #[default]
    Never,
    /// Those of connections over loopback.
    Loopback,
    /// Everybody's.
    Always,
}

/// The rule by which connect() takes TIME_WAIT sockets over
/// (net/ipv4/tcp_ipv4.c, `tcp_twsk_unique`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReusePolicy {
    /// Whose.
    pub reuse: Reuse,
    /// How old they must be, ms.
    pub delay_ms: u32,
}

impl ReusePolicy {
    /// The rule under these settings.
    ///
    /// What counts is whether the connection itself used timestamps, which
    /// nothing tells any more once it is in TIME_WAIT: the present setting
    /// stands for it.
    #[must_use]
    pub fn of(sysctls: &Sysctls) -> Self {
        let without_timestamps = sysctls.get(Sysctl::TcpTimestamps) == Some(0);
        let reuse = match sysctls.get(Sysctl::TcpTwReuse) {
            _ if without_timestamps => Reuse::Never,
            Some(1) => Reuse::Always,
            Some(2) => Reuse::Loopback,
            _ => Reuse::Never,
        };
        let delay_ms = sysctls
            .get(Sysctl::TcpTwReuseDelay)
            .map_or(FIXED_DELAY_MS, |ms| u32::try_from(ms).unwrap_or(u32::MAX));
        Self { reuse, delay_ms }
    }

    /// Whether it covers connections between two addresses.
    #[must_use]
    pub fn covers(self, local: IpAddr, remote: IpAddr) -> bool {
        match self.reuse {
            Reuse::Never => false,
            Reuse::Always => true,
            Reuse::Loopback => is_loopback(local, remote),
        }
    }

    /// Whether connect() would take this socket's port now. FIN_WAIT2 never
    /// gives its port, whatever stands behind it.
    #[must_use]
    pub fn allows(self, socket: &Socket) -> bool {
        if socket.state != TcpState::TimeWait || socket.kind != SocketKind::TimeWait {
            return false;
        }
        let covered = self.covers(socket.local.address, socket.remote.address)
            || (self.reuse == Reuse::Loopback && socket.interface == Some(LOOPBACK_INTERFACE));
        covered && age_ms(socket).is_some_and(|age| age > self.delay_ms)
    }
}

/// Whether a connection between two addresses is over loopback, as the kernel
/// sees it: by either address, not by the interface that packets take.
#[must_use]
pub fn is_loopback(local: IpAddr, remote: IpAddr) -> bool {
    local.to_canonical().is_loopback() || remote.to_canonical().is_loopback()
}

/// How long a TIME_WAIT socket has been one, ms: at least, because an answer
/// to a late segment starts the timer again. `None` without its timer.
#[must_use]
pub(super) fn age_ms(socket: &Socket) -> Option<u32> {
    socket
        .timer
        .filter(|timer| timer.kind == TimerKind::TimeWait)
        .map(|timer| TIME_WAIT_MS.saturating_sub(timer.expires_ms))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::socket;
    use super::*;

    fn policy(reuse: u64, timestamps: u64) -> ReusePolicy {
        ReusePolicy::of(&Sysctls::read(Sysctl::PRESSURE, |sysctl| match sysctl {
            Sysctl::TcpTwReuse => Some(reuse),
            Sysctl::TcpTimestamps => Some(timestamps),
            Sysctl::TcpTwReuseDelay => Some(1_000),
            _ => None,
        }))
    }

    /// What a kernel did (Linux 6.18): connects that succeeded on a range full
    /// of TIME_WAIT.
    #[test]
    fn the_settings_decide_as_in_the_kernel() {
        for (reuse, timestamps, remote, expected) in [
            (0, 1, "10.9.0.1", false),
            (1, 1, "10.9.0.1", true),
            (2, 1, "10.9.0.1", false),
            (0, 1, "127.0.0.1", false),
            (1, 1, "127.0.0.1", true),
            (2, 1, "127.0.0.1", true),
            (2, 1, "127.9.9.9", true),
            (2, 1, "::1", true),
            (2, 1, "::ffff:127.0.0.1", true),
            (1, 0, "10.9.0.1", false),
            (3, 1, "127.0.0.1", false),
        ] {
            let aged = socket("10.9.0.1:50000", &format!("{}:80", bracketed(remote)))
                .in_time_wait(58_000)
                .build();
            assert_eq!(
                policy(reuse, timestamps).allows(&aged),
                expected,
                "tcp_tw_reuse={reuse} tcp_timestamps={timestamps} to {remote}"
            );
        }
    }

    #[test]
    fn the_delay_must_have_passed() {
        for (expires, expected) in [(60_000, false), (59_000, false), (58_990, true), (0, true)] {
            let waiting = socket("10.9.0.1:50000", "10.9.0.2:80")
                .in_time_wait(expires)
                .build();
            assert_eq!(policy(1, 1).allows(&waiting), expected, "{expires}");
        }
    }

    /// Before Linux 6.14 nothing says what the delay is.
    #[test]
    fn a_kernel_without_the_setting_waits_a_second() {
        let old = ReusePolicy::of(&Sysctls::read(Sysctl::PRESSURE, |sysctl| match sysctl {
            Sysctl::TcpTwReuse | Sysctl::TcpTimestamps => Some(1),
            _ => None,
        }));
        for (expires, expected) in [(59_000, false), (58_999, true)] {
            let waiting = socket("10.9.0.1:50000", "10.9.0.2:80")
                .in_time_wait(expires)
                .build();
            assert_eq!(old.allows(&waiting), expected, "{expires}");
        }
    }

    #[test]
    fn fin_wait2_never_gives_its_port() {
        let mut minisocket = socket("127.0.0.1:50000", "127.0.0.1:80")
            .in_time_wait(0)
            .build();
        minisocket.state = TcpState::FinWait2;
        assert!(!policy(1, 1).allows(&minisocket));
    }

    fn bracketed(address: &str) -> String {
        if address.contains(':') {
            format!("[{address}]")
        } else {
            address.to_owned()
        }
    }
}
