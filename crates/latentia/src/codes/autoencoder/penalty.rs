//! Penalties on the code: `Ω(h)`.

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the mean activation of a unit is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SparsityAverage {
    /// The rows of the step.
    Batch,
    /// The rows of this step and, ever less, of those before it: steadier for small steps.
    Running,
}

/// How much of a running average stays at each step.
pub(super) const RUNNING: f64 = 0.9;

/// `Σ_j |h_j|` of every row.
pub(super) fn l1(h: Tensor<2>) -> Tensor<1> {
    h.abs().sum_dim(1).squeeze_dim(1)
}

/// `Σ_j ρ log (ρ / ρ̂_j) + (1 − ρ) log ((1 − ρ) / (1 − ρ̂_j))` for mean activations `ρ̂`: `[units]`.
///
/// The divergence between coins of chance `ρ` and `ρ̂` (Lee, Ekanadham & Ng 2008; Ng 2011).
pub(super) fn kl_sparsity(mean: Tensor<1>, target: f64) -> Tensor<1> {
    // A unit that is off, or on, for every row would cost an infinity.
    let mean = mean.clamp(1e-6, 1.0 - 1e-6);
    let [units] = mean.dims();
    let constant = target * target.ln() + (1.0 - target) * (1.0 - target).ln();
    let cross = mean.clone().log() * target + mean.neg().add_scalar(1.0).log() * (1.0 - target);
    cross.sum().neg() + constant * units as f64
}
