//! A /proc of another host, on which all is well.

use std::fs;
use std::path::PathBuf;

const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
                     uid  timeout inode\n   0: 0100007F:9C62 0100007F:CE33 01 00000000:00000000 \
                     00:00000000 00000000     0        0 4838 1 00000000be14b265 20 4 0 10 -1\n";

/// Every counter that tcpstate judges by, at 0.
const NETSTAT: &str = "TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed ListenOverflows \
                       ListenDrops TCPTimeWaitOverflow TCPReqQFullDoCookies TCPReqQFullDrop\n\
                       TcpExt: 0 0 0 0 0 0 0 0\n";

/// The directory that `--proc-root` is given.
pub(crate) struct StagedProc(tempfile::TempDir);

/// One connection, sensible settings.
pub(crate) fn healthy() -> StagedProc {
    let staged = StagedProc(tempfile::tempdir().expect("a directory"));
    for (name, text) in [
        ("net/tcp", TABLE),
        ("net/tcp6", "  sl  local_address\n"),
        ("net/netstat", NETSTAT),
        (
            "net/sockstat",
            "sockets: used 3\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 1\n",
        ),
        ("net/sockstat6", "TCP6: inuse 0\n"),
        ("sys/kernel/random/boot_id", "2c8c1837\n"),
        ("sys/kernel/hostname", "web-3\n"),
        ("sys/kernel/osrelease", "6.18.0\n"),
        ("sys/net/ipv4/tcp_max_tw_buckets", "131072\n"),
        ("sys/net/ipv4/tcp_max_syn_backlog", "2048\n"),
        ("sys/net/ipv4/tcp_syncookies", "1\n"),
        ("sys/net/ipv4/tcp_tw_reuse", "2\n"),
        ("sys/net/ipv4/tcp_timestamps", "1\n"),
        ("sys/net/ipv4/tcp_fin_timeout", "60\n"),
        ("sys/net/ipv4/tcp_max_orphans", "8192\n"),
        ("sys/net/ipv4/tcp_mem", "21000\t28000\t42000\n"),
        ("sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
        ("sys/net/ipv4/ip_local_reserved_ports", "\n"),
        ("sys/net/core/somaxconn", "4096\n"),
    ] {
        staged.write(name, text);
    }
    staged.resets(0);
    staged
}

impl StagedProc {
    pub(crate) fn path(&self) -> &str {
        self.0.path().to_str().expect("a path that is text")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }

    /// How many connections were reset since boot.
    pub(crate) fn resets(&self, count: u64) {
        self.write(
            "net/snmp",
            &format!(
                "Tcp: ActiveOpens PassiveOpens AttemptFails EstabResets OutRsts CurrEstab\n\
                 Tcp: 5 6 0 {count} 3 1\n"
            ),
        );
    }
}
