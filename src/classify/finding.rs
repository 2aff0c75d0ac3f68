//! What a judgement looks like.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::model::TcpState;

/// How bad it is. Ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Somebody should look at it today.
    Warning,
    /// Somebody should look at it now.
    Critical,
}

impl Severity {
    /// The name in JSON.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// A number that a finding rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Number {
    /// A count, or a setting as the kernel gives it.
    Count(u64),
    /// A share, 0 to 1, or a rate.
    Ratio(f64),
}

/// A number with its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Its name in JSON.
    pub name: &'static str,
    /// The number.
    pub number: Number,
}

impl Evidence {
    /// A count.
    #[must_use]
    pub const fn count(name: &'static str, value: u64) -> Self {
        Self {
            name,
            number: Number::Count(value),
        }
    }

    /// A share, or any other number.
    #[must_use]
    pub const fn number(name: &'static str, value: f64) -> Self {
        Self {
            name,
            number: Number::Ratio(value),
        }
    }
}

/// What is wrong, with what, how it is known, and what to do.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Finding {
    /// Name of the rule.
    pub rule: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What it is about: a process, a listener, a setting, a state.
    pub subject: String,
    /// What is wrong and how it is known, the subject first.
    pub message: String,
    /// What to do, in a sentence that names the next command to type.
    pub advice: String,
    /// The numbers behind the message.
    #[serde(serialize_with = "by_name")]
    #[schemars(with = "BTreeMap<String, Number>")]
    pub evidence: Vec<Evidence>,
    /// The state that it is about, if it is about one: views mark it.
    #[serde(skip)]
    pub state: Option<TcpState>,
}

/// Writes evidence as an object: a rule names a number once.
fn by_name<S: Serializer>(evidence: &[Evidence], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(evidence.iter().map(|one| (one.name, one.number)))
}

/// All judgements of a snapshot.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assessment {
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
    /// Topics of the rules that found nothing.
    pub fine: Vec<&'static str>,
    /// Topics of the rules that could not judge.
    pub unknown: Vec<&'static str>,
    /// Topics that this command doesn't read what it takes to judge, each with
    /// the command that does.
    pub not_read: Vec<(&'static str, &'static str)>,
}

impl Assessment {
    /// The worst severity found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

/// An address, or one with a port, as ss and `tcpstate list` take it: IPv6 in
/// brackets, which a shell may take for a pattern.
pub(super) fn quoted(address: IpAddr, port: Option<u16>) -> String {
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    match address {
        IpAddr::V4(address) => format!("{address}{port}"),
        IpAddr::V6(address) => format!("'[{address}]{port}'"),
    }
}
