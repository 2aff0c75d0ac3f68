//! What every JSON document begins with.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::Serialize;

use crate::model::{self, Host, Snapshot};

/// The head of a document. A field that isn't known is null.
#[derive(Debug, Serialize)]
pub(super) struct Header<'a> {
    schema: &'static str,
    version: &'static str,
    host: Option<&'a str>,
    taken_at: Option<String>,
    netns: NetNs<'a>,
    collection: Collection,
}

#[derive(Debug, Serialize)]
struct NetNs<'a> {
    inode: Option<u64>,
    name: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Collection {
    source: &'static str,
    fallback_reason: Option<String>,
    complete: bool,
    sockets: u64,
    duplicates: Option<u64>,
    malformed: u64,
    elapsed_us: u64,
}

impl<'a> Header<'a> {
    /// The head of a document about a sample.
    pub(super) fn new(schema: &'static str, snapshot: &'a Snapshot) -> Self {
        Self::of(
            schema,
            &snapshot.host,
            snapshot.taken_at,
            &snapshot.collection,
            snapshot.elapsed,
        )
    }

    /// The head of a document about something else that was read.
    pub(super) fn of(
        schema: &'static str,
        host: &'a Host,
        taken_at: Option<SystemTime>,
        collection: &model::Collection,
        elapsed: Duration,
    ) -> Self {
        let netns = host.netns.as_ref();
        Self {
            schema,
            version: env!("CARGO_PKG_VERSION"),
            host: host.name.as_deref(),
            // A clock outside the years 1 to 9999 is no time to print.
            taken_at: taken_at
                .and_then(|time| Timestamp::try_from(time).ok())
                .map(|time| format!("{time:.3}")),
            netns: NetNs {
                inode: netns.map(|netns| netns.inode),
                name: netns.and_then(|netns| netns.name.as_deref()),
            },
            collection: Collection {
                source: collection.source.key(),
                fallback_reason: collection.fallback_reason.as_ref().map(ToString::to_string),
                complete: collection.complete,
                sockets: collection.sockets,
                duplicates: collection.duplicates,
                malformed: collection.malformed,
                elapsed_us: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            },
        }
    }
}
