//! Bounds on `log p(x)` of a model with a Gaussian code.
//!
//! ```text
//! w_i = p(x | z_i) p(z_i) / q(z_i | x),   z_i ~ q(z | x)
//! L_k = E log (1/k) Σ_i w_i  ≤  log p(x)
//! ```
//!
//! `L_1` is the evidence lower bound (Kingma & Welling 2014); `L_k` rises with `k` to `log p(x)` (Burda, Grosse &
//! Salakhutdinov 2016, theorem 1).
//!
//! The gradient of `L_k` that an encoder with parameters `φ` gets through `z_i = μ + σ ε_i` holds `∂ log q(z_i | x) / ∂φ`, whose mean
//! is another term's and whose noise grows beside the rest with `k`. Reparameterised once more (Tucker, Lawson, Gu & Maddison 2019,
//! equation 8), with the shares `s_i = w_i / Σ_j w_j`:
//!
//! ```text
//! ∂L_k/∂φ = E Σ_i s_i² (∂ log w_i / ∂z_i) (∂z_i / ∂φ)
//! ```

use burn::tensor::{Device, Tensor, TensorData, activation};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{
    code::Posterior,
    corruption::row_key,
    likelihood::{Likelihood, Target},
    module::AutoencoderModule,
};
use crate::{
    codes::to_tensor,
    data::Matrix,
    random::{Purpose, stream},
    train::params::host_values,
};

/// Decoded rows at a time.
const ROWS: usize = 2048;

/// `log (1/k) Σ_i w_i` of every row, from `log w` of `k` times the rows, one after the other.
pub(super) fn importance_weighted(log_w: Tensor<1>, k: usize) -> Tensor<1> {
    let [rows] = log_w.dims();
    let log_w = log_w.reshape([k, rows / k]);
    let greatest = log_w.clone().detach().max_dim(0);
    let sum = (log_w - greatest.clone()).exp().sum_dim(0);
    (sum.log() + greatest - (k as f64).ln()).squeeze_dim(0)
}

/// `w_i / Σ_j w_j` of every sample of a row, in the order of `log_w`; no gradient goes through them.
pub(super) fn shares(log_w: Tensor<1>, k: usize) -> Tensor<1> {
    let [rows] = log_w.dims();
    activation::softmax(log_w.detach().reshape([k, rows / k]), 0).reshape([rows])
}

/// What a sum of weights has come to, as the logarithm of their greatest and their sum relative to it.
#[derive(Clone, Copy)]
struct LogSum {
    greatest: f64,
    sum: f64,
    /// Sum of the logarithms.
    logs: f64,
}

impl LogSum {
    const NOTHING: Self = Self { greatest: f64::NEG_INFINITY, sum: 0.0, logs: 0.0 };

    fn add(&mut self, log_w: f64) {
        self.logs += log_w;
        if log_w <= self.greatest {
            self.sum += (log_w - self.greatest).exp();
        } else {
            self.sum = self.sum * (self.greatest - log_w).exp() + 1.0;
            self.greatest = log_w;
        }
    }
}

/// A fitted model with a Gaussian code, and where its tensors live.
pub(super) struct Evidence<'a> {
    pub module: &'a AutoencoderModule,
    pub likelihood: &'a Likelihood,
    pub code: usize,
    pub device: &'a Device,
}

/// Two estimates from the same samples.
pub(super) struct Estimates {
    /// `(1/k) Σ log w_i`, the evidence lower bound.
    pub bound: Vec<f64>,
    /// `log (1/k) Σ w_i`.
    pub log_likelihood: Vec<f64>,
}

impl Evidence<'_> {
    /// Estimates for every row by `k` samples, which belong to the row: what stands beside it changes nothing.
    pub(super) fn estimate(&self, x: &Matrix, k: usize) -> Estimates {
        let mut estimates = Estimates { bound: Vec::new(), log_likelihood: Vec::new() };
        let at_once = (ROWS / k).max(1);
        for first in (0..x.rows()).step_by(at_once) {
            let rows: Vec<usize> = (first..x.rows().min(first + at_once)).collect();
            for sums in self.of_rows(&x.select_rows(&rows), k) {
                estimates.bound.push(sums.logs / k as f64);
                estimates.log_likelihood.push(sums.greatest + (sums.sum / k as f64).ln());
            }
        }
        estimates
    }

    fn of_rows(&self, x: &Matrix, k: usize) -> Vec<LogSum> {
        let n = x.rows();
        let mut rngs: Vec<ChaCha8Rng> =
            x.iter_rows().map(|row| stream(row_key(row), Purpose::Sampling, 0, 0)).collect();
        let constant = self.likelihood.constant(self.module.log_variance.is_some());
        let output = self.module.encoder_output(to_tensor(x.as_slice().to_vec(), x.cols(), self.device));
        let mut sums = vec![LogSum::NOTHING; n];
        let mut done = 0;
        while done < k {
            let samples = (ROWS / n).max(1).min(k - done);
            done += samples;
            let posterior = Posterior::new(output.clone()).repeat(samples);
            let noise = self.noise(&mut rngs, samples);
            let z = posterior.sample(noise.clone());
            let ratio = posterior.log_ratio(noise, z.clone());
            let x = to_tensor(x.as_slice().to_vec(), x.cols(), self.device);
            let target = Target { x, weights: None }.repeat(samples);
            let decoded = self.module.decode(z);
            let log_p = self.likelihood.of_target(decoded, &target, self.module.log_variance());
            for (i, log_w) in host_values(ratio - log_p).into_iter().enumerate() {
                sums[i % n].add(f64::from(log_w) - constant);
            }
        }
        sums
    }

    /// Normal numbers for `samples` times the rows, each row's from its own stream.
    fn noise(&self, rngs: &mut [ChaCha8Rng], samples: usize) -> Tensor<2> {
        let (n, code) = (rngs.len(), self.code);
        let mut values = vec![0f32; samples * n * code];
        for (i, rng) in rngs.iter_mut().enumerate() {
            for s in 0..samples {
                let at = (s * n + i) * code;
                values[at..at + code].iter_mut().for_each(|v| *v = StandardNormal.sample(rng));
            }
        }
        Tensor::from_data(TensorData::new(values, [samples * n, code]), self.device)
    }
}
