//! What the kernel counted since the network namespace began.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ratio;

/// Declares the counters once: variant, protocol line, kernel name, meaning.
macro_rules! counters {
    ($($variant:ident $protocol:literal $name:literal $meaning:literal,)*) => {
        /// A counter of /proc/net/snmp (`Tcp`) or /proc/net/netstat (`TcpExt`).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Counter {
            $(#[doc = concat!("`", $protocol, ": ", $name, "`: ", $meaning, ".")] $variant,)*
        }

        impl Counter {
            /// Every counter that tcpstate reads.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// How many there are.
            const COUNT: usize = Self::ALL.len();

            /// The kernel's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it counts.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// The same as a sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[concat!("It counts ", $meaning, ".")],)* }
            }

            /// The line that it stands in.
            #[must_use]
            pub const fn protocol(self) -> &'static str {
                match self { $(Self::$variant => $protocol,)* }
            }
        }
    };
}

counters! {
    ActiveOpens "Tcp" "ActiveOpens" "connections that we began, successful or not",
    PassiveOpens "Tcp" "PassiveOpens" "handshakes that clients of our listeners finished",
    AttemptFails "Tcp" "AttemptFails" "connects of ours that failed, and handshakes of our listeners that the client reset, as port scans and half-open health checks do",
    EstabResets "Tcp" "EstabResets" "connections that went from ESTABLISHED or CLOSE_WAIT straight to CLOSE: reset by either side, or timed out",
    OutRsts "Tcp" "OutRsts" "segments that we sent with RST",
    CurrEstab "Tcp" "CurrEstab" "connections in ESTABLISHED or CLOSE_WAIT now",
    OutSegs "Tcp" "OutSegs" "segments sent, those sent again left out",
    RetransSegs "Tcp" "RetransSegs" "segments sent again: nobody acknowledged them in time",
    TcpSynRetrans "TcpExt" "TCPSynRetrans" "SYNs and SYN-ACKs sent again: handshakes without an answer",
    ListenOverflows "TcpExt" "ListenOverflows" "SYNs and final ACKs dropped because an accept queue was full",
    ListenDrops "TcpExt" "ListenDrops" "SYNs and final ACKs dropped by listeners, for whatever reason",
    TcpReqQFullDoCookies "TcpExt" "TCPReqQFullDoCookies" "SYNs answered with a cookie because a SYN queue was full",
    TcpReqQFullDrop "TcpExt" "TCPReqQFullDrop" "SYNs dropped because a SYN queue was full and cookies are off",
    SyncookiesSent "TcpExt" "SyncookiesSent" "SYN cookies sent",
    SyncookiesRecv "TcpExt" "SyncookiesRecv" "SYN cookies that came back: real clients",
    SyncookiesFailed "TcpExt" "SyncookiesFailed" "ACKs that claimed a cookie which we did not send",
    Tw "TcpExt" "TW" "sockets that entered TIME_WAIT",
    TwRecycled "TcpExt" "TWRecycled" "TIME_WAIT sockets taken over by connect()",
    TcpTimeWaitOverflow "TcpExt" "TCPTimeWaitOverflow" "connections closed without TIME_WAIT because tcp_max_tw_buckets was reached",
    TcpAbortOnData "TcpExt" "TCPAbortOnData" "resets by close() with SO_LINGER 0, and of connections whose peer sent data after our close()",
    TcpAbortOnClose "TcpExt" "TCPAbortOnClose" "resets sent by close() with unread data",
    TcpAbortOnTimeout "TcpExt" "TCPAbortOnTimeout" "connections given up after retransmissions or keepalives",
    TcpAbortOnMemory "TcpExt" "TCPAbortOnMemory" "connections killed for lack of memory or too many orphans",
    TcpAbortOnLinger "TcpExt" "TCPAbortOnLinger" "orphans in FIN_WAIT2 killed by TCP_LINGER2",
    TcpAbortFailed "TcpExt" "TCPAbortFailed" "resets that could not be sent",
    TcpFastOpenActive "TcpExt" "TCPFastOpenActive" "connections of ours whose SYN data was accepted",
    TcpFastOpenActiveFail "TcpExt" "TCPFastOpenActiveFail" "connections of ours whose SYN data was not accepted",
    TcpFastOpenPassive "TcpExt" "TCPFastOpenPassive" "connections accepted with data in the SYN",
    TcpFastOpenPassiveFail "TcpExt" "TCPFastOpenPassiveFail" "SYNs with data that we did not accept",
    TcpFastOpenListenOverflow "TcpExt" "TCPFastOpenListenOverflow" "SYNs with data that we did not accept because too many were pending",
    TcpFastOpenCookieReqd "TcpExt" "TCPFastOpenCookieReqd" "clients that asked for a Fast Open cookie, whether we give any or not",
    TcpFastOpenBlackhole "TcpExt" "TCPFastOpenBlackhole" "times that Fast Open was switched off because the path swallows it",
}

