//! What /proc tells of the network: the tables of sockets, counts, counters,
//! settings, and the host.

mod counters;
mod host;
mod settings;
mod socket_table;
mod sockstat;

pub use counters::read_counters;
pub(in crate::kernel) use counters::read_established;
pub use host::{read_boot_id, read_host, since_boot};
pub use settings::{read_host_wide, read_port_settings, read_sysctls, read_tcp_mem};
pub use socket_table::ProcfsSource;
pub use sockstat::read_sockstat;
