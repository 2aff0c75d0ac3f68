//! TCP connection states on Linux: read, judged and shown.
//!
//! The folders are named after the way that data takes:
//!
//! ```text
//! kernel  →  model  →  classify  →  render
//!    \________________ command ________________/
//! ```
//!
//! - [`model`]: the nouns. Plain data.
//! - [`kernel`]: asks the kernel, over sock_diag netlink or /proc.
//! - [`classify`]: judges what was read. Pure functions.
//! - [`memory`]: what a check keeps on disk for the next one.
//! - [`render`]: shows it: tables, JSON, CSV.
//! - [`command`]: one file a subcommand.
//! - [`cli`]: the arguments and their help.
//!
//! No part but `main.rs` ends the process, and none prints by itself.

pub mod classify;
pub mod cli;
pub mod command;
pub mod kernel;
pub mod memory;
pub mod model;
pub mod render;
