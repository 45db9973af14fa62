//! A few leading eigenvectors of a large symmetric matrix, where all of them would take several times as long.

use faer::{Mat, MatRef};
use latentia_linalg::{orthonormal, product, symmetric_eigen};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use crate::Result;
use crate::random::{Purpose, stream};

/// From this size on, and up to this share of the eigenvectors, it is worth it: of 784, 30 are found in a third of the time.
const LEAST: usize = 256;
const SHARE: usize = 8;

/// Degree of the polynomial between two orthonormalisations, and how often it is applied at most.
const DEGREE: usize = 6;
const CYCLES: usize = 8;

/// An eigenpair is found when `‖A v − λ v‖` is below this share of the largest eigenvalue.
const RESIDUAL: f64 = 1e-11;

/// Rows of the matrix that a thread multiplies.
const ROWS: usize = 256;

/// The `k` largest eigenvalues and their eigenvectors `[n, k]` of a positive semi-definite matrix given by its lower half;
/// `None` where the eigenvalues lie too close together to be told apart in time, or all of them are as quickly found.
///
/// Subspace iteration with a Chebyshev filter (Saad 1984; Zhou and Saad 2007): the polynomial stays within ±1 on the unwanted
/// part of the spectrum, `[0, θ_p]` with `θ_p` the smallest Ritz value, and grows fastest beyond it. The subspace has
/// more directions than are wanted, so that repeated eigenvalues are all found.
pub(super) fn leading_eigen(lower: MatRef<'_, f64>, k: usize) -> Result<Option<(Vec<f64>, Mat<f64>)>> {
    let n = lower.nrows();
    let width = k + k.max(16);
    if n < LEAST || width > n / SHARE * 2 || k > n / SHARE {
        return Ok(None);
    }
    let a = Mat::from_fn(n, n, |i, j| if i >= j { lower[(i, j)] } else { lower[(j, i)] });
    let mut rng = stream(0, Purpose::Sketch, k as u64, n as u64);
    let mut v = orthonormal(Mat::from_fn(n, width, |_, _| StandardNormal.sample(&mut rng)).as_ref());
    // Random directions are first turned by plain powers: the polynomial would leave nothing but the largest of them.
    for _ in 0..2 {
        v = orthonormal(times(&a, &v).as_ref());
    }
    for cycle in 0..=CYCLES {
        let Ritz { values, vectors, images } = Ritz::of(&a, &v)?;
        let residual = |j: usize| -> f64 {
            let pairs = images.col(j).iter().zip(vectors.col(j).iter());
            pairs.map(|(av, v)| (av - values[j] * v).powi(2)).sum::<f64>().sqrt()
        };
        if (0..k).all(|j| residual(j) <= RESIDUAL * values[0]) {
            return Ok(Some((values[..k].to_vec(), vectors.subcols(0, k).to_owned())));
        }
        if cycle < CYCLES {
            v = orthonormal(filtered(&a, vectors, images, values[width - 1]).as_ref());
        }
    }
    Ok(None)
}

/// The best approximations of eigenpairs within a subspace, by descending value.
struct Ritz {
    values: Vec<f64>,
    vectors: Mat<f64>,
    /// `A` times the vectors.
    images: Mat<f64>,
}

impl Ritz {
    fn of(a: &Mat<f64>, v: &Mat<f64>) -> Result<Self> {
        let (n, width) = v.shape();
        let av = times(a, v);
        let mut inner = Mat::zeros(width, width);
        product(inner.as_mut(), v.transpose(), av.as_ref());
        let (values, rotation) = symmetric_eigen(inner.as_ref())?;
        let rotated = |m: &Mat<f64>| {
            let mut out = Mat::zeros(n, width);
            product(out.as_mut(), m.as_ref(), rotation.as_ref());
            out
        };
        Ok(Self { values, vectors: rotated(v), images: rotated(&av) })
    }
}

