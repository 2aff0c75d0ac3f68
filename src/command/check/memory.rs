//! The memory between two checks.

use std::collections::HashMap;
use std::env;
use std::path::Path;
use std::time::Duration;

use crate::classify::check::{METRICS, Reading, Unit, Wishes};
use crate::cli::{CheckArgs, CommonArgs};
use crate::kernel::{ProcRoot, read_boot_id, since_boot};
use crate::memory::{StateFile, default_state_file};
use crate::model::{Incomparable, Memory, Sample, Sighting, Socket, TcpState};

/// The state file of a check, and what was in it.
#[derive(Default)]
pub(super) struct Recollection {
    file: Option<StateFile>,
    before: Option<Memory>,
    warning: Option<String>,
}

impl Recollection {
    /// Opens the state file that is asked for, or that a rate needs.
    pub(super) fn open(args: &CheckArgs, wishes: &Wishes) -> Self {
        if !wishes.rates {
            return Self::default();
        }
        let path = match &args.state {
            Some(Some(path)) => Ok(Some(path.clone())),
            Some(None) | None => default_state_file(|name| env::var_os(name)),
        };
        match path {
            Ok(Some(path)) => Self::at(&path),
            Ok(None) => Self::without(
                "cannot tell where to remember what was seen: neither STATE_DIRECTORY nor HOME \
                 is set; name a file with --state FILE"
                    .to_owned(),
            ),
            Err(error) => Self::without(format!("{error}; name a file with --state FILE")),
        }
    }

    fn at(path: &Path) -> Self {
        let (file, before) = StateFile::open(path);
        Self {
            file: Some(file),
            before,
            warning: None,
        }
    }

    fn without(warning: String) -> Self {
        Self {
            warning: Some(warning),
            ..Self::default()
        }
    }

    /// What the check before left, and how long ago that was, if it compares
    /// with `now`.
    pub(super) fn before(&mut self, now: &mut Memory) -> Option<(Memory, Duration)> {
        let before = self.before.take()?;
        match before.until(now) {
            Ok(elapsed) => {
                now.recall(&before);
                Some((before, elapsed))
            }
            // Both are as it should be, now and then.
            Err(Incomparable::Rebooted | Incomparable::NoTime) => None,
            Err(why) => {
                let told = format!("cannot compare with the check before: {why}");
                self.warning.get_or_insert(told);
                None
            }
        }
    }

    /// Leaves this check's memory to the next; the one warning about all of
    /// it.
    pub(super) fn leave(mut self, mut now: Memory, reading: &Reading) -> Option<String> {
        let counts = METRICS.iter().filter(|metric| metric.unit == Unit::Count);
        now.values = counts
            .filter_map(|metric| Some((metric.name.to_owned(), metric.read(reading).ok()?)))
            .collect();
        if let Some(file) = &mut self.file {
            file.save(&now);
        }
        let trouble = self.file.as_ref().and_then(StateFile::trouble);
        trouble.map(str::to_owned).or(self.warning)
    }
}

/// What this check will remember, less its counts.
pub(super) fn now(
    common: &CommonArgs,
    proc_root: &ProcRoot,
    sample: &Sample,
    sightings: Sightings,
) -> Memory {
    Memory {
        taken_at: sightings.at,
        boot_id: read_boot_id(proc_root).unwrap_or_default(),
        netns: sample.host.netns.as_ref().map(|netns| netns.inode),
        scope: scope(common),
        counters: sample.counters.clone(),
        values: std::collections::BTreeMap::new(),
        close_wait: sightings.seen,
    }
}

/// The options that decide which sockets are counted.
fn scope(common: &CommonArgs) -> String {
    match (common.ipv4, common.ipv6) {
        (true, _) => "ipv4".to_owned(),
        (_, true) => "ipv6".to_owned(),
        (false, false) => String::new(),
    }
}

/// The CLOSE_WAIT sockets of this check.
pub(super) struct Sightings {
    at: Duration,
    seen: HashMap<crate::model::SocketCookie, Sighting>,
}

impl Sightings {
    /// Before the first socket is looked at.
    pub(super) fn begin() -> Self {
        Self {
            at: since_boot(),
            seen: HashMap::new(),
        }
    }

    /// Takes note of a socket. Over /proc they have no cookies.
    pub(super) fn note(&mut self, socket: &Socket) {
        if socket.state == TcpState::CloseWait
            && let Some(cookie) = socket.cookie
        {
            let sighting = Sighting {
                seen: self.at,
                not_yet: None,
            };
            self.seen.insert(cookie, sighting);
        }
    }
}
