//! What the tests of operations share.

use burn::tensor::{Device, Tensor, TensorData};

/// Numbers in (-1, 1) that differ from seed to seed.
pub(crate) fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let mut state = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
        })
        .collect()
}

pub(crate) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

/// Appends to `wrong` where two arrays differ by more than `tolerance` of their largest value.
pub(crate) fn compare(wrong: &mut Vec<String>, name: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    if found.len() != expected.len() {
        wrong.push(format!("{name}: {} values, expected {}", found.len(), expected.len()));
        return;
    }
    let scale = expected.iter().fold(1f32, |m, v| m.max(v.abs()));
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        let error = (a - b).abs() / scale;
        if error.is_nan() || error > tolerance {
            wrong.push(format!("{name}[{i}]: {a}, expected {b}"));
            return;
        }
    }
}

/// Central differences of `objective` at `x`, `step` to each side.
pub(crate) fn differences(x: &[f32], step: f32, objective: impl Fn(&[f32]) -> f64) -> Vec<f32> {
    let mut moved = x.to_vec();
    (0..x.len())
        .map(|i| {
            let (up, down) = (x[i] + step, x[i] - step);
            moved[i] = up;
            let above = objective(&moved);
            moved[i] = down;
            let below = objective(&moved);
            moved[i] = x[i];
            ((above - below) / f64::from(up - down)) as f32
        })
        .collect()
}
