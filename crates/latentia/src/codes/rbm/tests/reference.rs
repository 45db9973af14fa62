//! Machines by their definition, in double precision, small enough that every state can be visited.

use burn::tensor::Device;

use super::super::{
    Rbm, Units,
    module::{HALF_LOG_TWO_PI, RbmModule},
};
use crate::data::Matrix;

/// The same machine by its definition.
pub(super) struct Reference {
    pub(super) w: Vec<Vec<f64>>,
    pub(super) b: Vec<f64>,
    pub(super) c: Vec<f64>,
    visible: Units,
    hidden: Units,
}

/// Every assignment of 0 and 1 to `n` units.
pub(super) fn states(n: usize) -> Vec<Vec<f64>> {
    (0..1u32 << n).map(|s| (0..n).map(|i| f64::from(s >> i & 1)).collect()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(super) fn log_sum_exp(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + values.iter().map(|v| (v - most).exp()).sum::<f64>().ln()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Reference {
    /// A machine of `[hidden, visible]` weights of about `scale`.
    pub(super) fn new((visible, hidden): (Units, Units), (n, m): (usize, usize), scale: f64) -> Self {
        let w = (0..m).map(|j| (0..n).map(|i| scale * ((j * n + i) as f64 * 1.7 + 0.4).sin()).collect());
        let b = (0..n).map(|i| 0.4 * (i as f64 * 2.1).cos()).collect();
        let c = (0..m).map(|j| 0.5 * (j as f64 * 1.3 + 1.0).sin()).collect();
        Self { w: w.collect(), b, c, visible, hidden }
    }

    pub(super) fn module(&self) -> RbmModule {
        let single = |v: &[f64]| v.iter().map(|&v| v as f32).collect::<Vec<_>>();
        let w = self.w.iter().flat_map(|row| single(row)).collect();
        RbmModule::new((self.visible, self.hidden), w, single(&self.b), single(&self.c), &Device::flex())
    }

    fn layer(units: Units, x: &[f64], bias: &[f64]) -> f64 {
        match units {
            Units::Bernoulli => -dot(x, bias),
            Units::Gaussian => x.iter().zip(bias).map(|(x, b)| 0.5 * (x - b).powi(2)).sum(),
        }
    }

    pub(super) fn energy(&self, v: &[f64], h: &[f64]) -> f64 {
        let coupling: f64 = self.w.iter().zip(h).map(|(w, h)| h * dot(w, v)).sum();
        Self::layer(self.visible, v, &self.b) + Self::layer(self.hidden, h, &self.c) - coupling
    }

    /// `−log Σ_h exp(−E)`; for Gaussian hidden units the integral, which is one of a single unit for each, by the
    /// trapezoid rule.
    pub(super) fn free_energy(&self, v: &[f64]) -> f64 {
        match self.hidden {
            Units::Bernoulli => {
                let all: Vec<f64> = states(self.c.len()).iter().map(|h| -self.energy(v, h)).collect();
                -log_sum_exp(&all)
            }
            Units::Gaussian => {
                let of_units: f64 = (self.w.iter().zip(&self.c))
                    .map(|(w, c)| {
                        let step = 0.01;
                        let grid = (-3000..=3000).map(|k| f64::from(k) * step);
                        let values: Vec<f64> =
                            grid.map(|h| h * dot(w, v) - 0.5 * (h - c).powi(2) + f64::ln(step)).collect();
                        log_sum_exp(&values)
                    })
                    .sum();
                Self::layer(self.visible, v, &self.b) - of_units
            }
        }
    }

    /// `log Z` of a machine with at least one binary layer.
    pub(super) fn log_partition(&self) -> f64 {
        let all: Vec<f64> = match self.visible {
            Units::Bernoulli => states(self.b.len()).iter().map(|v| -self.free_energy(v)).collect(),
            // Σ_h ∫ exp(−E) dv, the integral of each unit with its mean at b + Wᵀ h.
            Units::Gaussian => states(self.c.len())
                .iter()
                .map(|h| {
                    let of_units = (0..self.b.len()).map(|i| {
                        let a: f64 = self.w.iter().zip(h).map(|(w, h)| w[i] * h).sum();
                        HALF_LOG_TWO_PI + a * self.b[i] + 0.5 * a * a
                    });
                    dot(h, &self.c) + of_units.sum::<f64>()
                })
                .collect(),
        };
        log_sum_exp(&all)
    }

    /// `p(v)` of every binary `v`.
    pub(super) fn distribution(&self) -> Vec<f64> {
        let log_z = self.log_partition();
        states(self.b.len()).iter().map(|v| (-self.free_energy(v) - log_z).exp()).collect()
    }

    /// `p(h_j = 1 | v)`.
    pub(super) fn hidden_mean(&self, v: &[f64]) -> Vec<f64> {
        self.w.iter().zip(&self.c).map(|(w, c)| sigmoid(c + dot(w, v))).collect()
    }
}

pub(super) const BINARY: (Units, Units) = (Units::Bernoulli, Units::Bernoulli);

pub(super) const KINDS: [(Units, Units); 3] =
    [BINARY, (Units::Gaussian, Units::Bernoulli), (Units::Bernoulli, Units::Gaussian)];

pub(super) fn matrix(rows: &[Vec<f64>]) -> Matrix {
    let values = rows.iter().flatten().map(|&v| v as f32).collect();
    Matrix::new(rows.len(), rows[0].len(), values)
}

/// Rows that fit the visible units.
pub(super) fn rows(visible: Units, n: usize) -> Vec<Vec<f64>> {
    match visible {
        Units::Bernoulli => states(n),
        Units::Gaussian => {
            (0..9).map(|r| (0..n).map(|i| 1.5 * ((r * n + i) as f64 * 0.9).sin()).collect()).collect()
        }
    }
}

pub(super) fn rbm(reference: &Reference, sample_steps: usize) -> Rbm {
    Rbm::new(reference.module(), sample_steps, &Device::flex())
}
