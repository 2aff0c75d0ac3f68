//! What several documents are made of: long lists, objects keyed by the
//! kernel's names, times.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::model::{Counter, StateCount, Sysctl, Sysctls, TcpState};

/// Makes the iterator that a list is written from.
type MakeItems<'a, T> = dyn Fn() -> Box<dyn Iterator<Item = T> + 'a> + 'a;

/// A list that may be as long as the kernel's table of sockets: it is written
/// while it is walked, and no copy of it is made.
pub(super) struct List<'a, T>(Box<MakeItems<'a, T>>);

impl<'a, T> List<'a, T> {
    /// The list of what the iterators of `items` give.
    pub(super) fn new<I>(items: impl Fn() -> I + 'a) -> Self
    where
        I: Iterator<Item = T> + 'a,
    {
        Self(Box::new(move || Box::new(items())))
    }
}

impl<T: Serialize> Serialize for List<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

impl<T: JsonSchema> JsonSchema for List<'_, T> {
    fn schema_name() -> Cow<'static, str> {
        Vec::<T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<T>::json_schema(generator)
    }

    fn inline_schema() -> bool {
        true
    }
}

/// The keys of an object whose keys are names of the kernel.
pub(super) trait Names {
    /// What the object is called in the schema.
    const TITLE: &'static str;
    /// The value of each key.
    type Value: Serialize + JsonSchema;
    /// Every key with its meaning, in the order of the document.
    fn names() -> Vec<(&'static str, String)>;
}

/// An object with the keys of `N`.
pub(super) struct ByName<N: Names> {
    entries: Vec<(&'static str, N::Value)>,
    names: PhantomData<N>,
}

impl<N: Names> FromIterator<(&'static str, N::Value)> for ByName<N> {
    fn from_iter<I: IntoIterator<Item = (&'static str, N::Value)>>(entries: I) -> Self {
        Self {
            entries: entries.into_iter().collect(),
            names: PhantomData,
        }
    }
}

impl<N: Names> Serialize for ByName<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.entries.len()))?;
        for (name, value) in &self.entries {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<N: Names> JsonSchema for ByName<N> {
    fn schema_name() -> Cow<'static, str> {
        N::TITLE.into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, meaning) in N::names() {
            let mut schema = generator.subschema_for::<N::Value>();
            if !meaning.is_empty() {
                schema.insert("description".to_owned(), Value::String(meaning));
            }
            properties.insert(name.to_owned(), schema.to_value());
            required.push(Value::from(name));
        }
        json_schema!({ "type": "object", "properties": properties, "required": required })
    }
}

/// The keys of `states`.
pub(super) struct States;

impl Names for States {
    const TITLE: &'static str = "States";
    type Value = Option<StateCount>;

    fn names() -> Vec<(&'static str, String)> {
        let named = TcpState::NAMED.into_iter().map(|state| {
            let meaning = match state {
                TcpState::BoundInactive => {
                    "Bound and neither listening nor connected. Null without `--bound`.".to_owned()
                }
                _ => format!(
                    "Sockets in {}. Null where the source can't tell.",
                    state.name()
                ),
            };
            (state.key(), meaning)
        });
        let unknown = "Sockets in states without a name.".to_owned();
        named
            .chain([(TcpState::Unknown(0).key(), unknown)])
            .collect()
    }
}

impl<N: Names<Value = Option<u64>>> ByName<N> {
    /// These settings, each null where it wasn't read.
    pub(super) fn sysctls(wanted: &[Sysctl], read: &Sysctls) -> Self {
        let wanted = wanted.iter();
        wanted
            .map(|&sysctl| (sysctl.name(), read.get(sysctl)))
            .collect()
    }
}

fn sysctl_names(sysctls: &[Sysctl]) -> Vec<(&'static str, String)> {
    let name = |sysctl: &Sysctl| (sysctl.name(), String::new());
    sysctls.iter().map(name).collect()
}

/// The keys of `sysctls` in the summary.
pub(super) struct SummarySysctls;

impl Names for SummarySysctls {
    const TITLE: &'static str = "Sysctls";
    type Value = Option<u64>;

    fn names() -> Vec<(&'static str, String)> {
        sysctl_names(Sysctl::SUMMARY)
    }
}

/// The keys of `sysctls` in `pressure`.
pub(super) struct PressureSysctls;

impl Names for PressureSysctls {
    const TITLE: &'static str = "PressureSysctls";
    type Value = Option<u64>;

    fn names() -> Vec<(&'static str, String)> {
        sysctl_names(Sysctl::PRESSURE)
    }
}

fn counter_name(counter: Counter) -> (&'static str, String) {
    (counter.name(), counter.meaning().to_owned())
}

/// The keys of `counters`.
pub(super) struct CounterValues;

impl Names for CounterValues {
    const TITLE: &'static str = "Counters";
    type Value = Option<u64>;

    fn names() -> Vec<(&'static str, String)> {
        Counter::ALL.iter().copied().map(counter_name).collect()
    }
}

/// The keys of the rates of counters.
pub(super) struct CounterRates;

impl Names for CounterRates {
    const TITLE: &'static str = "CounterRates";
    type Value = Option<f64>;

    fn names() -> Vec<(&'static str, String)> {
        rated_counters().map(counter_name).collect()
    }
}

/// The counters that have a rate: `CurrEstab` is a gauge.
pub(super) fn rated_counters() -> impl Iterator<Item = Counter> {
    let counters = Counter::ALL.iter().copied();
    counters.filter(|&counter| counter != Counter::CurrEstab)
}

pub(super) use crate::model::milliseconds::of as milliseconds;

/// A time in microseconds.
pub(super) fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
