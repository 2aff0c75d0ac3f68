//! The file in which a check leaves its memory to the next one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::atomic::{Replacement, io_error};
use crate::model::{Counter, Counters, Memory, Sighting, SocketCookie};

/// Every version begins so; a file that doesn't isn't ours to overwrite.
const OURS: &str = r#"{"schema":"tcpstate.state/"#;
/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;
/// A million sockets in CLOSE_WAIT take less.
const LARGEST: u64 = 64 << 20;
/// Waiting longer for another check would make this one late.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    schema: String,
    boot_id: String,
    netns: Option<u64>,
    scope: String,
    begun_ms: u64,
    ended_ms: u64,
    counters: BTreeMap<String, u64>,
    values: BTreeMap<String, f64>,
    /// Cookie, when it was seen, when it wasn't yet there.
    close_wait: Option<Vec<(u64, u64, Option<u64>)>>,
}

/// An open state file: nobody else writes it until it is saved or dropped.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    replacement: Option<Replacement>,
    trouble: Option<String>,
}

impl StateFile {
    /// Opens a state file and reads what the check before has left, if there
    /// was one. Whatever is wrong with it, the check goes on:
    /// [`Self::trouble`] says what.
    #[must_use]
    pub fn open(path: &Path) -> (Self, Option<Memory>) {
        let mut state = Self {
            path: path.to_owned(),
            replacement: None,
            trouble: None,
        };
        match Replacement::begin(path, 0o600, PATIENCE) {
            Ok(replacement) => state.replacement = Some(replacement),
            Err(error) => state.trouble = Some(format!("{error}; this check leaves no memory")),
        }
        let memory = match read(path) {
            Ok(memory) => memory,
            Err(trouble) => {
                if !trouble.may_replace() {
                    state.replacement = None;
                }
                let told = format!("cannot use {}: {trouble}", path.display());
                state.trouble.get_or_insert(told);
                None
            }
        };
        (state, memory)
    }

    /// Leaves a memory to the next check. A file that isn't ours stays as it
    /// is.
    pub fn save(&mut self, memory: &Memory) {
        let Some(replacement) = self.replacement.take() else {
            return;
        };
        let saved = serde_json::to_vec(&Document::from(memory))
            .map_err(|source| io_error("write", &self.path, source.into()))
            .and_then(|bytes| replacement.write(&bytes));
        if let Err(error) = saved {
            let told = format!("{error}; the next check won't know what this one saw");
            self.trouble.get_or_insert(told);
        }
    }

    /// Whether a memory can be left, as far as is known before.
    #[must_use]
    pub const fn is_writable(&self) -> bool {
        self.replacement.is_some()
    }

    /// What is wrong with the file, in one sentence.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

/// What is wrong with a file that could be opened, or couldn't.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Unreadable(#[source] io::Error),
    #[error("it is no state file of tcpstate, and stays as it is; name another with --state")]
    Foreign,
    #[error("a newer tcpstate wrote it (version {0}), and it stays as it is; name another")]
    Newer(u32),
    #[error("an older tcpstate wrote it (version {0}); it is begun anew")]
    Older(u32),
    #[error("it is damaged ({0}); it is begun anew")]
    Damaged(serde_json::Error),
}

impl Trouble {
    fn may_replace(&self) -> bool {
        match self {
            Self::Unreadable(_) | Self::Foreign | Self::Newer(_) => false,
            Self::Older(_) | Self::Damaged(_) => true,
        }
    }
}

/// `None` where there is no file yet, or an empty one, as mktemp makes it.
fn read(path: &Path) -> Result<Option<Memory>, Trouble> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Trouble::Unreadable(error)),
    };
    let metadata = file.metadata().map_err(Trouble::Unreadable)?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(Trouble::Foreign);
    }
    let mut bytes = Vec::new();
    file.take(LARGEST)
        .read_to_end(&mut bytes)
        .map_err(Trouble::Unreadable)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let rest = bytes
        .strip_prefix(OURS.as_bytes())
        .ok_or(Trouble::Foreign)?;
    match version(rest) {
        Some(version) if version > VERSION => return Err(Trouble::Newer(version)),
        Some(version) if version < VERSION => return Err(Trouble::Older(version)),
        _ => {}
    }
    let document: Document = serde_json::from_slice(&bytes).map_err(Trouble::Damaged)?;
    Ok(Some(document.into()))
}

