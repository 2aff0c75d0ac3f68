//! TCP connection states on Linux: read, judged and shown.
//!
//! The folders are named after the way that data takes:
//!
//! ```text
//! cli ─→ command ─→ collect ─→ classify ─→ render
//!                      │           (pure)
//!                    kernel        model, text: known to all
//! ```
//!
//! - [`model`]: the nouns. Plain data.
//! - [`text`]: how values are written in words.
//! - [`filter`]: the language of conditions over a socket.
//! - [`kernel`]: asks the kernel, over sock_diag netlink or /proc.
//! - [`collect`]: plans and runs the reads that answer a question.
//! - [`classify`]: judges what was read. Pure functions.
//! - [`state_file`]: what a check keeps on disk for the next one.
//! - [`explain`]: what states, sequences, settings and counters mean.
//! - [`render`]: shows it: tables, JSON, CSV.
//! - `tui`: the screen of `watch`.
//! - [`command`]: one file a subcommand.
//! - [`cli`]: the arguments and their help.
//!
//! No part but `main.rs` ends the process, and none prints by itself.

pub mod classify;
pub mod cli;
pub mod collect;
pub mod command;
pub mod explain;
pub mod filter;
pub mod kernel;
pub mod model;
pub mod render;
pub mod state_file;
pub mod text;
mod tui;
