//! What `struct tcp_info` (`include/uapi/linux/tcp.h`) says of a socket, as
//! far as tcpstate judges by it, and all of it as it is listed.

use self::InfoUnit as U;
use self::Layout as L;

/// Parts of `struct tcp_info`, under the kernel's names less the `tcpi_`.
///
/// The structure has grown with every few kernels: a field that the running
/// kernel is too old to have is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// `tcpi_rtt`: the smoothed round-trip time in µs; 0 before the first
    /// measurement.
    pub rtt: Option<u32>,
    /// `tcpi_total_retrans`: segments sent once more since the connection
    /// began.
    pub total_retrans: Option<u32>,
    /// `tcpi_last_data_sent`: ms since the last data segment was sent.
    pub last_data_sent: Option<u32>,
    /// `tcpi_last_data_recv`: ms since the last in-order payload, or since the
    /// connection began; a bare FIN doesn't set it.
    pub last_data_recv: Option<u32>,
    /// `tcpi_last_ack_recv`: ms since the last acceptable ACK; the segment with
    /// the FIN carries one.
    pub last_ack_recv: Option<u32>,
    /// `tcpi_bytes_sent`: payload bytes sent, retransmissions included (4.19).
    pub bytes_sent: Option<u64>,
    /// `tcpi_bytes_acked`: payload bytes that the peer has acknowledged (4.1).
    pub bytes_acked: Option<u64>,
    /// `tcpi_bytes_retrans`: payload bytes sent once more (4.19).
    pub bytes_retrans: Option<u64>,
}

/// `struct tcp_info` as the kernel sent it, of whatever length: empty where it
/// sent none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawTcpInfo(pub Vec<u8>);

/// A field of `struct tcp_info`.
#[derive(Debug, PartialEq, Eq)]
pub struct InfoField {
    /// The kernel's name, less the `tcpi_`.
    pub name: &'static str,
    /// What the number counts.
    pub unit: InfoUnit,
    /// What it says.
    pub meaning: &'static str,
    /// Where it begins, in bytes.
    offset: usize,
    layout: Layout,
}

/// What a number of `tcp_info` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InfoUnit {
    /// A number without a unit, or a code.
    Number,
    /// µs
    Microseconds,
    /// ms
    Milliseconds,
    /// Bytes.
    Bytes,
    /// Bytes in a second.
    BytesPerSecond,
    /// Segments.
    Segments,
}

/// How a number lies in the structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// These bits of a byte, counted from the first that C declares.
    Bits {
        first: u32,
        count: u32,
    },
    U8,
    U16,
    U32,
    U64,
    /// `U32` and `U64` in which all ones stand for "none".
    U32OrNone,
    U64OrNone,
    /// Bits of a `U32` since Linux 7.0; a `U16` elsewhere, or nothing, before.
    Moved {
        before_7: Option<usize>,
        first: u32,
        count: u32,
    },
}

impl InfoUnit {
    /// The unit as it is written behind a number; empty where there is none.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Number => "",
            Self::Microseconds => "µs",
            Self::Milliseconds => "ms",
            Self::Bytes => "B",
            Self::BytesPerSecond => "B/s",
            Self::Segments => "segments",
        }
    }
}

impl RawTcpInfo {
    /// The number in a field; `None` where the kernel didn't send it, or says
    /// that there is none. A few fields lie elsewhere in other kernels: these
    /// aren't known where the kernel isn't.
    #[must_use]
    pub fn get(&self, field: &InfoField, kernel: Option<(u32, u32)>) -> Option<u64> {
        let at = |offset: usize| self.0.get(offset..);
        let u16_at = |offset| Some(u16::from_ne_bytes(*at(offset)?.first_chunk()?));
        let u32_at = |offset| Some(u32::from_ne_bytes(*at(offset)?.first_chunk()?));
        let u64_at = |offset| Some(u64::from_ne_bytes(*at(offset)?.first_chunk()?));
        let offset = field.offset;
        let byte = || self.0.get(offset).copied();
        match field.layout {
            Layout::Bits { first, count } => bits(byte()?.into(), 8, first, count).map(u64::from),
            Layout::U8 => byte().map(u64::from),
            Layout::U16 => u16_at(offset).map(u64::from),
            Layout::U32 => u32_at(offset).map(u64::from),
            Layout::U64 => u64_at(offset),
            Layout::U32OrNone => u32_at(offset)
                .filter(|&value| value != u32::MAX)
                .map(u64::from),
            Layout::U64OrNone => u64_at(offset).filter(|&value| value != u64::MAX),
            Layout::Moved {
                before_7,
                first,
                count,
            } => match kernel?.0 {
                ..7 => u16_at(before_7?).map(u64::from),
                _ => bits(u32_at(offset)?, 32, first, count).map(u64::from),
            },
        }
    }
}

