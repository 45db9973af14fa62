//! Random numbers as tensors, drawn on the host from a stream.

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Standard normal numbers, `[rows, cols]`.
pub(super) fn normal(rows: usize, cols: usize, rng: &mut ChaCha8Rng, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = (0..rows * cols).map(|_| StandardNormal.sample(rng)).collect();
    Tensor::from_data(TensorData::new(values, [rows, cols]), device)
}

/// 1 or −1, equally likely, `[rows, cols]` (Rademacher).
pub(super) fn signs(rows: usize, cols: usize, rng: &mut ChaCha8Rng, device: &Device) -> Tensor<2> {
    let sign = |positive: bool| if positive { 1f32 } else { -1.0 };
    let values: Vec<f32> = (0..rows * cols).map(|_| sign(rng.random::<bool>())).collect();
    Tensor::from_data(TensorData::new(values, [rows, cols]), device)
}

/// Numbers of the standard Gumbel distribution, `−log(−log u)` of a uniform `u`, `[rows, cols]`.
pub(super) fn gumbel(rows: usize, cols: usize, rng: &mut ChaCha8Rng, device: &Device) -> Tensor<2> {
    // Never 0 nor 1, whose logarithms are not finite.
    let uniform = |rng: &mut ChaCha8Rng| (f64::from(rng.random::<u32>()) + 0.5) / 2f64.powi(32);
    let values: Vec<f32> = (0..rows * cols).map(|_| -(-uniform(rng).ln()).ln() as f32).collect();
    Tensor::from_data(TensorData::new(values, [rows, cols]), device)
}
