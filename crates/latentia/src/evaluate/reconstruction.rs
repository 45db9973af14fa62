//! How far a reconstruction is from the input.

use crate::data::Matrix;
use crate::linalg::{check_cols, squared_distance};
use crate::{Result, evaluate::check_lengths};

/// `Σ_ij (x_ij - x̂_ij)² / n`: the squared error of a row, averaged over the `n` rows.
///
/// # Errors
/// When the shapes differ or there is no row.
pub fn squared_error(x: &Matrix, reconstruction: &Matrix) -> Result<f64> {
    check_lengths("reconstruction", reconstruction.rows(), "the input", x.rows())?;
    check_cols("reconstruction", reconstruction, x.cols())?;
    let squares: f64 =
        x.iter_rows().zip(reconstruction.iter_rows()).map(|(a, b)| squared_distance(a, b)).sum();
    Ok(squares / x.rows() as f64)
}

/// `Σ_ij (x_ij - x̂_ij)² / (n d)`.
///
/// # Errors
/// As [`squared_error`].
pub fn mean_squared_error(x: &Matrix, reconstruction: &Matrix) -> Result<f64> {
    Ok(squared_error(x, reconstruction)? / x.cols().max(1) as f64)
}

/// `R² = 1 - Σ_ij (x_ij - x̂_ij)² / Σ_ij (x_ij - x̄_j)²`: the share of the variance of all columns together that the
/// reconstruction explains (`r2_score` with `multioutput="variance_weighted"` in scikit-learn). Constant data has
/// none: 1 when it is rebuilt without error, else 0.
///
/// # Errors
/// As [`squared_error`].
pub fn explained_variance(x: &Matrix, reconstruction: &Matrix) -> Result<f64> {
    let n = x.rows() as f64;
    let error = squared_error(x, reconstruction)? * n;
    let total: f64 = (0..x.cols())
        .map(|j| {
            let mean = x.iter_rows().map(|r| f64::from(r[j])).sum::<f64>() / n;
            x.iter_rows().map(|r| (f64::from(r[j]) - mean).powi(2)).sum::<f64>()
        })
        .sum();
    Ok(match (total > 0.0, error > 0.0) {
        (true, _) => 1.0 - error / total,
        (false, true) => 0.0,
        (false, false) => 1.0,
    })
}

/// The `q`-quantile by linear interpolation between order statistics at `q (n - 1)`, as numpy's default (Hyndman and
/// Fan 1996, type 7). NaN when `values` is empty, has a NaN, or `q` is not within 0 and 1.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    if values.is_empty() || values.iter().any(|v| v.is_nan()) || !(0.0..=1.0).contains(&q) {
        return f64::NAN;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let position = q * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    if below == above { below } else { below + (above - below) * position.fract() }
}
