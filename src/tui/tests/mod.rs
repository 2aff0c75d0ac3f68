//! Frames of fixed samples.

mod frames;
mod leaking;
mod pressed;
mod staged;
