//! Streams and frames of fixed samples.

mod frames;
mod staged;
mod streams;
