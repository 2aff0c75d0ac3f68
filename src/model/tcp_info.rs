//! What `struct tcp_info` (`include/uapi/linux/tcp.h`) says of a socket, as
//! far as tcpstate judges by it.

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