/// A bit field of C: the first that is declared has the lowest bits where the
/// lowest byte comes first, and else the highest.
fn bits(value: u32, size: u32, first: u32, count: u32) -> Option<u32> {
    let below = if cfg!(target_endian = "big") {
        size.checked_sub(first + count)?
    } else {
        first
    };
    let mask = 1_u32.checked_shl(count)?.wrapping_sub(1);
    Some(value.checked_shr(below)? & mask)
}

impl InfoField {
    /// Every field, in the order of the structure (include/uapi/linux/tcp.h).
    pub const ALL: &'static [Self] = FIELDS;

    /// The field with the kernel's name, less the `tcpi_`.
    #[must_use]
    pub fn called(name: &str) -> Option<&'static Self> {
        let name = name.strip_prefix("tcpi_").unwrap_or(name);
        Self::ALL.iter().find(|field| field.name == name)
    }

    const fn new(
        name: &'static str,
        offset: usize,
        layout: Layout,
        unit: InfoUnit,
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            unit,
            meaning,
            offset,
            layout,
        }
    }
}

/// Bits of the field `options`, by their names.
pub const INFO_OPTIONS: [(u64, &str); 8] = [
    (1, "timestamps"),
    (2, "sack"),
    (4, "wscale"),
    (8, "ecn"),
    (16, "ecn_seen"),
    (32, "syn_data"),
    (64, "usec_ts"),
    (128, "tfo_child"),
];

/// States of congestion control, by the number in the field `ca_state`.
pub const CA_STATES: [&str; 5] = ["open", "disorder", "cwr", "recovery", "loss"];

