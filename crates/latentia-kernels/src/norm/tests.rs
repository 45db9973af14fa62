//! Layer normalisation against f64, gradients by finite differences, equal bits for any number of threads.

use super::*;
use crate::gemm::tests::numbers;
use crate::simd::{Level, tests::levels, with_level};
use crate::threads::{tests::three_threads, with_limit};

const EPS: f32 = 1e-5;

fn exact(x: &[f64], gamma: &[f64], beta: &[f64]) -> Vec<f64> {
    let width = gamma.len();
    let row = |x: &[f64]| {
        let mean = x.iter().sum::<f64>() / width as f64;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
        let r = 1.0 / (variance + f64::from(EPS)).sqrt();
        (0..width).map(|j| gamma[j] * (x[j] - mean) * r + beta[j]).collect::<Vec<_>>()
    };
    x.chunks_exact(width).flat_map(row).collect()
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&v| f64::from(v)).collect()
}

struct Case {
    x: Vec<f32>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
    dy: Vec<f32>,
}

impl Case {
    fn new(batch: usize, width: usize) -> Self {
        let x = numbers(batch * width, 1).iter().map(|v| 3.0 + 2.0 * v).collect();
        Self { x, gamma: numbers(width, 2), beta: numbers(width, 3), dy: numbers(batch * width, 4) }
    }

    /// `(y, dx, dγ, dβ)`
    fn run(&self, level: Level, threads: usize) -> [Vec<f32>; 4] {
        let (width, len) = (self.gamma.len(), self.x.len());
        let (mut mean, mut deviation) = (vec![0.0; len / width], vec![0.0; len / width]);
        let [mut y, mut dx] = [vec![0.0; len], vec![0.0; len]];
        let [mut dgamma, mut dbeta] = [vec![0.0; width], vec![0.0; width]];
        with_limit(threads, || {
            with_level(level, || {
                let saved = Saved { mean: &mut mean, inverse_deviation: &mut deviation };
                layer_norm(EPS, &self.x, &self.gamma, &self.beta, &mut y, saved);
                let (x, gamma, dy) = (&self.x, &self.gamma, &self.dy);
                let context = Context { x, gamma, mean: &mean, inverse_deviation: &deviation, dy };
                layer_norm_backward(context, &mut dx, &mut dgamma, &mut dbeta);
            });
        });
        [y, dx, dgamma, dbeta]
    }
}

/// `∂(dy · y)/∂v` by central differences, `v` being the argument `which` of [`exact`].
fn differences(case: &Case, which: usize) -> Vec<f64> {
    let mut arguments = [wide(&case.x), wide(&case.gamma), wide(&case.beta)];
    let value = |[x, gamma, beta]: &[Vec<f64>; 3]| {
        exact(x, gamma, beta).iter().zip(&case.dy).map(|(y, &dy)| y * f64::from(dy)).sum::<f64>()
    };
    (0..arguments[which].len())
        .map(|i| {
            let (old, h) = (arguments[which][i], 1e-6);
            arguments[which][i] = old + h;
            let up = value(&arguments);
            arguments[which][i] = old - h;
            let down = value(&arguments);
            arguments[which][i] = old;
            (up - down) / (2.0 * h)
        })
        .collect()
}

#[test]
fn values_and_gradients_agree_with_f64() {
    let _alone = three_threads();
    for (batch, width) in [(1, 2), (3, 7), (2, 16), (40, 33), (5, 100)] {
        let case = Case::new(batch, width);
        let want = [
            exact(&wide(&case.x), &wide(&case.gamma), &wide(&case.beta)),
            differences(&case, 0),
            differences(&case, 1),
            differences(&case, 2),
        ];
        for level in levels() {
            for ((name, got), want) in ["y", "dx", "dγ", "dβ"].iter().zip(case.run(level, 3)).zip(&want) {
                for (i, (&got, want)) in got.iter().zip(want).enumerate() {
                    let close = (f64::from(got) - want).abs() < 2e-5 * (1.0 + want.abs());
                    assert!(close, "{name}[{i}] of {batch}x{width}: {got} {want} ({})", level.name());
                }
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let _alone = three_threads();
    let case = Case::new(150, 130);
    for level in levels() {
        let one = case.run(level, 1);
        assert!(one == case.run(level, 2) && one == case.run(level, 3), "{}", level.name());
    }
}
