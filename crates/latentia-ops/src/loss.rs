//! Likelihood terms, one number a row.

use burn::tensor::{Tensor, activation};

/// `Σ_j (output_j − target_j)²` of every row: `[batch, d]`, `[batch, d]` to `[batch]`.
pub fn squared_error(output: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    (output - target).powf_scalar(2.0).sum_dim(1).squeeze_dim(1)
}

/// `−Σ_j t log σ(l) + (1 − t) log (1 − σ(l)) = Σ_j softplus(l) − t l` of every row, for logits `l` and targets `t`
/// in [0, 1].
pub fn bernoulli_with_logits(logits: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    (activation::softplus(logits.clone(), 1.0) - target * logits).sum_dim(1).squeeze_dim(1)
}

/// `−Σ_j t_j log softmax(l)_j` of every row, for logits `l` and counts or shares `t`.
pub fn categorical_with_logits(logits: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    (activation::log_softmax(logits, 1) * target).sum_dim(1).squeeze_dim(1).neg()
}
