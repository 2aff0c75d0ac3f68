//! The sockets of the namespace as /proc/net/tcp and tcp6 show them: what the lab itself waits
//! for, by a parser that shares nothing with the one under test.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::{Family, State, Tally, until};

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) family: Family,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) state: State,
    /// Bytes sent and not acknowledged, or not sent.
    pub(crate) send_queue: u32,
    /// Bytes received and not read; for a listener, connections not accepted.
    pub(crate) recv_queue: u32,
    /// 0 none, 1 retransmit, 2 keepalive or FIN_WAIT2, 3 TIME_WAIT, 4 zero window probe.
    pub(crate) timer: u8,
    pub(crate) uid: u32,
    pub(crate) inode: u64,
}

/// All lines of both tables.
#[derive(Debug, Clone)]
pub(crate) struct Table(pub(crate) Vec<Row>);

impl Table {
    pub(crate) fn read() -> Self {
        let mut rows = Self::read_family(Family::Ipv4);
        rows.extend(Self::read_family(Family::Ipv6));
        Self(rows)
    }

    fn read_family(family: Family) -> Vec<Row> {
        let path = match family {
            Family::Ipv4 => "/proc/self/net/tcp",
            Family::Ipv6 => "/proc/self/net/tcp6",
        };
        let text = fs::read_to_string(path).expect(path);
        let lines = text.lines().skip(1);
        lines.map(|line| parse(family, line)).collect()
    }

    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for row in &self.0 {
            tally.add(row.state, row.family, 1);
        }
        tally
    }

    /// The socket with these two ends.
    pub(crate) fn find(&self, local: SocketAddr, remote: SocketAddr) -> Option<&Row> {
        self.0
            .iter()
            .find(|row| row.local == local && row.remote == remote)
    }

    /// Waits until the kernel shows the socket with these ends in `state`.
    pub(crate) fn wait_for(local: SocketAddr, remote: SocketAddr, state: State) -> Row {
        until(
            &format!("{local} → {remote} in {state:?}"),
            || match Self::read().find(local, remote) {
                Some(row) if row.state == state => Ok(row.clone()),
                other => Err(format!("{other:?}")),
            },
        )
    }
}

fn parse(family: Family, line: &str) -> Row {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, local, remote, state, queues, timer, _, uid, _, inode, ..] = *fields else {
        panic!("a short line in the kernel's table: {line:?}");
    };
    let pair = |field: &str| {
        let (left, right) = field.split_once(':').expect("two numbers with a colon");
        (left.to_owned(), right.to_owned())
    };
    let (send_queue, recv_queue) = pair(queues);
    let (timer, _) = pair(timer);
    Row {
        family,
        local: address(&pair(local)),
        remote: address(&pair(remote)),
        state: State::from_kernel(u8::from_str_radix(state, 16).expect(line)),
        send_queue: u32::from_str_radix(&send_queue, 16).expect(line),
        recv_queue: u32::from_str_radix(&recv_queue, 16).expect(line),
        timer: u8::from_str_radix(&timer, 16).expect(line),
        uid: uid.parse().expect(line),
        inode: inode.parse().expect(line),
    }
}

/// An address is printed as 32-bit words of network bytes read in the host's order.
fn address((words, port): &(String, String)) -> SocketAddr {
    let bytes: Vec<u8> = (0..words.len() / 8)
        .map(|word| words.get(word * 8..word * 8 + 8).expect("eight digits"))
        .flat_map(|word| u32::from_str_radix(word, 16).expect("hex").to_ne_bytes())
        .collect();
    let address = if let Ok(octets) = <[u8; 4]>::try_from(bytes.as_slice()) {
        IpAddr::V4(Ipv4Addr::from(octets))
    } else {
        let octets = <[u8; 16]>::try_from(bytes.as_slice()).expect("16 bytes");
        IpAddr::V6(Ipv6Addr::from(octets))
    };
    SocketAddr::new(address, u16::from_str_radix(port, 16).expect("a port"))
}
