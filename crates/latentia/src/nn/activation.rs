//! Activations by name.

use burn::tensor::{Tensor, activation};
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

    /// `f′(a)` entry by entry from `y = f(a)`, to be differentiated again; `a` is asked for where `y` does not tell.
    pub fn derivative<const D: usize>(self, y: Tensor<D>, a: impl FnOnce() -> Tensor<D>) -> Tensor<D> {
        // Klambauer et al. 2017.
        const SELU: (f64, f64) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2);
        let positive = |y: &Tensor<D>| y.clone().detach().greater_scalar(0.0).float();
        match self {
            Self::Identity => y.ones_like(),
            Self::Sigmoid => y.clone() * (1.0 - y),
            Self::Tanh => 1.0 - y.square(),
            Self::Relu => positive(&y),
            Self::LeakyRelu => positive(&y) * 0.99 + 0.01,
            Self::Elu => y.clamp_max(0.0) + 1.0,
            Self::Selu => {
                let above = positive(&y);
                let below = (y + SELU.0 * SELU.1) * (1.0 - above.clone());
                above * SELU.0 + below
            }
            Self::Gelu => {
                let a = a();
                let share = (a.clone() * std::f64::consts::FRAC_1_SQRT_2).erf() * 0.5 + 0.5;
                let density = (a.clone().square() * -0.5).exp() / (2.0 * std::f64::consts::PI).sqrt();
                share + a * density
            }
            Self::Softplus => activation::sigmoid(a()),
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

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use latentia_ops::activate_composed;

    use super::*;

    #[test]
    fn derivatives_are_the_limit_of_differences() {
        let kinds = [
            ActivationKind::Identity,
            ActivationKind::Sigmoid,
            ActivationKind::Tanh,
            ActivationKind::Relu,
            ActivationKind::LeakyRelu,
            ActivationKind::Elu,
            ActivationKind::Selu,
            ActivationKind::Gelu,
            ActivationKind::Softplus,
        ];
        let device = Device::flex();
        let a: Vec<f32> = (0..41).map(|i| (i as f32 - 20.0) * 0.2 + 0.013).collect();
        let tensor = |shift: f32| {
            let moved: Vec<f32> = a.iter().map(|v| v + shift).collect();
            Tensor::<1>::from_data(TensorData::new(moved, [41]), &device)
        };
        let step = 5e-3;
        for kind in kinds {
            let f = |shift| activate_composed(tensor(shift), kind.function());
            let differences = (f(step) - f(-step)) / (2.0 * step);
            let apart = (kind.derivative(f(0.0), || tensor(0.0)) - differences).abs().max();
            let apart: f32 = apart.into_scalar();
            assert!(apart < 2e-4, "{kind:?}: {apart}");
        }
    }
}