/// See [`InfoField::ALL`].
#[rustfmt::skip]
const FIELDS: &[InfoField] = &[
    InfoField::new("state", 0, L::U8, U::Number, "The kernel's number of the state."),
    InfoField::new("ca_state", 1, L::U8, U::Number, "Congestion control: 0 open, 1 disorder, 2 cwr (reduced), 3 recovery, 4 loss."),
    InfoField::new("retransmits", 2, L::U8, U::Number, "Timeouts in a row without an answer."),
    InfoField::new("probes", 3, L::U8, U::Number, "Window or keepalive probes that have no answer yet."),
    InfoField::new("backoff", 4, L::U8, U::Number, "How often the timeout was doubled."),
    InfoField::new("options", 5, L::U8, U::Number, "Bits: 1 timestamps, 2 sack, 4 wscale, 8 ecn, 16 ecn_seen, 32 syn_data, 64 usec_ts, 128 tfo_child."),
    InfoField::new("snd_wscale", 6, L::Bits { first: 0, count: 4 }, U::Number, "Window scaling of the peer."),
    InfoField::new("rcv_wscale", 6, L::Bits { first: 4, count: 4 }, U::Number, "Window scaling of ours."),
    InfoField::new("delivery_rate_app_limited", 7, L::Bits { first: 0, count: 1 }, U::Number, "1: delivery_rate was limited by the application."),
    InfoField::new("fastopen_client_fail", 7, L::Bits { first: 1, count: 2 }, U::Number, "Fast Open of the client: 0 not tried or done, 1 no cookie, 2 SYN data not acknowledged, 3 the same after a timeout."),
    InfoField::new("rto", 8, L::U32, U::Microseconds, "Retransmission timeout."),
    InfoField::new("ato", 12, L::U32, U::Microseconds, "Timeout of a delayed ACK."),
    InfoField::new("snd_mss", 16, L::U32, U::Bytes, "Segment size for sending."),
    InfoField::new("rcv_mss", 20, L::U32, U::Bytes, "Segment size of the peer, as it was seen."),
    InfoField::new("unacked", 24, L::U32, U::Segments, "Sent and not acknowledged. Of a listener: connections in the accept queue."),
    InfoField::new("sacked", 28, L::U32, U::Segments, "Acknowledged selectively. Of a listener: limit of the accept queue."),
    InfoField::new("lost", 32, L::U32, U::Segments, "Taken for lost."),
    InfoField::new("retrans", 36, L::U32, U::Segments, "Sent again and not acknowledged."),
    InfoField::new("fackets", 40, L::U32, U::Segments, "0 since Linux 4.15."),
    InfoField::new("last_data_sent", 44, L::U32, U::Milliseconds, "Since data was last sent."),
    InfoField::new("last_ack_sent", 48, L::U32, U::Milliseconds, "Always 0."),
    InfoField::new("last_data_recv", 52, L::U32, U::Milliseconds, "Since data last arrived."),
    InfoField::new("last_ack_recv", 56, L::U32, U::Milliseconds, "Since an ACK last arrived."),
    InfoField::new("pmtu", 60, L::U32, U::Bytes, "Path MTU."),
    InfoField::new("rcv_ssthresh", 64, L::U32, U::Bytes, "Most that the receive window may be now."),
    InfoField::new("rtt", 68, L::U32, U::Microseconds, "Smoothed round-trip time."),
    InfoField::new("rttvar", 72, L::U32, U::Microseconds, "Its deviation."),
    InfoField::new("snd_ssthresh", 76, L::U32, U::Segments, "Where slow start ends; 2147483647: not yet known."),
    InfoField::new("snd_cwnd", 80, L::U32, U::Segments, "Congestion window."),
    InfoField::new("advmss", 84, L::U32, U::Bytes, "Segment size that we told the peer."),
    InfoField::new("reordering", 88, L::U32, U::Segments, "Reordering that is expected."),
    InfoField::new("rcv_rtt", 92, L::U32, U::Microseconds, "Round-trip time as the receiver sees it."),
    InfoField::new("rcv_space", 96, L::U32, U::Bytes, "What the application reads in a round trip."),
    InfoField::new("total_retrans", 100, L::U32, U::Segments, "Sent again since the connection began."),
    InfoField::new("pacing_rate", 104, L::U64OrNone, U::BytesPerSecond, "Pacing. Null: not limited."),
    InfoField::new("max_pacing_rate", 112, L::U64OrNone, U::BytesPerSecond, "Limit of pacing (SO_MAX_PACING_RATE). Null: none."),
    InfoField::new("bytes_acked", 120, L::U64, U::Bytes, "Payload that the peer has acknowledged."),
    InfoField::new("bytes_received", 128, L::U64, U::Bytes, "Payload that we have acknowledged."),
    InfoField::new("segs_out", 136, L::U32, U::Segments, "Sent, ACKs included."),
    InfoField::new("segs_in", 140, L::U32, U::Segments, "Received, ACKs included."),
    InfoField::new("notsent_bytes", 144, L::U32, U::Bytes, "In the send queue and not sent yet."),
    InfoField::new("min_rtt", 148, L::U32OrNone, U::Microseconds, "Least round-trip time. Null: not measured."),
    InfoField::new("data_segs_in", 152, L::U32, U::Segments, "Received with payload."),
    InfoField::new("data_segs_out", 156, L::U32, U::Segments, "Sent with payload."),
    InfoField::new("delivery_rate", 160, L::U64, U::BytesPerSecond, "Rate at which data was delivered last."),
    InfoField::new("busy_time", 168, L::U64, U::Microseconds, "Time with data to send."),
    InfoField::new("rwnd_limited", 176, L::U64, U::Microseconds, "Of that, limited by the peer's window."),
    InfoField::new("sndbuf_limited", 184, L::U64, U::Microseconds, "Of that, limited by our send buffer."),
    InfoField::new("delivered", 192, L::U32, U::Segments, "Delivered, SYN included."),
    InfoField::new("delivered_ce", 196, L::U32, U::Segments, "Of these, with a congestion mark."),
    InfoField::new("bytes_sent", 200, L::U64, U::Bytes, "Payload sent, what was sent again included."),
    InfoField::new("bytes_retrans", 208, L::U64, U::Bytes, "Payload sent again."),
    InfoField::new("dsack_dups", 216, L::U32, U::Segments, "Sent again for nothing, as the peer says."),
    InfoField::new("reord_seen", 220, L::U32, U::Number, "Reorderings that were seen."),
    InfoField::new("rcv_ooopack", 224, L::U32, U::Segments, "Received out of order."),
    InfoField::new("snd_wnd", 228, L::U32, U::Bytes, "Window of the peer."),
    InfoField::new("rcv_wnd", 232, L::U32, U::Bytes, "Window of ours."),
    InfoField::new("rehash", 236, L::U32, U::Number, "How often another path was tried."),
    InfoField::new("total_rto", 240, L::U16, U::Number, "Timeouts."),
    InfoField::new("total_rto_recoveries", 242, L::U16, U::Number, "Recoveries from timeouts, those that go on included."),
    InfoField::new("total_rto_time", 244, L::U32, U::Milliseconds, "Time spent in these recoveries."),
    InfoField::new("received_ce", 248, L::U32, U::Segments, "Received with a congestion mark."),
    InfoField::new("delivered_e1_bytes", 252, L::U32, U::Bytes, "Delivered with ECT(1), as the peer says."),
    InfoField::new("delivered_e0_bytes", 256, L::U32, U::Bytes, "Delivered with ECT(0), as the peer says."),
    InfoField::new("delivered_ce_bytes", 260, L::U32, U::Bytes, "Delivered with a congestion mark, as the peer says."),
    InfoField::new("received_e1_bytes", 264, L::U32, U::Bytes, "Received with ECT(1)."),
    InfoField::new("received_e0_bytes", 268, L::U32, U::Bytes, "Received with ECT(0)."),
    InfoField::new("received_ce_bytes", 272, L::U32, U::Bytes, "Received with a congestion mark."),
    InfoField::new("ecn_mode", 276, L::Moved { before_7: None, first: 0, count: 2 }, U::Number, "ECN that is used: 0 none, 1 RFC 3168, 2 accurate. Linux 7.0."),
    InfoField::new("accecn_opt_seen", 276, L::Moved { before_7: Some(278), first: 2, count: 2 }, U::Number, "What was seen of the option of accurate ECN."),
    InfoField::new("accecn_fail_mode", 276, L::Moved { before_7: Some(276), first: 4, count: 4 }, U::Number, "Why accurate ECN isn't used, as bits."),
    InfoField::new("options2", 276, L::Moved { before_7: None, first: 8, count: 24 }, U::Number, "More bits like those of options. Linux 7.0."),
];

