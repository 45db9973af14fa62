//! Latentia's kernels as differentiable Burn operations.
//!
//! On the CPU backend an operation calls the kernels of [`latentia_kernels`] with a hand-written backward pass; on
//! every other backend it is composed from Burn's own tensor operations. Both ways are tested to agree.
#![forbid(unsafe_code)]

mod dense;
mod flex;
pub mod loss;
pub mod optim;
mod recurrent;

pub use dense::{Orientation, activate_composed, dense, dense_composed};
pub use latentia_kernels::Activation;
pub use recurrent::{
    Cell, MOST_LAYERS, Recurrence, RecurrentDropout, RecurrentStates, RecurrentWeights, Workspaces, recurrent,
    recurrent_composed,
};
