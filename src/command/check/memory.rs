//! The memory between two checks.

use std::collections::HashSet;
use std::env;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use crate::classify::check::{METRICS, Reading, Unit, Wishes};
use crate::classify::close_wait::{Earlier, Interval};
use crate::cli::{CheckArgs, CommonArgs};
use crate::kernel::{ProcRoot, read_boot_id, since_boot};
use crate::memory::{StateFile, default_state_file};
use crate::model::{Incomparable, Memory, Sample, SocketCookie, SourceKind};

/// No dump takes longer before the timeout of a check ends it; an upper bound
/// of an age may well be too high by so much.
const SLACK: Duration = Duration::from_secs(1);

/// The state file of a check, what was in it, and what will be.
pub(super) struct Recollection {
    file: Option<StateFile>,
    /// What compares with now.
    before: Option<Memory>,
    now: Memory,
    warning: Option<String>,
}

impl Recollection {
    /// Opens the state file that is asked for, or that a rate needs; before
    /// the first socket is looked at.
    pub(super) fn open(
        common: &CommonArgs,
        args: &CheckArgs,
        wishes: &Wishes,
        proc_root: &ProcRoot,
    ) -> Self {
        let (file, before, warning) = if wishes.rates {
            open(args)
        } else {
            (None, None, None)
        };
        let now = Memory {
            boot_id: read_boot_id(proc_root).unwrap_or_default(),
            netns: proc_root.netns_inode(),
            scope: scope(common, args),
            begun: since_boot(),
            ..Memory::default()
        };
        let mut recollection = Self {
            file,
            before: None,
            now,
            warning,
        };
        if let Some(before) = before {
            match before.compares(&recollection.now) {
                Ok(()) => recollection.before = Some(before),
                // Both are as it should be, now and then.
                Err(Incomparable::Rebooted | Incomparable::NoTime) => {}
                Err(why) => {
                    let told = format!("cannot compare with the check before: {why}");
                    recollection.warning.get_or_insert(told);
                }
            }
        }
        recollection
    }

    /// Whether there is a file to keep what is seen in.
    pub(super) const fn remembers(&self) -> bool {
        self.file.is_some()
    }

    /// Whether what is left will be found.
    pub(super) fn keeps(&self) -> bool {
        self.file.as_ref().is_some_and(StateFile::is_writable)
    }

    /// The ages of the CLOSE_WAIT sockets as the check before knew them.
    pub(super) fn earlier(&self) -> Option<Earlier> {
        let before = self.before.as_ref()?;
        let since = Interval {
            at_least: self.now.begun.saturating_sub(before.ended),
            at_most: self.now.begun.saturating_sub(before.begun) + SLACK,
        };
        Some(Earlier::kept(before.ages()?).ago(since))
    }

    /// Takes in what was seen.
    pub(super) fn take(&mut self, sample: &Sample, close_wait: &HashSet<SocketCookie>) {
        self.now.ended = since_boot();
        self.now.counters = sample.counters.clone();
        let collection = &sample.collection;
        if collection.complete && collection.source == SourceKind::Netlink {
            self.now.sight(close_wait, self.before.as_ref());
        }
    }

    /// The check before this one, and the time between the ends of both.
    pub(super) fn before(&self) -> Option<(&Memory, Duration)> {
        let before = self.before.as_ref()?;
        Some((before, self.now.ended.saturating_sub(before.ended)))
    }

    /// Leaves this check's memory to the next; gives the one warning about all
    /// of it.
    pub(super) fn leave(mut self, values: Vec<(String, f64)>) -> Option<String> {
        self.now.values = values.into_iter().collect();
        if let Some(file) = &mut self.file {
            file.save(&self.now);
        }
        let trouble = self.file.as_ref().and_then(StateFile::trouble);
        trouble.map(str::to_owned).or(self.warning)
    }
}

/// The counts whose growth the next check may be asked for.
pub(super) fn counts(reading: &Reading) -> Vec<(String, f64)> {
    METRICS
        .iter()
        .filter(|metric| metric.unit == Unit::Count)
        .filter_map(|metric| Some((metric.name.to_owned(), metric.read(reading).ok()?)))
        .collect()
}

type Opened = (Option<StateFile>, Option<Memory>, Option<String>);

fn open(args: &CheckArgs) -> Opened {
    let at = |path: &Path| {
        let (file, before) = StateFile::open(path);
        (Some(file), before, None)
    };
    let without = |warning: String| (None, None, Some(warning));
    if let Some(Some(path)) = &args.state {
        return at(path);
    }
    match default_state_file(|name| env::var_os(name)) {
        Ok(Some(path)) => at(&path),
        Ok(None) => without(
            "cannot tell where to remember what was seen: neither STATE_DIRECTORY nor HOME is \
             set; name a file with --state FILE"
                .to_owned(),
        ),
        Err(error) => without(format!("{error}; name a file with --state FILE")),
    }
}

/// The options that decide which sockets are counted.
fn scope(common: &CommonArgs, args: &CheckArgs) -> String {
    let mut scope = String::new();
    for (name, given) in [("ipv4", common.ipv4), ("ipv6", common.ipv6)] {
        if given {
            scope.push_str(name);
        }
    }
    // A String takes all that is written to it.
    for pid in &args.pid {
        let _ = write!(scope, " pid={pid}");
    }
    for unit in &args.unit {
        let _ = write!(scope, " unit={unit}");
    }
    for port in &args.listen_port {
        let _ = write!(scope, " port={port}");
    }
    for peer in &args.remote {
        let _ = write!(scope, " remote={peer:?}");
    }
    scope
}
