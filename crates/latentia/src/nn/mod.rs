//! Layers all models share.

mod activation;
mod convolution;
mod dense;
mod embedding;
mod init;
mod layer_norm;
mod recurrent;
mod stack;

pub use activation::ActivationKind;
pub use convolution::Convolution;
pub use dense::Dense;
pub use embedding::Embedding;
pub use init::Initializer;
pub use layer_norm::LayerNorm;
pub use recurrent::{
    CellKind, Recurrent, RecurrentConfig, RecurrentContext, RecurrentStates, RecurrentStepper,
};
pub use stack::{LayerStack, LayerStackConfig};
