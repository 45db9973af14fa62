//! How much a linear model can read from codes.

use std::collections::VecDeque;

use rayon::prelude::*;

use crate::data::Matrix;
use crate::linalg::{check_cols, check_finite};
use crate::{Result, evaluate::check_lengths};

/// Rows whose gradients are summed before the sums are added in order.
const ROWS: usize = 512;
/// Pairs of steps and gradient differences that L-BFGS remembers.
const MEMORY: usize = 10;
/// L-BFGS steps after which the search stops.
const STEPS: usize = 300;

/// Accuracy on `test` of a multinomial logistic regression fitted on `train`: weights `W`, `b` that minimise
///
/// ```text
/// Σ_i -log softmax(W x_i + b)_{y_i} + ½ ‖W‖²
/// ```
///
/// on columns scaled to zero mean and unit variance of `train` (scikit-learn's `LogisticRegression(C=1)` after a
/// `StandardScaler`), by L-BFGS (Nocedal 1980) from zero.
///
/// # Errors
/// When rows and labels differ in number, columns differ, or a value is not finite.
pub fn linear_probe_accuracy(
    train: &Matrix,
    train_labels: &[u32],
    test: &Matrix,
    test_labels: &[u32],
) -> Result<f64> {
    check_lengths("train_labels", train_labels.len(), "the training rows", train.rows())?;
    check_lengths("test_labels", test_labels.len(), "the test rows", test.rows())?;
    check_cols("test", test, train.cols())?;
    check_finite("train", train)?;
    check_finite("test", test)?;
    let model = LogisticRegression::fit(train, train_labels)?;
    let predicted = model.log_probabilities(test)?;
    let right = predicted.iter().zip(test_labels).filter(|(row, label)| {
        let best = (1..row.len()).fold(0, |best, c| if row[c] > row[best] { c } else { best });
        model.classes[best] == **label
    });
    Ok(right.count() as f64 / test.rows() as f64)
}

/// The multinomial logistic regression of [`linear_probe_accuracy`].
#[derive(Debug, Clone)]
pub struct LogisticRegression {
    /// `[classes, columns + 1]`.
    weights: Vec<f64>,
    mean: Vec<f64>,
    deviation: Vec<f64>,
    classes: Vec<u32>,
}

impl LogisticRegression {
    /// Fits it.
    ///
    /// # Errors
    /// When rows and labels differ in number or a value is not finite.
    pub fn fit(train: &Matrix, labels: &[u32]) -> Result<Self> {
        check_lengths("labels", labels.len(), "the rows", train.rows())?;
        check_finite("train", train)?;
        let mut classes = labels.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let targets: Vec<usize> = labels.iter().map(|l| classes.partition_point(|c| c < l)).collect();
        let (x, mean, deviation) = standardised(train);
        let problem = Problem { x: &x, targets: &targets, width: train.cols() + 1, classes: classes.len() };
        let weights = minimise(&problem);
        Ok(Self { weights, mean, deviation, classes })
    }

    /// The labels it has seen, in order: the columns of what it predicts.
    pub fn classes(&self) -> &[u32] {
        &self.classes
    }

    /// `log p(class | x)` of every row.
    ///
    /// # Errors
    /// When the columns are not those it was fitted to or a value is not finite.
    pub fn log_probabilities(&self, x: &Matrix) -> Result<Vec<Vec<f64>>> {
        check_cols("rows", x, self.mean.len())?;
        check_finite("rows", x)?;
        let width = self.mean.len() + 1;
        let row = |row: &[f32]| {
            let scaled = row.iter().zip(&self.mean).zip(&self.deviation);
            let row: Vec<f64> = scaled.map(|((&v, m), s)| (f64::from(v) - m) / s).chain([1.0]).collect();
            let logits: Vec<f64> = self.weights.chunks_exact(width).map(|w| dot(w, &row)).collect();
            let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = logits.iter().map(|l| (l - largest).exp()).sum();
            logits.into_iter().map(|l| l - largest - sum.ln()).collect()
        };
        Ok(x.iter_rows().map(row).collect())
    }
}

/// The rows with zero mean and unit variance and a last column of ones; constant columns are only centred.
fn standardised(x: &Matrix) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let (n, d) = (x.rows() as f64, x.cols());
    let column = |j: usize| x.iter_rows().map(move |row| f64::from(row[j]));
    let mean: Vec<f64> = (0..d).map(|j| column(j).sum::<f64>() / n).collect();
    let variance = |j: usize| column(j).map(|v| (v - mean[j]).powi(2)).sum::<f64>() / n;
    let deviation: Vec<f64> =
        (0..d).map(|j| variance(j).sqrt()).map(|s| if s > 0.0 { s } else { 1.0 }).collect();
    let rows = x.iter_rows().flat_map(|row| {
        let scaled = row.iter().zip(&mean).zip(&deviation).map(|((&v, m), s)| (f64::from(v) - m) / s);
        scaled.chain([1.0])
    });
    (rows.collect(), mean, deviation)
}