/// `INET_DIAG_SKMEMINFO`: memory of a socket, as many numbers of it as the
/// kernel sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SocketMemory(pub [Option<u32>; SocketMemory::FIELDS.len()]);

impl SocketMemory {
    /// The kernel's name of each number in its order, that of ss, and what it
    /// says. They are bytes, but for the last.
    pub const FIELDS: [(&'static str, &'static str, &'static str); 9] = [
        ("rmem_alloc", "r", "Bytes of the receive queue."),
        ("rcvbuf", "rb", "Bytes that the receive queue may have."),
        ("wmem_alloc", "t", "Bytes given to the device."),
        ("sndbuf", "tb", "Bytes that the send queue may have."),
        ("fwd_alloc", "f", "Bytes reserved and not used."),
        ("wmem_queued", "w", "Bytes of the send queue."),
        ("optmem", "o", "Bytes of options."),
        (
            "backlog",
            "bl",
            "Bytes that came while the socket was in use.",
        ),
        ("drops", "d", "Segments discarded."),
    ];
}

/// What a socket can tell beyond its row, where it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SocketDetails {
    /// `INET_DIAG_INFO`: none of minisockets and bound-only sockets.
    pub info: RawTcpInfo,
    /// `INET_DIAG_SKMEMINFO`; `None` for minisockets.
    pub memory: Option<SocketMemory>,
    /// `INET_DIAG_CONG`: the name of the congestion control; empty where there
    /// is none.
    pub congestion: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_any_length_of_tcp_info_are_read_under_their_names() {
        let bytes: Vec<u8> = (0..=255).cycle().take(280).collect();
        let value = |length: usize, name: &str| {
            let info = RawTcpInfo(bytes[..length].into());
            info.get(InfoField::called(name).unwrap(), Some((6, 18)))
        };
        let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(value(104, "tcpi_rtt"), Some(word(68).into()));
        assert_eq!(value(104, "ca_state"), Some(1));
        assert_eq!(value(103, "total_retrans"), None);
        assert_eq!(value(104, "pacing_rate"), None);
        assert_eq!(
            value(280, "total_rto"),
            Some(u16::from_ne_bytes([240, 241]).into())
        );
        assert_eq!(value(0, "state"), None);
        let names: std::collections::BTreeSet<_> = InfoField::ALL.iter().map(|f| f.name).collect();
        assert_eq!(names.len(), InfoField::ALL.len());
    }

    #[test]
    fn all_ones_are_no_time_and_no_rate() {
        let info = RawTcpInfo(vec![0xff; 280]);
        let value = |name| info.get(InfoField::called(name).unwrap(), None);
        assert_eq!((value("min_rtt"), value("max_pacing_rate")), (None, None));
        assert_eq!(value("rtt"), Some(u32::MAX.into()));
        assert_eq!(value("snd_wscale"), Some(15));
        assert_eq!(value("delivery_rate_app_limited"), Some(1));
    }

    /// Linux 7.0 put other fields in the place of these, in a structure of the
    /// same length.
    #[test]
    fn what_moved_is_known_where_the_kernel_is() {
        let mut bytes = vec![0; 280];
        bytes[276] = 0b0101_1001;
        bytes[278] = 3;
        let info = RawTcpInfo(bytes);
        let value = |name, kernel| info.get(InfoField::called(name).unwrap(), kernel);
        assert_eq!(value("accecn_fail_mode", Some((6, 18))), Some(0b0101_1001));
        assert_eq!(value("accecn_opt_seen", Some((6, 18))), Some(3));
        assert_eq!(value("ecn_mode", Some((6, 18))), None);
        assert_eq!(value("ecn_mode", Some((7, 0))), Some(1));
        assert_eq!(value("accecn_opt_seen", Some((7, 0))), Some(2));
        assert_eq!(value("accecn_fail_mode", Some((7, 0))), Some(5));
        assert_eq!(value("accecn_fail_mode", None), None);
    }
}
