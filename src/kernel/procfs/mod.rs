//! What /proc tells of the network: the tables of sockets, counts, counters,
//! settings, and the host.

mod boot;
mod counters;
mod host;
mod host_wide;
mod port_settings;
mod socket_table;
mod sockstat;
mod sysctl;

pub use boot::{read_boot_id, since_boot};
pub use counters::read_counters;
pub(in crate::kernel) use counters::read_established;
pub use host::read_host;
pub use host_wide::read_host_wide;
pub use port_settings::{read_port_settings, read_tcp_mem};
pub use socket_table::ProcfsSource;
pub use sockstat::read_sockstat;
pub use sysctl::read_sysctls;
