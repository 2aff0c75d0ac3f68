//! The least netlink that the harness needs, on its own: it must not lean on what it measures.

use std::io;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use netlink_sys::protocols::{NETLINK_ROUTE, NETLINK_SOCK_DIAG};
use netlink_sys::{Socket, SocketAddr};

/// The receive buffer; datagrams of a dump are at most about 32 KiB.
const BUFFER: usize = 64 * 1024;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
/// The legacy request, which answers for IPv4 and IPv6 in one walk: the cheapest full dump.
const TCPDIAG_GETSOCK: u16 = 18;
/// The attribute of a request that holds a filter, and two of its operations.
const INET_DIAG_REQ_BYTECODE: u16 = 1;
const SPORT_GE: u8 = 2;
const SPORT_LE: u8 = 3;
/// The extension that is `struct tcp_info`.
const INET_DIAG_INFO: u8 = 2;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;
/// Length of `struct nlmsghdr`, and of `NLMSG_DONE` with its error number.
const HEADER: usize = 16;
const DONE: usize = HEADER + 4;

/// All states that a full dump shows: bits 1 to 12 (13, bound only, walks another table).
pub(crate) const ALL_STATES: u32 = 0x1ffe;

/// What a dump is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk {
    /// A bit for each state.
    pub(crate) states: u32,
    /// Local ports, first and last: judged by the kernel, with bytecode as `ss` sends it.
    pub(crate) local_ports: Option<(u16, u16)>,
    /// With `struct tcp_info`.
    pub(crate) info: bool,
}

impl Walk {
    /// Everything in these states.
    pub(crate) const fn of(states: u32) -> Self {
        Self {
            states,
            local_ports: None,
            info: false,
        }
    }

    /// As arguments of this program.
    pub(crate) fn words(self) -> Vec<String> {
        let (low, high) = self.local_ports.unwrap_or_default();
        vec![
            self.states.to_string(),
            low.to_string(),
            high.to_string(),
            u8::from(self.info).to_string(),
        ]
    }

    fn parse(words: &[String]) -> Result<Self> {
        let numbers: Vec<u32> = words
            .iter()
            .map(|word| word.parse().context("a number"))
            .collect::<Result<_>>()?;
        let &[states, low, high, info] = numbers.as_slice() else {
            bail!("a walk is four numbers, not {words:?}");
        };
        Ok(Self {
            states,
            local_ports: match (low.try_into()?, high.try_into()?) {
                (0, 0) => None,
                range => Some(range),
            },
            info: info == 1,
        })
    }

    /// `INET_DIAG_REQ_BYTECODE` for the ports: pairs of operation and operand, each 4 bytes. `yes`
    /// is the distance to what comes next, `no` that to 4 behind the end, which means no match.
    fn bytecode(self) -> Vec<u8> {
        let Some((low, high)) = self.local_ports else {
            return Vec::new();
        };
        let mut code = Vec::new();
        for (operation, operand, left) in [(SPORT_GE, low, 16_u16), (SPORT_LE, high, 8)] {
            code.extend([operation, 8]);
            code.extend((left + 4).to_ne_bytes());
            code.extend([0, 0]);
            code.extend(operand.to_ne_bytes());
        }
        code
    }
}

/// The floor: dumps received and thrown away, nothing decoded; all at once, each on a thread.
pub(crate) fn floor(words: &[String]) -> Result<()> {
    let walks: Vec<Walk> = words.chunks(4).map(Walk::parse).collect::<Result<_>>()?;
    let (first, others) = walks.split_first().context("the floor needs a walk")?;
    thread::scope(|scope| {
        let others: Vec<_> = others
            .iter()
            .map(|&walk| scope.spawn(move || dump(walk, |_| Ok(()))))
            .collect();
        dump(*first, |_| Ok(()))?;
        others.into_iter().try_for_each(|other| {
            other
                .join()
                .map_err(|_| anyhow::anyhow!("a walk panicked"))?
        })
    })
}

