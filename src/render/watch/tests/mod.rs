//! Streams and frames of fixed samples.

mod frames;
mod leaking;
mod staged;
mod streams;