/// The counters that were read. One that the kernel doesn't have is `None`,
/// not 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, u64>", into = "BTreeMap<String, u64>")]
pub struct Counters {
    values: [Option<u64>; Counter::COUNT],
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            values: [None; Counter::COUNT],
        }
    }
}

impl Counters {
    /// Share of the segments sent that were sent again; `None` where a count
    /// isn't known, and where nothing was sent.
    #[must_use]
    pub fn share_sent_again(&self) -> Option<f64> {
        let again = self.get(Counter::RetransSegs)?;
        let first = self.get(Counter::OutSegs)?;
        ratio(again, first.saturating_add(again))
    }

    /// How much each rose since; `None` where one isn't known, or fell: then it
    /// was reset.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut rise = Self::default();
        for (counter, now) in self.iter() {
            let risen = now.zip(before.get(counter));
            if let Some(risen) = risen.and_then(|(now, before)| now.checked_sub(before)) {
                rise.set(counter, risen);
            }
        }
        rise
    }

    /// The value of one counter.
    #[must_use]
    pub fn get(&self, counter: Counter) -> Option<u64> {
        self.values.get(counter as usize).copied().flatten()
    }

    /// Takes a value.
    pub fn set(&mut self, counter: Counter, value: u64) {
        if let Some(slot) = self.values.get_mut(counter as usize) {
            *slot = Some(value);
        }
    }

    /// Every counter with its value.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, Option<u64>)> {
        Counter::ALL.iter().copied().zip(self.values)
    }
}

/// By the kernel's names; what isn't known is left out.
impl From<Counters> for BTreeMap<String, u64> {
    fn from(counters: Counters) -> Self {
        let known = counters.iter();
        known
            .filter_map(|(counter, value)| Some((counter.name().to_owned(), value?)))
            .collect()
    }
}

/// Names that aren't known are left out.
impl From<BTreeMap<String, u64>> for Counters {
    fn from(values: BTreeMap<String, u64>) -> Self {
        let mut counters = Self::default();
        for &counter in Counter::ALL {
            if let Some(&value) = values.get(counter.name()) {
                counters.set(counter, value);
            }
        }
        counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_again_is_a_share_of_all_that_is_sent() {
        let share = |first, again| {
            let mut counters = Counters::default();
            counters.set(Counter::OutSegs, first);
            counters.set(Counter::RetransSegs, again);
            counters.share_sent_again()
        };
        assert_eq!(share(30, 10), Some(0.25));
        assert_eq!(share(0, 0), None);
        assert_eq!(Counters::default().share_sent_again(), None);
    }

    #[test]
    fn what_rose_since_is_known_of_counters_that_did_not_fall() {
        let with = |first, again| {
            let mut counters = Counters::default();
            counters.set(Counter::OutSegs, first);
            counters.set(Counter::RetransSegs, again);
            counters
        };
        let rise = with(1_100, 7).since(&with(1_000, 5));
        assert_eq!(rise, with(100, 2));
        let reset = with(10, 7).since(&with(1_000, 5));
        assert_eq!(reset.get(Counter::OutSegs), None);
        assert_eq!(reset.share_sent_again(), None);
    }

    #[test]
    fn every_counter_keeps_its_own_value() {
        let mut counters = Counters::default();
        for (value, &counter) in (0..).zip(Counter::ALL) {
            assert_eq!(counters.get(counter), None);
            counters.set(counter, value);
        }
        for (value, &counter) in (0..).zip(Counter::ALL) {
            assert_eq!(counters.get(counter), Some(value), "{counter:?}");
        }
    }
}
