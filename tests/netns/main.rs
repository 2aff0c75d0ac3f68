//! Real sockets in real states, each test in a network namespace of its own.
//!
//! A unit test can only check what its author believed about the kernel; these check the kernel
//! itself. `lab` builds the sockets, the other modules ask `tcpstate` about them.
//!
//! Where a machine can't make namespaces the tests pass, and say `SKIPPED` and why on stderr;
//! with `CI=true` they fail instead.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a failed step is a failed test, and the panic says where"
)]
#![expect(
    clippy::doc_markdown,
    reason = "the names of TCP states and of errors are words here"
)]

mod actors;
mod blind;
mod cast;
mod check;
mod filter;
mod fixtures;
mod holders;
mod lab;
mod leaks;
mod list;
mod list_ss;
mod namespaces;
mod pressure;
mod summary;
