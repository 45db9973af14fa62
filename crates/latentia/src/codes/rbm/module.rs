//! The parameters of a restricted Boltzmann machine, its energies and its conditional distributions.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData},
};
use latentia_ops::{Activation, Orientation, dense};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::config::Units;

/// `W`, `b` and `c`.
#[derive(Module, Debug)]
pub(super) struct RbmModule {
    /// `W`: `[hidden, visible]`.
    pub(super) weight: Param<Tensor<2>>,
    /// `b`: `[visible]`.
    pub(super) visible_bias: Param<Tensor<1>>,
    /// `c`: `[hidden]`.
    pub(super) hidden_bias: Param<Tensor<1>>,
    #[module(skip)]
    pub(super) visible: Units,
    #[module(skip)]
    pub(super) hidden: Units,
}

impl RbmModule {
    /// A machine of these parameters; `weight` is `[hidden, visible]`, row-major.
    pub(super) fn new(
        (visible, hidden): (Units, Units),
        weight: Vec<f32>,
        visible_bias: Vec<f32>,
        hidden_bias: Vec<f32>,
        device: &Device,
    ) -> Self {
        let (inputs, outputs) = (visible_bias.len(), hidden_bias.len());
        Self {
            weight: Param::from_data(TensorData::new(weight, [outputs, inputs]), device),
            visible_bias: Param::from_data(TensorData::new(visible_bias, [inputs]), device),
            hidden_bias: Param::from_data(TensorData::new(hidden_bias, [outputs]), device),
            visible,
            hidden,
        }
    }

    /// `c + W v`: `[rows, visible]` to `[rows, hidden]`, with `f` applied.
    pub(super) fn up(&self, v: Tensor<2>, f: Activation) -> Tensor<2> {
        dense(v, self.weight.val(), Some(self.hidden_bias.val()), f, Orientation::OutIn)
    }

    /// `b + Wᵀ h`: `[rows, hidden]` to `[rows, visible]`, with `f` applied.
    pub(super) fn down(&self, h: Tensor<2>, f: Activation) -> Tensor<2> {
        dense(h, self.weight.val(), Some(self.visible_bias.val()), f, Orientation::InOut)
    }

    /// The mean of `p(h | v)`.
    pub(super) fn hidden_mean(&self, v: Tensor<2>) -> Tensor<2> {
        self.up(v, self.hidden.link())
    }

    /// The mean of `p(v | h)`.
    pub(super) fn visible_mean(&self, h: Tensor<2>) -> Tensor<2> {
        self.down(h, self.visible.link())
    }

    /// `V(v)` of every row.
    fn visible_energy(&self, v: Tensor<2>) -> Tensor<1> {
        energy(self.visible, v, self.visible_bias.val())
    }

    /// `E(v, h)` of every row.
    pub(super) fn energy(&self, v: Tensor<2>, h: Tensor<2>) -> Tensor<1> {
        let coupling = dense(v.clone(), self.weight.val(), None, Activation::Identity, Orientation::OutIn);
        let coupling = (coupling * h.clone()).sum_dim(1).squeeze_dim(1);
        self.visible_energy(v) + energy(self.hidden, h, self.hidden_bias.val()) - coupling
    }

    /// `F(v) = −log Σ_h exp(−E(v, h))` of every row.
    ///
    /// Binary hidden units: `V(v) − Σ_j log(1 + exp(c_j + W_j v))`; Gaussian ones, with the integral over `h` in place of
    /// the sum: `V(v) + ½ ‖c‖² − ½ ‖c + W v‖² − ½ m log 2π`.
    pub(super) fn free_energy(&self, v: Tensor<2>) -> Tensor<1> {
        let c = self.hidden_bias.val();
        let of_hidden = match self.hidden {
            Units::Bernoulli => self.up(v.clone(), Activation::Softplus).sum_dim(1).squeeze_dim(1),
            Units::Gaussian => {
                let norms = self.up(v.clone(), Activation::Identity).square().sum_dim(1).squeeze_dim(1);
                let of_bias = c.clone().square().sum();
                (norms - of_bias) * 0.5 + HALF_LOG_TWO_PI * c.dims()[0] as f64
            }
        };
        self.visible_energy(v) - of_hidden
    }

    /// A Gibbs step: a sample of `p(h | v)`, then the mean of `p(v | h)` or, where `sampled`, a sample.
    pub(super) fn gibbs(&self, v: Tensor<2>, sampled: bool, rng: &mut ChaCha8Rng) -> Tensor<2> {
        let h = self.hidden.sample(self.hidden_mean(v), rng);
        let v = self.visible_mean(h);
        if sampled { self.visible.sample(v, rng) } else { v }
    }
}

/// `½ log 2π`.
pub(super) const HALF_LOG_TWO_PI: f64 = 0.918_938_533_204_672_7;

/// `V(v)` or `H(h)` of every row.
fn energy(units: Units, x: Tensor<2>, bias: Tensor<1>) -> Tensor<1> {
    let bias = bias.unsqueeze::<2>();
    let entries = match units {
        Units::Bernoulli => (x * bias).neg(),
        Units::Gaussian => (x - bias).square() * 0.5,
    };
    entries.sum_dim(1).squeeze_dim(1)
}

impl Units {
    /// What turns total input into the mean.
    pub(super) fn link(self) -> Activation {
        match self {
            Self::Bernoulli => Activation::Sigmoid,
            Self::Gaussian => Activation::Identity,
        }
    }

    /// Samples of units with these means.
    pub(super) fn sample(self, mean: Tensor<2>, rng: &mut ChaCha8Rng) -> Tensor<2> {
        let shape = mean.dims();
        let count = shape[0] * shape[1];
        let numbers: Vec<f32> = match self {
            Self::Bernoulli => (0..count).map(|_| rng.random::<f32>()).collect(),
            Self::Gaussian => (0..count).map(|_| StandardNormal.sample(rng)).collect(),
        };
        let numbers = Tensor::from_data(TensorData::new(numbers, shape), &mean.device());
        match self {
            Self::Bernoulli => numbers.lower(mean).float(),
            Self::Gaussian => mean + numbers,
        }
    }
}
