//! Answers questions: plans the cheapest reads, runs them, and puts together
//! what they gave. The only caller of [`crate::kernel`].

pub(crate) mod close_wait;
mod connections;
mod container_names;
pub mod cpu_budget;
mod fallback;
mod namespace;
mod netns;
pub mod ownership;
mod port_sets;

pub(crate) use connections::read_connections;
pub use container_names::{ContainerName, ContainerNames};
pub use fallback::FallbackSource;
pub(crate) use fallback::with_fallback;
pub use namespace::Namespace;
pub use netns::{Access, NetnsNamer, Resolved, Unread, read_in, resolve, rest};
pub(crate) use port_sets::{bound_ports, ports_in};
