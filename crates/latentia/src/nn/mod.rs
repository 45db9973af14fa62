//! Layers all models share.

mod activation;
mod dense;
mod embedding;
mod init;
mod recurrent;

pub use activation::ActivationKind;
pub use dense::{Dense, DenseStack, DenseStackConfig};
pub use embedding::Embedding;
pub use init::Initializer;
pub use recurrent::{
    CellKind, Recurrent, RecurrentConfig, RecurrentContext, RecurrentStates, RecurrentStepper,
};
