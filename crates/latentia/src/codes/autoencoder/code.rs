//! What a code is: numbers, or a sample of a distribution that the encoder describes.

use burn::tensor::{Tensor, TensorData, activation};
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{config::AutoencoderConfig, noise};
use crate::train::params::host_values;

/// What a code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CodeDistribution {
    /// The numbers that the encoder returns.
    Deterministic,
    /// A normal distribution around them with a standard normal prior: a variational autoencoder (Kingma & Welling 2014).
    Gaussian,
    /// 0 or 1 each, for search by code (Salakhutdinov & Hinton 2009).
    Binary,
    /// Variables of a few values each, one number for each value (Jang et al. 2017).
    Categorical,
    /// The nearest vectors of a learnt codebook (van den Oord et al. 2017).
    Quantized,
}

impl CodeDistribution {
    /// Its name in recipes.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Deterministic => "deterministic",
            Self::Gaussian => "gaussian",
            Self::Binary => "binary",
            Self::Categorical => "categorical",
            Self::Quantized => "quantized",
        }
    }

    /// Numbers that the encoder returns for a code of `code` numbers.
    pub(super) fn encoder_outputs(self, code: usize) -> usize {
        match self {
            Self::Gaussian => 2 * code,
            _ => code,
        }
    }
}

/// The `k` largest numbers of every row, the others 0 (Makhzani & Frey 2014); the first of equals.
pub(super) fn keep_largest(h: Tensor<2>, k: usize) -> Tensor<2> {
    let [rows, cols] = h.dims();
    if k == 0 || k >= cols {
        return h;
    }
    let values = host_values(h.clone().detach());
    let mut mask = vec![0f32; rows * cols];
    let mut order: Vec<usize> = Vec::with_capacity(cols);
    for (row, mask) in values.chunks_exact(cols).zip(mask.chunks_exact_mut(cols)) {
        order.clear();
        order.extend(0..cols);
        order.select_nth_unstable_by(k - 1, |&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
        order[..k].iter().for_each(|&j| mask[j] = 1.0);
    }
    let mask = Tensor::from_data(TensorData::new(mask, [rows, cols]), &h.device().inner());
    h * mask
}

/// `q(z | x)`: independent normal distributions.
pub(super) struct Posterior {
    /// `μ`, `[batch, code]`.
    pub mean: Tensor<2>,
    /// `log σ²`, `[batch, code]`.
    pub log_variance: Tensor<2>,
}

impl Posterior {
    /// From what the encoder returns: `μ` first, then `log σ²`.
    pub(super) fn new(output: Tensor<2>) -> Self {
        let code = output.dims()[1] / 2;
        Self { mean: output.clone().narrow(1, 0, code), log_variance: output.narrow(1, code, code) }
    }

    /// `k` times the rows, one after the other.
    pub(super) fn repeat(self, k: usize) -> Self {
        match k {
            1 => self,
            _ => Self { mean: self.mean.repeat_dim(0, k), log_variance: self.log_variance.repeat_dim(0, k) },
        }
    }

    /// `z = μ + σ ε`: a sample that can be differentiated, for standard normal `ε` (Kingma & Welling 2014).
    pub(super) fn sample(&self, noise: Tensor<2>) -> Tensor<2> {
        (self.log_variance.clone() * 0.5).exp() * noise + self.mean.clone()
    }

    /// The same distributions, through which no gradient goes.
    pub(super) fn detach(self) -> Self {
        Self { mean: self.mean.detach(), log_variance: self.log_variance.detach() }
    }

    /// `ε = (z − μ) / σ`.
    pub(super) fn noise(&self, z: Tensor<2>) -> Tensor<2> {
        (z - self.mean.clone()) * (self.log_variance.clone() * -0.5).exp()
    }

    /// `KL(q(z | x) ‖ p(z)) = ½ (μ² + σ² − log σ² − 1)` of each number of the code, for `p(z) = N(0, I)`.
    pub(super) fn divergence(&self) -> Tensor<2> {
        let (mean, log_variance) = (self.mean.clone(), self.log_variance.clone());
        (mean.square() + log_variance.clone().exp() - log_variance - 1.0) * 0.5
    }

    /// `log p(z) − log q(z | x) = ½ Σ (ε² + log σ² − z²)` of every row, for `z = μ + σ ε`.
    pub(super) fn log_ratio(&self, noise: Tensor<2>, z: Tensor<2>) -> Tensor<1> {
        ((noise.square() + self.log_variance.clone() - z.square()).sum_dim(1) * 0.5).squeeze_dim(1)
    }
}

/// The value of `soft` in the gradient and that of `hard` everywhere else (Bengio, Léonard & Courville 2013).
pub(super) fn straight_through(hard: Tensor<2>, soft: Tensor<2>) -> Tensor<2> {
    let apart = hard.detach() - soft.clone().detach();
    soft + apart
}

/// 1 where the logit is above 0, else 0.
pub(super) fn bits(logits: Tensor<2>) -> Tensor<2> {
    logits.greater_scalar(0.0).float()
}

/// Binary codes in training: `σ(a + s ε)`, normal noise before the sigmoid (Salakhutdinov & Hinton 2009), rounded where
/// the gradient goes straight through.
///
/// Large noise makes units choose: only far from 0 does a logit say the same thing twice.
pub(super) fn noisy_bits(logits: Tensor<2>, config: &AutoencoderConfig, rng: &mut ChaCha8Rng) -> Tensor<2> {
    let [rows, cols] = logits.dims();
    let logits = match config.code_noise > 0.0 {
        true => {
            let noise = noise::normal(rows, cols, rng, &logits.device().inner());
            logits + noise * config.code_noise
        }
        false => logits,
    };
    let soft = activation::sigmoid(logits.clone());
    match config.straight_through {
        true => straight_through(bits(logits), soft),
        false => soft,
    }
}

/// Logits by variable: `[batch · variables, categories]`.
fn by_variable(logits: Tensor<2>, categories: usize) -> Tensor<2> {
    let [rows, cols] = logits.dims();
    logits.reshape([rows * cols / categories, categories])
}

/// 1 for the likeliest value of each variable, 0 for the others.
pub(super) fn one_hot(logits: Tensor<2>, categories: usize) -> Tensor<2> {
    let [rows, cols] = logits.dims();
    let each = by_variable(logits, categories);
    keep_largest_one(each).reshape([rows, cols])
}

/// 1 for the largest number of every row, 0 for the others; the first of equals.
fn keep_largest_one(x: Tensor<2>) -> Tensor<2> {
    let [rows, cols] = x.dims();
    let values = host_values(x.clone().detach());
    let mut hot = vec![0f32; rows * cols];
    for (row, hot) in values.chunks_exact(cols).zip(hot.chunks_exact_mut(cols)) {
        let best = (1..cols).fold(0, |best, j| if row[j] > row[best] { j } else { best });
        hot[best] = 1.0;
    }
    Tensor::from_data(TensorData::new(hot, [rows, cols]), &x.device().inner())
}

/// Categorical codes in training: `softmax((a + g) / τ)` with Gumbel noise `g` (Jang et al. 2017; Maddison et al. 2017),
/// one-hot where the gradient goes straight through.
pub(super) fn relaxed_categories(
    logits: Tensor<2>,
    config: &AutoencoderConfig,
    rng: &mut ChaCha8Rng,
) -> Tensor<2> {
    let [rows, cols] = logits.dims();
    let noise = noise::gumbel(rows, cols, rng, &logits.device().inner());
    let each = by_variable((logits + noise) / config.temperature, config.categories);
    let soft = activation::softmax(each.clone(), 1);
    let code = match config.straight_through {
        true => straight_through(keep_largest_one(each), soft),
        false => soft,
    };
    code.reshape([rows, cols])
}

/// `Σ KL(q ‖ uniform) = Σ q (log q + log K)` of every row, over its variables of `K` categories.
pub(super) fn category_divergence(logits: Tensor<2>, categories: usize) -> Tensor<1> {
    let [rows, cols] = logits.dims();
    let log_q = activation::log_softmax(by_variable(logits, categories), 1);
    let each = log_q.clone().exp() * (log_q + (categories as f64).ln());
    each.reshape([rows, cols]).sum_dim(1).squeeze_dim(1)
}

/// The vectors of `codebook` `[vectors, size]` nearest to those of `h`, in its shape.
pub(super) fn nearest_vectors(h: Tensor<2>, codebook: Tensor<2>) -> Tensor<2> {
    let [rows, cols] = h.dims();
    let size = codebook.dims()[1];
    let each = h.detach().reshape([rows * cols / size, size]);
    // ‖h − e‖² less ‖h‖², which is the same for all e.
    let still = codebook.clone().detach();
    let lengths = still.clone().square().sum_dim(1).transpose();
    let nearest = (lengths - each.matmul(still.transpose()) * 2.0).argmin(1).squeeze_dim(1);
    codebook.select(0, nearest).reshape([rows, cols])
}