/// The number after the slash; `None` when it is damaged.
fn version(rest: &[u8]) -> Option<u32> {
    let digits = rest.split(|&byte| byte == b'"').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl From<&Memory> for Document {
    fn from(memory: &Memory) -> Self {
        let counters = memory.counters.iter();
        let sighting = |(cookie, sighting): (&SocketCookie, &Sighting)| {
            let not_yet = sighting.not_yet.map(milliseconds);
            (cookie.0, milliseconds(sighting.seen), not_yet)
        };
        let sightings = memory.close_wait.as_ref();
        Self {
            schema: format!("tcpstate.state/{VERSION}"),
            boot_id: memory.boot_id.clone(),
            netns: memory.netns,
            scope: memory.scope.clone(),
            begun_ms: milliseconds(memory.begun),
            ended_ms: milliseconds(memory.ended),
            counters: counters
                .filter_map(|(counter, value)| Some((counter.name().to_owned(), value?)))
                .collect(),
            values: memory.values.clone(),
            close_wait: sightings.map(|sightings| sightings.iter().map(sighting).collect()),
        }
    }
}

impl From<Document> for Memory {
    fn from(document: Document) -> Self {
        let mut counters = Counters::default();
        for &counter in Counter::ALL {
            if let Some(&value) = document.counters.get(counter.name()) {
                counters.set(counter, value);
            }
        }
        let sighting = |(cookie, seen, not_yet): (u64, u64, Option<u64>)| {
            let sighting = Sighting {
                seen: Duration::from_millis(seen),
                not_yet: not_yet.map(Duration::from_millis),
            };
            (SocketCookie(cookie), sighting)
        };
        let close_wait = document
            .close_wait
            .map(|sightings| sightings.into_iter().map(sighting).collect());
        Self {
            begun: Duration::from_millis(document.begun_ms),
            ended: Duration::from_millis(document.ended_ms),
            boot_id: document.boot_id,
            netns: document.netns,
            scope: document.scope,
            counters,
            values: document.values,
            close_wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn memory() -> Memory {
        let mut counters = Counters::default();
        counters.set(Counter::EstabResets, u64::MAX);
        counters.set(Counter::ListenDrops, 0);
        let sighting = Sighting {
            seen: Duration::from_millis(7),
            not_yet: None,
        };
        Memory {
            begun: Duration::from_millis(123_456),
            ended: Duration::from_millis(123_457),
            boot_id: "a-b".to_owned(),
            netns: Some(4_026_531_840),
            scope: "remote \"x\"\n".to_owned(),
            counters,
            values: [("close_wait".to_owned(), 3.0)].into(),
            close_wait: Some([(SocketCookie(u64::MAX), sighting)].into()),
        }
    }

    #[test]
    fn what_one_leaves_the_next_one_finds() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        let (mut state, before) = StateFile::open(&path);
        assert_eq!(before, None);
        state.save(&memory());
        assert_eq!(state.trouble(), None);
        let (again, before) = StateFile::open(&path);
        assert_eq!(before, Some(memory()));
        assert_eq!(again.trouble(), None);
    }

    /// Opens a file with this content, saves, and says what was wrong and what
    /// is in it then.
    fn saved_over(content: &[u8]) -> (Option<String>, Vec<u8>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        fs::write(&path, content).unwrap();
        let (mut state, before) = StateFile::open(&path);
        assert_eq!(before, None);
        state.save(&memory());
        (state.trouble().map(str::to_owned), fs::read(&path).unwrap())
    }

    #[test]
    fn what_is_damaged_or_older_is_begun_anew_with_one_warning() {
        for (content, word) in [
            (&b"{\"schema\":\"tcpstate.state/1\",\"boot"[..], "damaged"),
            (b"{\"schema\":\"tcpstate.state/", "damaged"),
            (b"{\"schema\":\"tcpstate.state/1\"}", "damaged"),
            (b"{\"schema\":\"tcpstate.state/0\"}", "older"),
        ] {
            let (trouble, after) = saved_over(content);
            let trouble = trouble.unwrap();
            assert!(trouble.contains(word), "{trouble}");
            assert!(after.starts_with(b"{\"schema\":\"tcpstate.state/1\",\"boot_id\":\"a-b\""));
        }
        let (trouble, after) = saved_over(b"");
        assert_eq!(trouble, None, "mktemp makes them empty");
        assert!(!after.is_empty());
    }

    #[test]
    fn what_is_not_ours_or_newer_stays_as_it_is() {
        for (content, word) in [
            (&b"root:x:0:0:root:/root:/bin/bash\n"[..], "no state file"),
            (b"\xff\xfe", "no state file"),
            (b"{\"schema\":\"other/1\"}", "no state file"),
            (b"{\"schema\":\"tcpstate.state/2\",\"x\":1}", "newer"),
        ] {
            let (trouble, after) = saved_over(content);
            let trouble = trouble.unwrap();
            assert!(trouble.contains(word), "{trouble}");
            assert_eq!(after, content);
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_to_costs_a_warning() {
        for path in ["/dev/full", "/proc/tcpstate-state", "/", "/proc/none/state"] {
            let (mut state, before) = StateFile::open(Path::new(path));
            assert_eq!(before, None);
            state.save(&memory());
            let told = state.trouble().unwrap_or_default();
            assert!(told.starts_with("cannot write /"), "{path}: {told}");
        }
    }
}
