//! Initial weights.

use faer::Mat;
use latentia_linalg::orthonormal;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ActivationKind;

/// The distribution of initial weights of a layer with `fan_in` inputs and `fan_out` outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Initializer {
    /// He normal before rectifiers (relu, leaky-relu, elu, gelu), LeCun normal before selu, Xavier uniform otherwise.
    Auto,
    /// Uniform with variance `2 / (fan_in + fan_out)` (Glorot & Bengio 2010).
    XavierUniform,
    /// Normal with variance `2 / (fan_in + fan_out)` (Glorot & Bengio 2010).
    XavierNormal,
    /// Uniform with variance `2 / fan_in` (He et al. 2015).
    HeUniform,
    /// Normal with variance `2 / fan_in` (He et al. 2015).
    HeNormal,
    /// Normal with variance `gain² / fan_in`, the gain that of the activation (LeCun et al. 1998).
    VarianceScaling,
    /// A random matrix with orthonormal rows or columns, times the gain of the activation (Saxe et al. 2014).
    Orthogonal,
}

impl Initializer {
    /// The weights `[fan_out, fan_in]`, row-major.
    pub fn weights(
        self,
        fan_out: usize,
        fan_in: usize,
        activation: ActivationKind,
        rng: &mut ChaCha8Rng,
    ) -> Vec<f32> {
        self.with_fans([fan_out, fan_in], (fan_in as f64, fan_out as f64), activation, rng)
    }

    /// Weights of this shape, row-major, of a layer with so many inputs to each output and outputs of each input.
    pub(super) fn with_fans(
        self,
        [rows, cols]: [usize; 2],
        (inputs, outputs): (f64, f64),
        activation: ActivationKind,
        rng: &mut ChaCha8Rng,
    ) -> Vec<f32> {
        let n = rows * cols;
        match self {
            Self::Auto => {
                let by_activation = match activation {
                    ActivationKind::Relu
                    | ActivationKind::LeakyRelu
                    | ActivationKind::Elu
                    | ActivationKind::Gelu => Self::HeNormal,
                    ActivationKind::Selu => return normal(n, (1.0 / inputs).sqrt(), rng),
                    _ => Self::XavierUniform,
                };
                by_activation.with_fans([rows, cols], (inputs, outputs), activation, rng)
            }
            Self::XavierUniform => uniform(n, 2.0 / (inputs + outputs), rng),
            Self::XavierNormal => normal(n, (2.0 / (inputs + outputs)).sqrt(), rng),
            Self::HeUniform => uniform(n, 2.0 / inputs, rng),
            Self::HeNormal => normal(n, (2.0 / inputs).sqrt(), rng),
            Self::VarianceScaling => normal(n, activation.gain() / inputs.sqrt(), rng),
            Self::Orthogonal => orthogonal(rows, cols, activation.gain(), rng),
        }
    }
}

fn uniform(n: usize, variance: f64, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let bound = (3.0 * variance).sqrt();
    (0..n).map(|_| rng.random_range(-bound..bound) as f32).collect()
}

fn normal(n: usize, deviation: f64, rng: &mut ChaCha8Rng) -> Vec<f32> {
    (0..n).map(|_| (deviation * draw(rng)) as f32).collect()
}

fn draw(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// `gain · Q`, Q from the QR decomposition of a normal matrix with the diagonal of R positive, so that it is uniform over
/// the orthogonal group (Mezzadri 2007).
fn orthogonal(rows: usize, cols: usize, gain: f64, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let (tall, narrow) = (rows.max(cols), rows.min(cols));
    let q = orthonormal(Mat::<f64>::from_fn(tall, narrow, |_, _| draw(rng)).as_ref());
    let value = |i: usize, j: usize| gain * if rows >= cols { q[(i, j)] } else { q[(j, i)] };
    (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j))).map(|(i, j)| value(i, j) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn weights_have_the_variance_of_their_definition() {
        let (out, inp) = (300, 200);
        let cases = [
            (Initializer::XavierUniform, ActivationKind::Tanh, 2.0 / 500.0),
            (Initializer::XavierNormal, ActivationKind::Tanh, 2.0 / 500.0),
            (Initializer::HeUniform, ActivationKind::Relu, 2.0 / 200.0),
            (Initializer::HeNormal, ActivationKind::Relu, 2.0 / 200.0),
            (Initializer::VarianceScaling, ActivationKind::Tanh, 25.0 / 9.0 / 200.0),
            (Initializer::Auto, ActivationKind::Selu, 1.0 / 200.0),
            (Initializer::Auto, ActivationKind::Sigmoid, 2.0 / 500.0),
        ];
        let wrong: Vec<_> = cases
            .iter()
            .filter_map(|&(init, activation, expected)| {
                let w = init.weights(out, inp, activation, &mut stream(1, Purpose::Init, 0, 0));
                let variance = w.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>() / w.len() as f64;
                ((variance / expected - 1.0).abs() > 0.03).then_some((init, variance, expected))
            })
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn orthogonal_weights_are_orthonormal_times_the_gain() {
        for (rows, cols) in [(7, 4), (4, 7)] {
            let w = Initializer::Orthogonal.weights(
                rows,
                cols,
                ActivationKind::Identity,
                &mut stream(1, Purpose::Init, 0, 0),
            );
            let at = |i: usize, j: usize| f64::from(w[i * cols + j]);
            let n = rows.min(cols);
            for a in 0..n {
                for b in 0..n {
                    let dot: f64 = if rows >= cols {
                        (0..rows).map(|i| at(i, a) * at(i, b)).sum()
                    } else {
                        (0..cols).map(|j| at(a, j) * at(b, j)).sum()
                    };
                    assert!((dot - f64::from(u8::from(a == b))).abs() < 1e-6, "{rows}x{cols} {a} {b} {dot}");
                }
            }
        }
    }
}
