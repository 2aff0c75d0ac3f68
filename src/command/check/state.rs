//! What a check keeps for the next one.

use std::collections::HashMap;
use std::time::Duration;

use super::arguments::{patience, scope, state_path};
use crate::classify::close_wait::{Earlier, Interval};
use crate::classify::thresholds::Thresholds;
use crate::cli::{CheckArgs, CommonArgs};
use crate::collect::Namespace;
use crate::kernel::since_boot;
use crate::model::{
    CheckState, CheckStates, CounterSnapshot, Payload, Snapshot, SocketCookie, SourceKind,
};
use crate::state_file::StateFile;

/// No dump takes longer before the timeout of a check ends it; an upper bound
/// of an age may well be too high by so much.
const SLACK: Duration = Duration::from_secs(1);

/// The state file of a check, and what was in it.
pub(super) struct StateSession {
    file: Option<StateFile>,
    states: CheckStates,
    warning: Option<String>,
}

impl StateSession {
    /// Opens the state file that is asked for, or that a rate needs; before
    /// the first socket is looked at.
    pub(super) fn open(common: &CommonArgs, args: &CheckArgs, thresholds: &Thresholds) -> Self {
        let mut session = Self {
            file: None,
            states: CheckStates::default(),
            warning: None,
        };
        // A recording is of another time: it neither has a past here nor is it
        // one for the checks to come.
        if thresholds.rates && common.replay.is_none() {
            match state_path(args) {
                Ok(path) => {
                    let (opened, left) = StateFile::open(&path, patience(args));
                    (session.file, session.states) = (Some(opened), left);
                }
                Err(why) => session.warning = Some(why),
            }
        }
        session
    }

    /// What was left of a namespace, and what will be.
    pub(super) fn begin(
        &self,
        common: &CommonArgs,
        args: &CheckArgs,
        namespace: &Namespace,
    ) -> NamespaceState {
        let boot_id = namespace.boot_id().unwrap_or_default();
        let keeps = self.file.as_ref().is_some_and(StateFile::keeps) && !boot_id.is_empty();
        let now = CheckState {
            boot_id,
            netns: namespace.inode(),
            scope: scope(common, args, namespace),
            begun: since_boot(),
            ..CheckState::default()
        };
        let before = self
            .states
            .before(&now)
            .filter(|before| !before.is_ahead_of(&namespace.counters()))
            .cloned();
        NamespaceState {
            before,
            now,
            remembers: self.file.is_some(),
            keeps,
        }
    }

    /// Saves what this check leaves for the next; gives the one warning about
    /// all of it.
    pub(super) fn save(mut self, states: impl IntoIterator<Item = NamespaceState>) -> SaveOutcome {
        for state in states {
            self.states.put(state.now);
        }
        let saved = self.file.as_mut().map(|file| file.save(&self.states));
        if let Some(Err(error)) = saved {
            return SaveOutcome::Lost(format!(
                "{error}; the next check can't compare with this one"
            ));
        }
        let trouble = self.file.as_ref().and_then(StateFile::trouble);
        match trouble.map(str::to_owned).or(self.warning) {
            Some(warning) => SaveOutcome::Warned(warning),
            None => SaveOutcome::Fine,
        }
    }
}

/// What is known of a namespace from one check to the next.
pub(super) struct NamespaceState {
    /// What compares with now.
    before: Option<CheckState>,
    now: CheckState,
    /// Whether there is a file to keep what is seen in.
    pub(super) remembers: bool,
    /// Whether what is left will be found, and be known for this boot's.
    pub(super) keeps: bool,
}

impl NamespaceState {
    /// The ages of the CLOSE_WAIT sockets as the check before knew them.
    pub(super) fn earlier(&self) -> Option<Earlier> {
        let sightings = self.before.as_ref()?.close_wait.as_ref()?;
        let since = Interval {
            at_least: self.now.begun.saturating_sub(sightings.ended),
            at_most: self.now.begun.saturating_sub(sightings.begun) + SLACK,
        };
        Some(Earlier::kept(sightings, self.now.begun).ago(since))
    }

    /// Takes in what was seen.
    pub(super) fn take(
        &mut self,
        snapshot: &Snapshot,
        close_wait: &HashMap<SocketCookie, Payload>,
    ) {
        self.now.ended = since_boot();
        let collection = &snapshot.collection;
        if collection.complete && collection.source == SourceKind::Netlink {
            self.now.keep_close_wait(close_wait, self.before.as_ref());
        } else {
            self.now.keep_close_wait_of(self.before.as_ref());
        }
    }

    /// What was counted last, and how long ago.
    pub(super) fn last(&self) -> Option<(CounterSnapshot, Duration)> {
        let counted = self.before.as_ref()?.snapshots.last()?;
        Some((counted.clone(), self.now.begun.saturating_sub(counted.at)))
    }

    /// What was counted at least so long ago, and how long.
    pub(super) fn before(&self, at_least: Duration) -> Option<(CounterSnapshot, Duration)> {
        let (counted, age) = self
            .before
            .as_ref()?
            .counted_before(self.now.ended, at_least)?;
        Some((counted.clone(), age))
    }

    /// Takes in what was counted.
    pub(super) fn count(&mut self, snapshot: &Snapshot, values: Vec<(String, f64)>) {
        let counted = CounterSnapshot {
            at: self.now.ended,
            counters: snapshot.counters.clone(),
            drops: snapshot
                .pressure
                .listeners
                .as_ref()
                .map(|listeners| listeners.drops.clone())
                .unwrap_or_default(),
            values: values.into_iter().collect(),
        };
        self.now.keep_counters(counted, self.before.as_ref());
    }
}

/// Whether the state was saved.
pub(super) enum SaveOutcome {
    /// The next check has it, or none was asked for.
    Fine,
    /// Something is to be said, and it is known already to those who ask.
    Warned(String),
    /// It could not be written after all.
    Lost(String),
}
