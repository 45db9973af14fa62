//! How good a machine is without knowing `Z`: the pseudo-likelihood of binary rows, the score matching loss of real ones.

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use rayon::prelude::*;

use super::{config::Units, module::RbmModule};
use crate::{
    codes::{EVALUATION_ROWS, to_tensor},
    data::Matrix,
    random::{Purpose, stream},
    train::params::host_values,
};
use latentia_ops::Activation;

/// Most conditionals `p(v_i | v_−i)` that are worked out in one evaluation. With 500 hidden units that is about a third of a second on
/// two cores; the mean over as many has a standard error below a percent.
const CONDITIONALS: usize = 1 << 15;

/// What is measured, and the seed of which units are asked: the same ones in every epoch, so that epochs compare.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure {
    seed: u64,
}

impl Measure {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The mean over the rows of `−Σ_i log p(v_i | v_−i)` (Besag 1975) for binary visible units; for Gaussian ones of the
    /// score matching loss (Hyvärinen 2005). Both are least, in expectation, for the distribution of the data.
    pub(super) fn mean_loss(self, model: &RbmModule, x: &Matrix, device: &Device) -> f64 {
        let losses = match model.visible {
            Units::Bernoulli => self.pseudo_likelihood(model, x, device, CONDITIONALS),
            Units::Gaussian => by_batches(x, device, |v| score_matching(model, v)),
        };
        mean(&losses)
    }

    /// The mean over the rows of `F(v)`.
    pub(super) fn mean_free_energy(self, model: &RbmModule, x: &Matrix, device: &Device) -> f64 {
        mean(&by_batches(x, device, |v| model.free_energy(v)))
    }

    /// `−Σ_i log p(v_i | v_−i)` of every row of binary units, or an unbiased estimate from some of the units where all rows
    /// have more than `conditionals` together.
    ///
    /// `log p(1 | v_−i) / p(0 | v_−i) = F(v, v_i = 0) − F(v, v_i = 1)`; values between 0 and 1 weigh the two.
    pub(super) fn pseudo_likelihood(
        self,
        model: &RbmModule,
        x: &Matrix,
        device: &Device,
        conditionals: usize,
    ) -> Vec<f64> {
        let visible = x.cols();
        let asked = (conditionals / x.rows().max(1)).clamp(1, visible);
        let weight = host_values(model.weight.val().transpose());
        let b = host_values(model.visible_bias.val());
        let hidden = weight.len() / visible;
        let of_row = |(row, (v, a)): (usize, (&[f32], &[f32]))| {
            // Evenly spaced from a random place on: every unit is asked equally often.
            let mut rng = stream(self.seed, Purpose::Report, 3, row as u64);
            let start = rng.random_range(0..visible as u64) as usize;
            let losses = (0..asked).map(|i| {
                let i = (start + i * visible / asked) % visible;
                let w = &weight[i * hidden..(i + 1) * hidden];
                let logit = f64::from(b[i]) + added_by(model.hidden, a, w, v[i]);
                softplus(logit) - f64::from(v[i]) * logit
            });
            losses.sum::<f64>() * visible as f64 / asked as f64
        };
        let mut losses = Vec::with_capacity(x.rows());
        for (chunk, values) in x.as_slice().chunks(EVALUATION_ROWS * visible).enumerate() {
            let inputs = model.up(to_tensor(values.to_vec(), visible, device), Activation::Identity);
            let inputs = host_values(inputs);
            let rows: Vec<_> = values.chunks(visible).zip(inputs.chunks(hidden)).collect();
            let first = chunk * EVALUATION_ROWS;
            let some: Vec<f64> =
                rows.into_par_iter().enumerate().map(|(i, row)| of_row((first + i, row))).collect();
            losses.extend(some);
        }
        losses
    }
}

/// What `−F` gains in the hidden units when a visible unit with weights `w` goes from 0 to 1, where `a` is the total input of
/// the hidden units with the unit at `value`.
fn added_by(units: Units, a: &[f32], w: &[f32], value: f32) -> f64 {
    let pairs = a.iter().zip(w).map(|(&a, &w)| {
        let (w, value) = (f64::from(w), f64::from(value));
        (f64::from(a) - value * w, w)
    });
    match units {
        Units::Bernoulli => pairs.map(|(off, w)| softplus(off + w) - softplus(off)).sum(),
        Units::Gaussian => pairs.map(|(off, w)| w * (off + 0.5 * w)).sum(),
    }
}

/// `log(1 + exp(x))`.
pub(super) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// `½ ‖∇F‖² − Δ F` of every row: with `σ_j = p(h_j = 1 | v)` that is
/// `½ ‖v̂ − v‖² + Σ_j σ_j (1 − σ_j) ‖W_j‖² − D`, `v̂` the reconstruction of `v`.
pub(super) fn score_matching(model: &RbmModule, v: Tensor<2>) -> Tensor<1> {
    let dims = v.dims()[1] as f64;
    let h = model.hidden_mean(v.clone());
    let error = (model.visible_mean(h.clone()) - v).square() * 0.5;
    let norms = model.weight.val().square().sum_dim(1);
    let bend = (h.clone() * (h.neg() + 1.0)).matmul(norms);
    error.sum_dim(1).squeeze_dim(1) + bend.squeeze_dim(1) - dims
}

/// `f` of every row, some rows at a time.
pub(super) fn by_batches(x: &Matrix, device: &Device, f: impl Fn(Tensor<2>) -> Tensor<1>) -> Vec<f64> {
    let mut values = Vec::with_capacity(x.rows());
    for chunk in x.as_slice().chunks(EVALUATION_ROWS * x.cols().max(1)) {
        let rows = chunk.len() / x.cols();
        let v = Tensor::from_data(TensorData::new(chunk.to_vec(), [rows, x.cols()]), device);
        values.extend(host_values(f(v)).into_iter().map(f64::from));
    }
    values
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
