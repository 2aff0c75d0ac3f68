//! Answers questions: plans the cheapest reads, runs them, and puts together
//! what they gave. The only caller of [`crate::kernel`].

pub mod cpu_budget;
mod fallback;
pub mod ownership;

pub use fallback::FallbackSource;
