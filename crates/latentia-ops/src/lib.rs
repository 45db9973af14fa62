//! Latentia's kernels as differentiable Burn operations.
//!
//! On the CPU backend an operation calls the kernels of [`latentia_kernels`] with a hand-written backward pass; on
//! every other backend it is composed from Burn's own tensor operations. Both ways are tested to agree.
#![forbid(unsafe_code)]

mod convolution;
mod cross_entropy;
mod dense;
mod embedding;
mod flex;
mod layer_norm;
pub mod loss;
pub mod optim;
mod recurrent;

pub use convolution::{Direction, convolution, convolution_composed};
pub use cross_entropy::{ClassTargets, softmax_cross_entropy, softmax_cross_entropy_composed};
pub use dense::{Orientation, activate_composed, dense, dense_composed};
pub use embedding::{embedding, embedding_composed};
pub use latentia_kernels::{Activation, convolution::Geometry, embedding::IndexError, loss::TargetError};
pub use layer_norm::{layer_norm, layer_norm_composed};
pub use recurrent::{
    Cell, MOST_LAYERS, Recurrence, RecurrentDropout, RecurrentStates, RecurrentWeights, Workspaces,
    recurrent, recurrent_composed,
};
