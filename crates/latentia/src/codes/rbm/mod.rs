//! Restricted Boltzmann machines: visible units `v`, hidden units `h`, and an energy that couples them (Smolensky 1986;
//! Hinton 2002).
//!
//! ```text
//! E(v, h) = V(v) − hᵀ W v + H(h)        p(v, h) = exp(−E(v, h)) / Z
//!     binary units:    V(v) = −b·v             H(h) = −c·h
//!     Gaussian units:  V(v) = ½ ‖v − b‖²       H(h) = ½ ‖h − c‖²
//! F(v) = −log Σ_h exp(−E(v, h))         log p(v) = −F(v) − log Z
//! ```
//!
//! Given one layer, the units of the other are independent: `p(h = 1 | v) = σ(c + W v)` and `p(v = 1 | h) = σ(b + Wᵀ h)`, or
//! normal distributions of variance 1 around `c + W v` and `b + Wᵀ h`. The code of a row is the mean of `p(h | v)`, its
//! reconstruction the mean of `p(v | h)` at that code.
//!
//! Training follows contrastive divergence (Hinton 2002) or its persistent form (Tieleman 2008); `Z` is estimated by annealed
//! importance sampling (Salakhutdinov & Murray 2008).

mod config;
mod fitted;
mod measure;
mod module;
mod objective;
mod partition;

#[cfg(test)]
mod tests;

pub use config::{NegativePhase, RbmConfig, Units, VisibleUnits};
pub use fitted::Rbm;
pub use partition::Partition;
