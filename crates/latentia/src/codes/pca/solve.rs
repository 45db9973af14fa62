//! From rows to components.

use faer::{Mat, MatRef};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use super::leading::leading_eigen;
use super::scatter::{Centred, Real};
use super::{Pca, PcaConfig, Solver};
use crate::data::Matrix;
use crate::linalg::{column_sums, finite_sums, flip_signs};
use crate::{DataError, Result};
use latentia_linalg::{orthonormal, product, symmetric_eigen};

/// Up to this size a full eigen-decomposition takes seconds and is preferred to a randomised one.
const EXACT_SIZE: usize = 2048;

/// From `n d min(n, d)` of this on, products are formed in `f32`: on two cores the `f64` ones take about 0.1 s here.
const F32_WORK: f64 = 4_294_967_296.0;

/// Values whose squares neither overflow nor vanish in `f32` sums.
pub(super) const F32_RANGE: std::ops::Range<f64> = 1e-12..1e12;

/// The stream of random directions, so that no other use of the same seed repeats them.
const STREAM: u64 = u64::from_be_bytes(*b"pca-rand");

/// Leading squared singular values and their right singular vectors `[d, k]`.
pub(super) struct Decomposition {
    squares: Vec<f64>,
    vectors: Mat<f64>,
    /// Sum of all squared singular values, where all were found.
    total: Option<f64>,
}

/// What is known of the rows besides.
pub(super) struct Rows<'a> {
    pub(super) count: usize,
    pub(super) column_means: &'a [f64],
    /// `Σ (x − mean)²` over all entries, about the means of the columns.
    pub(super) squares_about_mean: f64,
    /// Largest absolute value.
    pub(super) largest: f32,
    /// Whether products were formed in `f32`.
    pub(super) single: bool,
}

pub(super) fn fit(config: &PcaConfig, x: &Matrix, seed: u64) -> Result<Pca> {
    let (n, d) = (x.rows(), x.cols());
    let (sums, largest) = finite_sums(x, 0)?;
    let column_means = sums.iter().map(|s| s / n as f64).collect::<Vec<_>>();
    let mean = if config.centre { column_means.clone() } else { vec![0.0; d] };
    let work = n as f64 * d as f64 * n.min(d) as f64;

    let centred = Centred { x, mean: &mean };
    let single = work >= F32_WORK && F32_RANGE.contains(&f64::from(largest));
    let found = if single {
        decompose::<f32>(config, &centred, seed)?
    } else {
        decompose::<f64>(config, &centred, seed)?
    };
    let squares_about_mean = match found.total {
        Some(total) if config.centre => total,
        _ => column_sums(x, |v, m| (v - m).powi(2), &column_means).iter().sum(),
    };
    let rows = Rows { count: n, column_means: &column_means, squares_about_mean, largest, single };
    finish(config, found, &rows)
}

/// The analysis from its decomposition: signs, variances and scales.
pub(super) fn finish(config: &PcaConfig, found: Decomposition, rows: &Rows<'_>) -> Result<Pca> {
    let &Rows { count, column_means, squares_about_mean, largest, single } = rows;
    let Decomposition { squares, mut vectors, .. } = found;
    flip_signs(&mut vectors);

    let freedom = if config.centre { count as f64 - 1.0 } else { count as f64 };
    let total = squares_about_mean / freedom;
    let variance: Vec<f64> = (0..config.code)
        .map(|j| {
            let mean_code: f64 = if config.centre { 0.0 } else { dot(vectors.as_ref(), j, column_means) };
            (squares[j] / freedom - mean_code.powi(2)).max(0.0)
        })
        .collect();
    // A direction without variance has a code of zero, which no division whitens: it is left as it is.
    let epsilon = if single { <f32 as Real>::EPSILON } else { <f64 as Real>::EPSILON };
    let least = squares[0] * epsilon * 32.0;
    let scale = |&s: &f64| if config.whiten && s > least { (s / freedom).sqrt() as f32 } else { 1.0 };
    let pca = Pca {
        mean: if config.centre { to_f32(column_means) } else { vec![0.0; column_means.len()] },
        components: Matrix::new(
            config.code,
            column_means.len(),
            (0..config.code).flat_map(|j| vectors.col(j).iter().map(|&v| v as f32)).collect(),
        ),
        scale: squares.iter().map(scale).collect(),
        singular_values: squares.iter().map(|s| s.sqrt() as f32).collect(),
        explained_variance: to_f32(&variance),
        explained_variance_ratio: variance
            .iter()
            .map(|v| if total > 0.0 { (v / total) as f32 } else { 0.0 })
            .collect(),
    };
    let numbers = pca.explained_variance.iter().chain(&pca.scale);
    if numbers.copied().any(|v| !v.is_finite() || v < 0.0) || pca.scale.contains(&0.0) {
        return Err(DataError::new(
            "input",
            format!("values up to {largest:e}"),
            "variances that fit a 32-bit number",
        )
        .hint("Scale the columns first")
        .into());
    }
    Ok(pca)
}