/// `T_m(2A/θ − 1) V`, by `T_{i+1}(x) = 2x T_i(x) − T_{i−1}(x)`.
fn filtered(a: &Mat<f64>, v: Mat<f64>, av: Mat<f64>, theta: f64) -> Mat<f64> {
    // Without anything beyond the subspace there is nothing to suppress.
    if theta <= 0.0 {
        return av;
    }
    let half = 0.5 * theta;
    let (n, width) = v.shape();
    let mut now = Mat::from_fn(n, width, |i, j| av[(i, j)] / half - v[(i, j)]);
    let mut before = v;
    for _ in 1..DEGREE {
        let image = times(a, &now);
        let next = Mat::from_fn(n, width, |i, j| 2.0 * (image[(i, j)] / half - now[(i, j)]) - before[(i, j)]);
        (before, now) = (now, next);
    }
    now
}

/// `A V`, strips of rows side by side.
fn times(a: &Mat<f64>, v: &Mat<f64>) -> Mat<f64> {
    let (n, width) = v.shape();
    let strip = |first: usize| {
        let rows = ROWS.min(n - first);
        let mut out = Mat::zeros(rows, width);
        product(out.as_mut(), a.subrows(first, rows), v.as_ref());
        out
    };
    let strips: Vec<Mat<f64>> = (0..n).step_by(ROWS).collect::<Vec<_>>().into_par_iter().map(strip).collect();
    Mat::from_fn(n, width, |i, j| strips[i / ROWS][(i % ROWS, j)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A symmetric matrix with these eigenvalues.
    fn with_spectrum(values: &[f64]) -> Mat<f64> {
        let n = values.len();
        let mut rng = stream(1, Purpose::Sampling, 0, n as u64);
        let q = orthonormal(Mat::from_fn(n, n, |_, _| StandardNormal.sample(&mut rng)).as_ref());
        let scaled = Mat::from_fn(n, n, |i, j| q[(i, j)] * values[j]);
        let mut a = Mat::zeros(n, n);
        product(a.as_mut(), scaled.as_ref(), q.transpose());
        a
    }

    #[test]
    fn leading_eigenpairs_are_those_of_the_full_decomposition() {
        let n = 300;
        let decaying: Vec<f64> = (0..n).map(|i| 50.0 * 0.9f64.powi(i)).collect();
        let steps: Vec<f64> = (0..n).map(|i| if i < 25 { 4.0 } else { 1.0 / (1 + i) as f64 }).collect();
        let low_rank: Vec<f64> = (0..n).map(|i| if i < 12 { (20 - i) as f64 } else { 0.0 }).collect();
        for (name, spectrum) in [("decaying", decaying), ("repeated", steps), ("low rank", low_rank)] {
            let a = with_spectrum(&spectrum);
            let (all, _) = symmetric_eigen(a.as_ref()).unwrap();
            let (values, vectors) =
                leading_eigen(a.as_ref(), 20).unwrap().unwrap_or_else(|| panic!("{name}"));
            for j in 0..20 {
                assert!((values[j] - all[j]).abs() < 1e-10 * all[0], "{name} {j}: {} {}", values[j], all[j]);
            }
            let mut gram = Mat::<f64>::zeros(20, 20);
            product(gram.as_mut(), vectors.transpose(), vectors.as_ref());
            let off = |i: usize, j: usize| (gram[(i, j)] - f64::from(u8::from(i == j))).abs();
            assert!((0..20).all(|i| (0..20).all(|j| off(i, j) < 1e-12)), "{name}");
        }
    }

    #[test]
    fn eigenvalues_that_cannot_be_told_apart_are_left_to_the_full_decomposition() {
        let flat: Vec<f64> = (0..300).map(|i| 1.0 - 1e-5 * f64::from(i)).collect();
        assert!(leading_eigen(with_spectrum(&flat).as_ref(), 20).unwrap().is_none());
        // Small matrices, and many of the eigenvectors.
        assert!(leading_eigen(Mat::<f64>::identity(200, 200).as_ref(), 5).unwrap().is_none());
        assert!(leading_eigen(Mat::<f64>::identity(300, 300).as_ref(), 100).unwrap().is_none());
    }
}
