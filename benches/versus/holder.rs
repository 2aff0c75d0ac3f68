//! The processes that hold the sockets: this program again, several, for `RLIMIT_NOFILE` bounds one.
//!
//! A holder makes its sockets, says `ready`, and waits for the end of its standard input: so it
//! ends also when the benchmark is killed. All sockets are real ones: connect, accept, and close
//! by one side.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::net::{self, AddressFamily, SocketType};

use crate::{fds, netlink};

/// Below `ip_local_port_range`, so that a listener never takes a client's port.
const PORT: u16 = 9000;

/// What the descriptors that are no `CLOSE_WAIT` sockets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    /// Half /dev/null, half pipes.
    Files,
    /// UDP sockets that aren't bound. Unix sockets would do as well for ss, but lsof, which looks
    /// each of them up, takes 40 s for 220k: a race won by the choice of fixture.
    Sockets,
}

/// What one holder is to make.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    /// Connections with both ends in this process: twice as many sockets.
    Established { pairs: usize },
    /// Sockets whose client has closed, and other descriptors beside them.
    CloseWait {
        sockets: usize,
        others: usize,
        kind: Others,
    },
    /// Closed connections to several destinations, our end first.
    TimeWait { destinations: usize, each: usize },
}

impl Task {
    /// As arguments of the holder.
    pub(crate) fn words(self) -> Vec<String> {
        let (name, numbers) = match self {
            Self::Established { pairs } => ("established", vec![pairs]),
            Self::CloseWait {
                sockets,
                others,
                kind: Others::Files,
            } => ("close-wait-files", vec![sockets, others]),
            Self::CloseWait {
                sockets,
                others,
                kind: Others::Sockets,
            } => ("close-wait-sockets", vec![sockets, others]),
            Self::TimeWait { destinations, each } => ("time-wait", vec![destinations, each]),
        };
        let mut words = vec![name.to_owned()];
        words.extend(numbers.iter().map(ToString::to_string));
        words
    }

    fn parse(words: &[String]) -> Result<Self> {
        let (name, numbers) = words.split_first().context("a holder needs a task")?;
        let numbers: Vec<usize> = numbers
            .iter()
            .map(|word| word.parse().context("a number"))
            .collect::<Result<_>>()?;
        Ok(match (name.as_str(), numbers.as_slice()) {
            ("established", &[pairs]) => Self::Established { pairs },
            ("close-wait-files", &[sockets, others]) => Self::CloseWait {
                sockets,
                others,
                kind: Others::Files,
            },
            ("close-wait-sockets", &[sockets, others]) => Self::CloseWait {
                sockets,
                others,
                kind: Others::Sockets,
            },
            ("time-wait", &[destinations, each]) => Self::TimeWait { destinations, each },
            _ => bail!("unknown task {words:?}"),
        })
    }
}

/// The holder's life. Its first argument tells it apart from the others: each has addresses of
/// its own in 127/8, hence port numbers of its own.
pub(crate) fn hold(words: &[String]) -> Result<()> {
    let (index, task) = words.split_first().context("a holder needs a number")?;
    let index: u8 = index.parse().context("the holder's number")?;
    fds::raise_limit()?;
    // Where it has a namespace of its own; elsewhere lo is up already.
    netlink::loopback_up().context("cannot bring up lo")?;
    let mut held: Vec<OwnedFd> = Vec::new();
    match Task::parse(task)? {
        Task::Established { pairs } => {
            let listener = listen(Ipv4Addr::new(127, 1, index, 1))?;
            for _ in 0..pairs {
                let (client, server) = connect(&listener)?;
                held.extend([client.into(), server.into()]);
            }
            drop(listener);
        }
        Task::CloseWait {
            sockets,
            others,
            kind,
        } => {
            let listener = listen(Ipv4Addr::new(127, 1, index, 1))?;
            let mut left = sockets;
            while left > 0 {
                let batch = left.min(fds::SPARE / 2);
                held.extend(close_wait(&listener, batch)?);
                left -= batch;
            }
            drop(listener);
            while held.len() < sockets + others {
                held.extend(pair_of(kind, held.len())?);
            }
        }
        Task::TimeWait { destinations, each } => {
            for destination in 0..destinations {
                let host = u8::try_from(destination + 1).context("too many destinations")?;
                let listener = listen(Ipv4Addr::new(127, 2, index, host))?;
                for _ in 0..each {
                    let (client, server) = connect(&listener)?;
                    drop(client);
                    drop(server);
                }
                held.push(listener.into());
            }
        }
    }
    println!("ready");
    io::stdout()
        .flush()
        .context("nobody waits for this holder")?;
    // Until the benchmark closes its end, or is no more.
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn listen(address: Ipv4Addr) -> Result<TcpListener> {
    TcpListener::bind((address, PORT)).with_context(|| format!("cannot listen on {address}:{PORT}"))
}

/// One connection: (the client's end, the server's end).
fn connect(listener: &TcpListener) -> Result<(TcpStream, TcpStream)> {
    let client = TcpStream::connect(listener.local_addr()?).context("cannot connect")?;
    let (server, _) = listener.accept().context("cannot accept")?;
    Ok((client, server))
}

/// So many servers' ends whose clients have closed.
///
/// The clients first shut down and close when their FIN has been acknowledged. A client that is
/// still closing when that acknowledgement comes (it is delayed, and the machine is busy) stays a
/// full socket in `FIN_WAIT2`, whose end is a RST, which takes the server's end with it: about
/// one in 50,000.
fn close_wait(listener: &TcpListener, sockets: usize) -> Result<Vec<OwnedFd>> {
    let mut clients = Vec::with_capacity(sockets);
    let mut servers = Vec::with_capacity(sockets);
    for _ in 0..sockets {
        let (client, server) = connect(listener)?;
        client.shutdown(Shutdown::Write)?;
        clients.push(client);
        servers.push(server.into());
    }
    // A delayed acknowledgement comes after 40 ms.
    thread::sleep(Duration::from_millis(100));
    drop(clients);
    Ok(servers)
}

/// Two descriptors that have nothing to do with TCP.
fn pair_of(kind: Others, already: usize) -> Result<[OwnedFd; 2]> {
    Ok(match kind {
        Others::Sockets => {
            let unbound = || {
                net::socket(AddressFamily::INET, SocketType::DGRAM, None)
                    .context("cannot make a UDP socket")
            };
            [unbound()?, unbound()?]
        }
        Others::Files if (already / 2).is_multiple_of(2) => {
            let (reader, writer) = io::pipe().context("cannot make a pipe")?;
            [reader.into(), writer.into()]
        }
        Others::Files => [
            File::open("/dev/null")?.into(),
            File::open("/dev/null")?.into(),
        ],
    })
}