fn decompose<T: Real>(config: &PcaConfig, x: &Centred<'_>, seed: u64) -> Result<Decomposition> {
    let (n, d, k) = (x.x.rows(), x.x.cols(), config.code);
    let smaller = n.min(d);
    let width = k.saturating_add(config.oversample).min(smaller);
    let randomized = match config.solver {
        Solver::Exact => false,
        Solver::Randomized => true,
        Solver::Auto => smaller > EXACT_SIZE && width <= smaller / 5,
    };
    if randomized {
        subspace_iteration::<T>(config, x, width, seed)
    } else if d <= n {
        from_covariance(&x.covariance::<T>(), k, T::EPSILON > f64::EPSILON)
    } else {
        from_gram::<T>(config, x)
    }
}

/// The eigenvectors of `XᵀX`, given by its lower half; `single` says that its products were formed in `f32`.
pub(super) fn from_covariance(covariance: &Mat<f64>, k: usize, single: bool) -> Result<Decomposition> {
    let total = Some((0..covariance.nrows()).map(|j| covariance[(j, j)]).sum());
    // Products in `f32` are not so exact that the last digits of all eigenvectors would be worth their time.
    let leading = if single { leading_eigen(covariance.as_ref(), k)? } else { None };
    let (values, vectors) = match leading {
        Some(found) => found,
        None => symmetric_eigen(covariance.as_ref())?,
    };
    Ok(Decomposition { squares: positive(&values[..k]), vectors: vectors.subcols(0, k).to_owned(), total })
}

/// With `X Xᵀ = U S² Uᵀ`, the right singular vectors are `Xᵀ U S⁻¹`; QR keeps them orthonormal where `s` is small and
/// completes the basis where it is zero.
fn from_gram<T: Real>(config: &PcaConfig, x: &Centred<'_>) -> Result<Decomposition> {
    let (values, vectors) = symmetric_eigen(x.gram::<T>().as_ref())?;
    let squares = positive(&values[..config.code]);
    let least = squares[0] * T::EPSILON * 32.0;
    let mut v = x.transposed_times::<T>(vectors.subcols(0, config.code));
    for (j, &s) in squares.iter().enumerate() {
        let inverse = if s > least { s.sqrt().recip() } else { 0.0 };
        v.col_mut(j).iter_mut().for_each(|v| *v *= inverse);
    }
    let total = Some(positive(&values).iter().sum());
    Ok(Decomposition { squares, vectors: orthonormal(v.as_ref()), total })
}

/// Randomised subspace iteration (Halko, Martinsson and Tropp 2011, algorithm 4.4) on the side of the columns: from
/// Gaussian `W` `[d, k + oversample]`, repeat `W ← orth(Xᵀ X W)`; the components are the Ritz vectors of `XᵀX` in the
/// span of `W`. One pass over the rows an iteration, and no array as tall as the data.
fn subspace_iteration<T: Real>(
    config: &PcaConfig,
    x: &Centred<'_>,
    width: usize,
    seed: u64,
) -> Result<Decomposition> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM);
    let mut w = Mat::<f64>::from_fn(x.x.cols(), width, |_, _| StandardNormal.sample(&mut rng));
    w = orthonormal(w.as_ref());
    for _ in 0..=config.power_iterations {
        w = orthonormal(x.covariance_times::<T>(w.as_ref()).as_ref());
    }
    let mut ritz = Mat::zeros(width, width);
    product(ritz.as_mut(), w.transpose(), x.covariance_times::<T>(w.as_ref()).as_ref());
    let (values, rotation) = symmetric_eigen(ritz.as_ref())?;
    let mut vectors = Mat::zeros(x.x.cols(), config.code);
    product(vectors.as_mut(), w.as_ref(), rotation.subcols(0, config.code));
    Ok(Decomposition { squares: positive(&values[..config.code]), vectors, total: None })
}

/// Rounding may leave a square a little below zero.
fn positive(values: &[f64]) -> Vec<f64> {
    values.iter().map(|v| v.max(0.0)).collect()
}

fn dot(vectors: MatRef<'_, f64>, column: usize, other: &[f64]) -> f64 {
    vectors.col(column).iter().zip(other).map(|(v, o)| v * o).sum()
}

fn to_f32(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}
