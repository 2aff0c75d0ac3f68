//! The JSON documents, one file each. Their types are what is written and what
//! the schemas and docs/json.md are generated from.
//!
//! What isn't known is null, and no field is ever absent. A part that wasn't
//! asked for is one null.

mod check;
mod groups;
mod leaks;
mod list;
mod parts;
mod pressure;
pub mod reference;
mod summary;
mod survey;
mod watch;
mod write;

pub use self::check::{check, check_failed};
pub use self::leaks::leaks;
pub use self::list::ListJson;
pub use self::pressure::pressure;
pub use self::summary::summary;
pub use self::survey::{check_of_all, leaks_of_all, pressure_of_all, summary_of_all};
pub use self::watch::watch;

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use self::parts::microseconds;
use crate::model::{self, Host, NamedBy, Snapshot, SourceKind};

/// What every document begins with, and how the sockets in it were read.
#[derive(Debug, Serialize, JsonSchema)]
struct Header<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    /// How the sockets were read. Null for a check that failed.
    collection: Option<Collection>,
}

/// What every document begins with.
#[derive(Debug, Serialize, JsonSchema)]
struct Head<'a> {
    /// Name of the schema and its number, which rises when a field changes its
    /// meaning. New fields don't raise it.
    schema: &'static str,
    /// Version of tcpstate.
    version: &'static str,
    /// Name of the host. Null for a recording, which doesn't say.
    host: Option<&'a str>,
    /// When the reading began, as RFC 3339 in UTC. Null for a recording.
    taken_at: Option<String>,
    /// The network namespace that was read. Null for a check that failed.
    netns: Option<NetNs<'a>>,
}

/// A network namespace.
#[derive(Debug, Serialize, JsonSchema)]
struct NetNs<'a> {
    /// Inode number of the namespace. Null for a recording, and where it may not
    /// be read.
    inode: Option<u64>,
    /// What it is called. Without `--netns` its name in /run/netns. Null where it
    /// has none.
    name: Option<&'a str>,
    /// Who calls it so. Null without a name.
    named_by: Option<NamedBy>,
}

/// Where sockets were read from, and how completely.
#[derive(Debug, Serialize, JsonSchema)]
struct Collection {
    /// The source.
    source: SourceKind,
    /// Why /proc was read although netlink is the first choice. Null where the
    /// first choice was read.
    fallback_reason: Option<String>,
    /// Whether every row arrived and was understood.
    complete: bool,
    /// Rows that were read.
    sockets: u64,
    /// Rows left out because their cookie had been seen. Null: not looked for.
    duplicates: Option<u64>,
    /// Rows that could not be read.
    malformed: u64,
    /// The filter, in the words of its language. Null: all sockets, or all of a
    /// family.
    filter: Option<String>,
    /// Sockets left out because what the filter asks is not known of them.
    unjudged: u64,
    /// Time that reading the sockets took, in microseconds.
    elapsed_us: u64,
}

impl<'a> NetNs<'a> {
    fn new(netns: &'a model::NetNs) -> Self {
        let name = netns.name.as_ref();
        Self {
            inode: netns.inode,
            name: name.map(|name| name.name.as_str()),
            named_by: name.map(|name| name.named_by),
        }
    }
}

/// A time as RFC 3339; a clock outside the years 1 to 9999 is no time to print.
fn timestamp(time: SystemTime) -> Option<String> {
    let time = Timestamp::try_from(time).ok()?;
    Some(format!("{time:.3}"))
}

impl<'a> Header<'a> {
    /// The head of a document about a snapshot.
    fn new(schema: &'static str, snapshot: &'a Snapshot) -> Self {
        Self::of(
            schema,
            &snapshot.host,
            snapshot.taken_at,
            &snapshot.collection,
            snapshot.elapsed,
        )
    }

    /// The head of a document about another reading.
    fn of(
        schema: &'static str,
        host: &'a Host,
        taken_at: Option<SystemTime>,
        collection: &model::Collection,
        elapsed: Duration,
    ) -> Self {
        Self {
            head: Head::new(schema, host, taken_at),
            collection: Some(Collection::new(collection, elapsed)),
        }
    }

    /// The head of a document without a reading.
    fn unread(schema: &'static str) -> Self {
        Self {
            head: Head::unread(schema),
            collection: None,
        }
    }
}

impl<'a> Head<'a> {
    /// The head of a document about a host.
    fn new(schema: &'static str, host: &'a Host, taken_at: Option<SystemTime>) -> Self {
        let unknown = NetNs {
            inode: None,
            name: None,
            named_by: None,
        };
        Self {
            host: host.name.as_deref(),
            taken_at: taken_at.and_then(timestamp),
            netns: Some(host.netns.as_ref().map_or(unknown, NetNs::new)),
            ..Self::unread(schema)
        }
    }

    fn unread(schema: &'static str) -> Self {
        Self {
            schema,
            version: env!("CARGO_PKG_VERSION"),
            host: None,
            taken_at: None,
            netns: None,
        }
    }
}

impl Collection {
    fn new(collection: &model::Collection, elapsed: Duration) -> Self {
        Self {
            source: collection.source,
            fallback_reason: collection.fallback_reason.as_ref().map(ToString::to_string),
            complete: collection.complete,
            sockets: collection.sockets,
            duplicates: collection.duplicates,
            malformed: collection.malformed,
            filter: collection.selection.as_ref().map(|part| part.words.clone()),
            unjudged: collection.unjudged,
            elapsed_us: microseconds(elapsed),
        }
    }
}