/// Dumps the states in `mask`, calling `visit` with (state, timer) of each row.
pub(crate) fn each_row(mask: u32, mut visit: impl FnMut(u8, u8)) -> Result<()> {
    dump(Walk::of(mask), |mut messages| {
        while messages.len() > HEADER {
            let length = u32_at(messages, 0).context("a message without length")? as usize;
            let message = messages.get(..length).context("a message cut off")?;
            if u16_at(message, 4) == Some(TCPDIAG_GETSOCK) {
                let (state, timer) = message
                    .get(HEADER + 1)
                    .zip(message.get(HEADER + 2))
                    .context("a row cut off")?;
                visit(*state, *timer);
            }
            messages = messages
                .get(length.next_multiple_of(4)..)
                .unwrap_or_default();
        }
        Ok(())
    })
}

/// Sends the request and hands every datagram to `take`, into one buffer, until the dump is done.
fn dump(walk: Walk, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    // struct inet_diag_req: family, src_len, dst_len, ext; id (48 bytes); states; dbs.
    let mut body = vec![0_u8; 60];
    if let Some(states) = body.get_mut(52..56) {
        states.copy_from_slice(&walk.states.to_ne_bytes());
    }
    if let (true, Some(extensions)) = (walk.info, body.get_mut(3)) {
        *extensions = 1 << (INET_DIAG_INFO - 1);
    }
    let bytecode = walk.bytecode();
    if !bytecode.is_empty() {
        // struct nlattr: length with this header, type.
        body.extend(u16::try_from(4 + bytecode.len())?.to_ne_bytes());
        body.extend(INET_DIAG_REQ_BYTECODE.to_ne_bytes());
        body.extend(bytecode);
    }
    let socket = request(
        NETLINK_SOCK_DIAG,
        TCPDIAG_GETSOCK,
        NLM_F_REQUEST | NLM_F_DUMP,
        &body,
    )?;
    let mut buffer = Vec::with_capacity(BUFFER);
    loop {
        receive(&socket, &mut buffer)?;
        fail_on_error(&buffer)?;
        take(&buffer)?;
        // NLMSG_DONE comes alone or, on some kernels, behind the last rows.
        let last = buffer
            .len()
            .checked_sub(DONE)
            .and_then(|at| buffer.get(at..))
            .unwrap_or_default();
        let alone = u16_at(&buffer, 4) == Some(NLMSG_DONE);
        if alone || (u32_at(last, 0) == Some(20) && u16_at(last, 4) == Some(NLMSG_DONE)) {
            let errno = u32_at(if alone { &buffer } else { last }, HEADER).unwrap_or(0);
            ensure!(errno == 0, "the dump ended with {errno:#x}");
            return Ok(());
        }
    }
}

/// Sets lo up, as `ip link set lo up` does.
pub(crate) fn loopback_up() -> Result<()> {
    // struct ifinfomsg: family, pad, type, index, flags, change. lo is always 1; IFF_UP is 1.
    let mut body = vec![0_u8; 4];
    for field in [1_u32, 1, 1] {
        body.extend(field.to_ne_bytes());
    }
    let socket = request(NETLINK_ROUTE, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, &body)?;
    let mut buffer = Vec::with_capacity(BUFFER);
    receive(&socket, &mut buffer)?;
    fail_on_error(&buffer)
}

/// A socket of `protocol` to which one message has been sent.
fn request(protocol: isize, kind: u16, flags: u16, body: &[u8]) -> Result<Socket> {
    let mut message = Vec::with_capacity(HEADER + body.len());
    message.extend(u32::try_from(HEADER + body.len())?.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend([0; 8]); // Sequence number and port: one request, one socket.
    message.extend(body);
    let socket = Socket::new(protocol).context("cannot open a netlink socket")?;
    socket
        .send_to(&message, &SocketAddr::new(0, 0), 0)
        .context("cannot send the request")?;
    Ok(socket)
}

/// One datagram, from the start of the buffer.
fn receive(socket: &Socket, buffer: &mut Vec<u8>) -> Result<()> {
    loop {
        buffer.clear();
        match socket.recv(buffer, 0) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("cannot receive the answer"),
        }
    }
}

/// `NLMSG_ERROR` with an error number, which is negative; 0 acknowledges.
fn fail_on_error(datagram: &[u8]) -> Result<()> {
    if u16_at(datagram, 4) == Some(NLMSG_ERROR) {
        let number = u32_at(datagram, HEADER).unwrap_or(0).cast_signed();
        if number != 0 {
            bail!(io::Error::from_raw_os_error(number.saturating_neg()));
        }
    }
    Ok(())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..at + 2)?;
    Some(u16::from_ne_bytes(field.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(field.try_into().ok()?))
}