struct Problem<'a> {
    x: &'a [f64],
    targets: &'a [usize],
    width: usize,
    classes: usize,
}

impl Problem<'_> {
    fn logits(&self, weights: &[f64], row: &[f64]) -> Vec<f64> {
        weights.chunks_exact(self.width).map(|w| dot(w, row)).collect()
    }

    /// The objective and its gradient, summed over fixed blocks of rows in order.
    fn evaluate(&self, weights: &[f64]) -> (f64, Vec<f64>) {
        let block = |(x, targets): (&[f64], &[usize])| {
            let (mut loss, mut gradient) = (0.0, vec![0.0; weights.len()]);
            for (row, &target) in x.chunks_exact(self.width).zip(targets) {
                let logits = self.logits(weights, row);
                let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = logits.iter().map(|l| (l - largest).exp()).sum();
                loss += largest + sum.ln() - logits[target];
                for (c, (g, l)) in gradient.chunks_exact_mut(self.width).zip(&logits).enumerate() {
                    let slope = (l - largest).exp() / sum - if c == target { 1.0 } else { 0.0 };
                    g.iter_mut().zip(row).for_each(|(g, x)| *g += slope * x);
                }
            }
            (loss, gradient)
        };
        let blocks = self.x.par_chunks(ROWS * self.width).zip(self.targets.par_chunks(ROWS));
        let parts: Vec<_> = blocks.map(block).collect();
        let (mut loss, mut gradient) = (0.0, vec![0.0; weights.len()]);
        for (part, slopes) in parts {
            loss += part;
            gradient.iter_mut().zip(slopes).for_each(|(g, s)| *g += s);
        }
        for (g, w) in gradient.chunks_exact_mut(self.width).zip(weights.chunks_exact(self.width)) {
            for (g, w) in g.iter_mut().zip(w).take(self.width - 1) {
                *g += w;
                loss += w * w / 2.0;
            }
        }
        (loss, gradient)
    }
}

/// L-BFGS with a backtracking search; the problem is convex, so every accepted pair has positive curvature or is left out.
fn minimise(problem: &Problem<'_>) -> Vec<f64> {
    let mut weights = vec![0.0; problem.width * problem.classes];
    let (mut loss, mut gradient) = problem.evaluate(&weights);
    let tolerance = 1e-6 * problem.targets.len() as f64;
    let mut memory: VecDeque<(Vec<f64>, Vec<f64>)> = VecDeque::new();
    for _ in 0..STEPS {
        if gradient.iter().all(|g| g.abs() <= tolerance) {
            break;
        }
        let direction = direction(&gradient, &memory);
        let slope = dot(&direction, &gradient);
        let mut step = if memory.is_empty() { 1.0 / dot(&gradient, &gradient).sqrt() } else { 1.0 };
        let (next, next_loss, next_gradient) = loop {
            let next: Vec<f64> = weights.iter().zip(&direction).map(|(w, d)| w + step * d).collect();
            let (next_loss, next_gradient) = problem.evaluate(&next);
            if next_loss <= loss + 1e-4 * step * slope {
                break (next, next_loss, next_gradient);
            }
            step /= 2.0;
            if step < 1e-12 {
                return weights;
            }
        };
        let s: Vec<f64> = next.iter().zip(&weights).map(|(a, b)| a - b).collect();
        let y: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        if dot(&s, &y) > 1e-12 * dot(&y, &y) {
            memory.push_back((s, y));
            if memory.len() > MEMORY {
                memory.pop_front();
            }
        }
        (weights, loss, gradient) = (next, next_loss, next_gradient);
    }
    weights
}

/// The two-loop recursion: minus the approximate inverse Hessian times the gradient.
fn direction(gradient: &[f64], memory: &VecDeque<(Vec<f64>, Vec<f64>)>) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut alphas = Vec::with_capacity(memory.len());
    for (s, y) in memory.iter().rev() {
        let alpha = dot(s, &q) / dot(s, y);
        q.iter_mut().zip(y).for_each(|(q, y)| *q -= alpha * y);
        alphas.push(alpha);
    }
    if let Some((s, y)) = memory.back() {
        let scale = dot(s, y) / dot(y, y);
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for ((s, y), alpha) in memory.iter().zip(alphas.iter().rev()) {
        let beta = dot(y, &q) / dot(s, y);
        q.iter_mut().zip(s).for_each(|(q, s)| *q += (alpha - beta) * s);
    }
    q
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
