//! A set of holders, alive as long as this value.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::holder::{Others, Task};
use crate::observe::{CLOSE_WAIT, ESTABLISHED, LISTEN, Observed, TIME_WAIT};
use crate::{ROLE, fds, namespace};

/// What a case needs to exist while it measures.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plan {
    /// Connections, both ends counted.
    Established { sockets: usize, kind: Connections },
    /// `CLOSE_WAIT` sockets and other descriptors.
    CloseWait {
        sockets: usize,
        others: usize,
        kind: Others,
    },
    /// `TIME_WAIT` sockets, spread evenly over destinations.
    TimeWait { sockets: usize, destinations: usize },
}

/// What the connections of a fixture are to the host.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Connections {
    /// The clients' ends have local ports that connect() gave out: half of all, as in a proxy.
    HalfOutgoing,
    /// No local port is one that connect() gives out: the range of these is moved away afterwards.
    Inbound,
    /// Inbound, while another namespace of the host, in the same hash table, holds so many sockets.
    Beside { elsewhere: usize },
}

/// The holders. They are killed and waited for when this is dropped: whoever only kills leaves
/// orphans that stay for minutes and disturb the next measurement.
#[derive(Debug)]
pub(crate) struct Fixture {
    holders: Vec<Child>,
    states: &'static [usize],
    born: Instant,
}

impl Fixture {
    /// Starts the holders and waits until the table has settled.
    pub(crate) fn make(plan: Plan) -> Result<Self> {
        let (tasks, states): (Vec<Task>, &'static [usize]) = match plan {
            Plan::Established { sockets, .. } => (established(sockets), &[ESTABLISHED]),
            Plan::CloseWait {
                sockets,
                others,
                kind,
            } => {
                let holders = (sockets + others).div_ceil(fds::each_process());
                let tasks =
                    split(sockets, holders)
                        .zip(split(others, holders))
                        .map(|(sockets, others)| Task::CloseWait {
                            sockets,
                            others,
                            kind,
                        });
                (tasks.collect(), &[CLOSE_WAIT])
            }
            Plan::TimeWait {
                sockets,
                destinations,
            } => {
                // A minute is all they live: make them on every core.
                let holders = thread::available_parallelism().map_or(1, usize::from);
                let each = sockets / destinations;
                let tasks = split(destinations, holders.min(destinations))
                    .map(|destinations| Task::TimeWait { destinations, each });
                (tasks.collect(), &[TIME_WAIT, LISTEN])
            }
        };
        let mut fixture = Self {
            holders: Vec::new(),
            states,
            born: Instant::now(),
        };
        let here = tasks.len();
        for (index, task) in tasks.into_iter().enumerate() {
            let program = Command::new(env::current_exe()?);
            fixture.holders.push(start(program, index, task)?);
        }
        if let Plan::Established {
            kind: Connections::Beside { elsewhere },
            ..
        } = plan
        {
            for (index, task) in established(elsewhere).into_iter().enumerate() {
                let mut program = Command::new("unshare");
                program.arg("--net").arg(env::current_exe()?);
                fixture.holders.push(start(program, here + index, task)?);
            }
        }
        for holder in &mut fixture.holders {
            wait_ready(holder)?;
        }
        if let Plan::Established {
            kind: Connections::Inbound | Connections::Beside { .. },
            ..
        } = plan
        {
            namespace::set_port_range(namespace::UNUSED_PORTS)?;
        }
        fixture.settle()?;
        Ok(fixture)
    }

    /// Time since the first socket was made.
    pub(crate) fn age(&self) -> Duration {
        self.born.elapsed()
    }

    /// Waits until nothing is left of the making: clients' `FIN_WAIT2` above all.
    fn settle(&self) -> Result<()> {
        let patience = Instant::now();
        loop {
            let observed = Observed::now()?;
            if observed.besides(self.states) == 0 {
                return Ok(());
            }
            if patience.elapsed() > Duration::from_secs(20) {
                bail!("the fixture doesn't settle: {observed}");
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        for holder in &mut self.holders {
            // It may have ended by itself.
            let _ = holder.kill();
        }
        for holder in &mut self.holders {
            let _ = holder.wait();
        }
    }
}

/// Connections with both ends counted, over as many processes as it takes.
fn established(sockets: usize) -> Vec<Task> {
    shares(sockets / 2, fds::each_process() / 2)
        .map(|pairs| Task::Established { pairs })
        .collect()
}

/// Starts a holder; it makes its sockets while the next ones start.
fn start(mut program: Command, index: usize, task: Task) -> Result<Child> {
    program
        .arg(format!("{ROLE}hold"))
        .arg(index.to_string())
        .args(task.words())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start a holder")
}

fn wait_ready(holder: &mut Child) -> Result<()> {
    let output = holder.stdout.take().context("a holder without output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    if line.trim() != "ready" {
        bail!("a holder gave up (its reason stands above)");
    }
    Ok(())
}

/// `total` in parts of at most `most`.
fn shares(total: usize, most: usize) -> impl Iterator<Item = usize> {
    split(total, total.div_ceil(most.max(1)).max(1))
}

/// `total` in `parts` parts that differ by one at most.
fn split(total: usize, parts: usize) -> impl Iterator<Item = usize> {
    (0..parts).map(move |part| total / parts + usize::from(part < total % parts))
}
