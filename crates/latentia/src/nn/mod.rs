//! Layers all models share.

mod activation;
mod dense;
mod init;

pub use activation::ActivationKind;
pub use dense::{Dense, DenseStack, DenseStackConfig};
pub use init::Initializer;
