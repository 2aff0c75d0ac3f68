//! The views: one file each.

pub(super) mod findings;
pub(super) mod help;
pub(super) mod leaks;
pub(super) mod listeners;
pub(super) mod overview;
pub(super) mod ports;
mod process;
mod process_leaks;
pub(super) mod settings;
