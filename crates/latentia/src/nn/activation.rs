//! Activations by name.

use latentia_ops::Activation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An activation function, applied entry by entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationKind {
    /// `x`.
    Identity,
    /// `1 / (1 + exp(−x))`.
    Sigmoid,
    /// `tanh(x)`.
    Tanh,
    /// `max(x, 0)`.
    Relu,
    /// `x` above 0, `0.01 x` below.
    LeakyRelu,
    /// `x` above 0, `exp(x) − 1` below (Clevert et al. 2016).
    Elu,
    /// A scaled ELU that keeps mean and variance (Klambauer et al. 2017).
    Selu,
    /// `x Φ(x)` (Hendrycks & Gimpel 2016).
    Gelu,
    /// `ln(1 + exp(x))`.
    Softplus,
}

impl ActivationKind {
    /// The function itself.
    pub fn function(self) -> Activation {
        match self {
            Self::Identity => Activation::Identity,
            Self::Sigmoid => Activation::Sigmoid,
            Self::Tanh => Activation::Tanh,
            Self::Relu => Activation::Relu,
            Self::LeakyRelu => Activation::LeakyRelu(0.01),
            Self::Elu => Activation::Elu(1.0),
            Self::Selu => Activation::Selu,
            Self::Gelu => Activation::Gelu,
            Self::Softplus => Activation::Softplus,
        }
    }

    /// The gain that keeps the variance of a signal through a layer, as PyTorch's `calculate_gain`.
    pub fn gain(self) -> f64 {
        match self {
            Self::Identity | Self::Sigmoid | Self::Softplus => 1.0,
            Self::Tanh => 5.0 / 3.0,
            Self::Relu | Self::Elu | Self::Gelu => 2f64.sqrt(),
            Self::LeakyRelu => (2.0 / (1.0 + 0.01f64.powi(2))).sqrt(),
            Self::Selu => 0.75,
        }
    }
}
