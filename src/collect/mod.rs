//! Answers questions: plans the cheapest reads, runs them, and puts together
//! what they gave. The only caller of [`crate::kernel`].

mod close_wait;
mod connections;
mod container_names;
mod counts;
pub mod cpu_budget;
mod fallback;
mod groups;
mod leak_owners;
mod list;
mod list_order;
mod listener_owners;
mod namespace;
mod netns;
pub mod ownership;
mod question;
mod read;
mod sampler;
mod selector;

pub use close_wait::{CloseWaitQuestion, CloseWaitSnapshot, EarlierCloseWait, read_close_wait};
pub use container_names::{ContainerName, ContainerNames};
pub use fallback::FallbackSource;
use fallback::with_fallback;
pub use groups::{GroupReading, group};
pub use list::{ListProgress, ListQuestion, list};
pub use namespace::Namespace;
pub use netns::{
    Absent, Access, Asked, NetnsError, NetnsNamer, Resolved, SurveyPlan, absent, read_all, read_in,
    read_named, resolve, rest,
};
pub use question::{Connections, EstablishedRead, ListenerNames, PortRead, Question};
pub use read::{read, read_twice};
pub use sampler::{Details, Sampler};
pub use selector::SelectionError;
