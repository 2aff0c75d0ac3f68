//! Answers questions: plans the cheapest reads, runs them, and puts together
//! what they gave. The only caller of [`crate::kernel`].

mod fallback;

pub use fallback::FallbackSource;
