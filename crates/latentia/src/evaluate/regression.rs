//! How far told numbers are from what they should be, and least squares to compare with.

use faer::Mat;
use latentia_linalg::symmetric_eigen;

use super::check_lengths;
use crate::{
    Result,
    data::Matrix,
    linalg::{check_cols, check_finite},
};

/// How far told numbers are from what they should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegressionErrors {
    /// `√(Σ (y − ŷ)² / n)`.
    pub root_mean_square: f64,
    /// `Σ |y − ŷ| / n`.
    pub mean_absolute: f64,
    /// `1 − Σ (y − ŷ)² / Σ (y − ȳ)²`; `None` where all `y` are equal.
    pub r_squared: Option<f64>,
}

/// The errors of `told` beside `actual`.
///
/// # Errors
/// When there are no rows, or not as many of both.
pub fn regression_errors(actual: &[f64], told: &[f64]) -> Result<RegressionErrors> {
    check_lengths("told", told.len(), "actual", actual.len())?;
    let n = actual.len() as f64;
    let mean = actual.iter().sum::<f64>() / n;
    let squares: f64 = actual.iter().zip(told).map(|(y, t)| (y - t).powi(2)).sum();
    let spread: f64 = actual.iter().map(|y| (y - mean).powi(2)).sum();
    Ok(RegressionErrors {
        root_mean_square: (squares / n).sqrt(),
        mean_absolute: actual.iter().zip(told).map(|(y, t)| (y - t).abs()).sum::<f64>() / n,
        r_squared: (spread > 0.0).then(|| 1.0 - squares / spread),
    })
}

/// Ordinary least squares: the `W`, `b` of least norm that minimise `Σ_i ‖y_i − W x_i − b‖²`.
#[derive(Debug, Clone)]
pub struct LeastSquares {
    /// `[targets, columns]`.
    weights: Mat<f64>,
    /// Means of the columns and of the targets.
    means: (Vec<f64>, Vec<f64>),
}

/// Directions whose variance is below this share of the greatest carry rounding errors only.
const LEAST_VARIANCE: f64 = 1e-10;

impl LeastSquares {
    /// Fits it by the eigenvectors of `Xᵀ X`, `X` and `Y` centred.
    ///
    /// # Errors
    /// When rows and targets differ in number, or a value is not finite.
    pub fn fit(x: &Matrix, y: &Matrix) -> Result<Self> {
        check_lengths("y", y.rows(), "x", x.rows())?;
        check_finite("x", x)?;
        check_finite("y", y)?;
        let means = (column_means(x), column_means(y));
        let (n, k) = (x.cols(), y.cols());
        let mut gram = Mat::<f64>::zeros(n, n);
        let mut moments = Mat::<f64>::zeros(n, k);
        let mut centred = vec![0.0; n];
        for (x, y) in x.iter_rows().zip(y.iter_rows()) {
            centred.iter_mut().zip(x.iter().zip(&means.0)).for_each(|(c, (x, m))| *c = f64::from(*x) - m);
            for j in 0..n {
                for i in j..n {
                    gram[(i, j)] += centred[i] * centred[j];
                }
                for t in 0..k {
                    moments[(j, t)] += centred[j] * (f64::from(y[t]) - means.1[t]);
                }
            }
        }
        let (values, vectors) = symmetric_eigen(gram.as_ref())?;
        let least = values.first().copied().unwrap_or(0.0) * LEAST_VARIANCE;
        let mut weights = Mat::<f64>::zeros(k, n);
        for (d, value) in values.iter().enumerate().filter(|(_, value)| **value > least) {
            for t in 0..k {
                let along: f64 = (0..n).map(|j| vectors[(j, d)] * moments[(j, t)]).sum();
                for j in 0..n {
                    weights[(t, j)] += vectors[(j, d)] * along / value;
                }
            }
        }
        Ok(Self { weights, means })
    }

    /// `W x + b` of every row.
    ///
    /// # Errors
    /// When the columns are not those it was fitted to.
    pub fn predict(&self, x: &Matrix) -> Result<Matrix> {
        check_cols("x", x, self.weights.ncols())?;
        let k = self.weights.nrows();
        let mut told = Matrix::zeros(x.rows(), k);
        for (i, row) in x.iter_rows().enumerate() {
            for t in 0..k {
                let each = row.iter().zip(&self.means.0).enumerate();
                let sum: f64 = each.map(|(j, (x, m))| self.weights[(t, j)] * (f64::from(*x) - m)).sum();
                told.row_mut(i)[t] = (self.means.1[t] + sum) as f32;
            }
        }
        Ok(told)
    }
}

fn column_means(x: &Matrix) -> Vec<f64> {
    let mut means = vec![0.0; x.cols()];
    for row in x.iter_rows() {
        means.iter_mut().zip(row).for_each(|(mean, v)| *mean += f64::from(*v));
    }
    means.iter_mut().for_each(|mean| *mean /= x.rows() as f64);
    means
}
