//! Element functions and activations.
//!
//! [`vector`] has the functions for use inside kernels; here are the same over slices.

mod activation;
mod slice;
pub mod vector;

pub use activation::Activation;
pub(crate) use slice::BLOCK;
#[cfg(test)]
pub(crate) use slice::MapInPlace;
pub use slice::{all_finite, exp_in_place, log_in_place};

#[cfg(test)]
pub(crate) mod tests;
