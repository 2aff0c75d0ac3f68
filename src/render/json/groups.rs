//! Sockets by what they have in common, as a part of the summary.

use schemars::JsonSchema;
use serde::Serialize;

use super::parts::{ByName, Names};
use crate::model::{self, GroupValue, TcpState};

/// Sockets by what they have in common.
#[derive(Serialize, JsonSchema)]
pub(super) struct Grouped {
    /// The keys, as in `--by`.
    by: Vec<String>,
    /// Sockets that were counted, each once. One that several processes hold is
    /// in the group of each.
    sockets: u64,
    /// The groups, the largest first.
    groups: Vec<Group>,
    /// Groups left out by `--top`.
    left_out: u64,
}

/// Sockets that have the same values.
#[derive(Serialize, JsonSchema)]
struct Group {
    /// The value of each key.
    values: Vec<InCommon>,
    /// Sockets by state.
    states: ByName<GroupStates>,
    /// All of them.
    total: u64,
}

/// What the sockets of a group have in common.
#[derive(Serialize, JsonSchema)]
struct InCommon {
    /// The value as text; of a process its name and number, `nginx[880]`. Null:
    /// see `reason`.
    value: Option<String>,
    /// The number of the process. Null: it is none.
    pid: Option<u32>,
    /// Why there is no value. Null: there is one.
    reason: Option<&'static str>,
}

struct GroupStates;

impl Names for GroupStates {
    const TITLE: &'static str = "GroupStates";
    type Value = u64;

    fn names() -> Vec<(&'static str, String)> {
        let states = states();
        states.map(|state| (state.key(), String::new())).collect()
    }
}

fn states() -> impl Iterator<Item = TcpState> {
    TcpState::NAMED.into_iter().chain([TcpState::Unknown(0)])
}

impl Grouped {
    /// The largest groups, so many of them.
    pub(super) fn new(groups: &model::Groups, most: usize) -> Self {
        let all = groups.sorted();
        let shown = all.iter().take(most).map(|(values, count)| Group {
            values: values
                .iter()
                .map(|&value| InCommon::of(value, groups))
                .collect(),
            states: states()
                .map(|state| (state.key(), count.of(state)))
                .collect(),
            total: count.total(),
        });
        Self {
            by: groups.by.iter().map(|key| key.name()).collect(),
            sockets: groups.sockets,
            groups: shown.collect(),
            left_out: all.len().saturating_sub(most) as u64,
        }
    }
}

impl InCommon {
    fn of(value: GroupValue, groups: &model::Groups) -> Self {
        let (text, reason) = match value {
            GroupValue::None(why) => (None, Some(why.reason())),
            value => (Some(groups.text(value)), None),
        };
        Self {
            value: text,
            pid: match value {
                GroupValue::Process(pid) => Some(pid),
                _ => None,
            },
            reason,
        }
    }
}
