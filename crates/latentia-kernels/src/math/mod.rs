//! Element functions and activations.

mod activation;

pub use activation::Activation;
