//! A few eigenpairs of a large symmetric matrix, by block Krylov subspaces with restarts.

use faer::linalg::cholesky::llt;
use faer::linalg::matmul::matmul;
use faer::mat::AsMatMut;

use super::{
    Accum, Mat, MatRef, MemBuffer, MemStack, NoConvergence, PAR, Spec, orthonormal, symmetric_eigen,
};

/// Blocks that a subspace grows by before it is restarted from its best vectors: a basis of a few dozen columns.
const STEPS: usize = 5;
/// Restarts after which the search gives up.
const RESTARTS: usize = 300;
/// Residual `‖A y − θ y‖ / |θ|` of the last wanted pair that is small enough.
const TOLERANCE: f64 = 1e-11;
/// Rounding in the products may keep the residual above [`TOLERANCE`]; after this many restarts without one a tenth better
/// it is taken for what it is, as long as it is below [`ACCEPTABLE`].
const PATIENCE: usize = 5;
/// The largest residual that a result may have.
const ACCEPTABLE: f64 = 1e-3;
/// Eigenvalues below this share of the largest count as 0: they have no accuracy of their own to wait for.
const FLOOR: f64 = 1e-9;

/// The largest eigenvalues, descending, of the symmetric matrix `a`, `[n, n]`, and their eigenvectors `[n, count]`.
///
/// `start` is `[n, b]` with `b ≥ count` random columns; a few more than `count` make it faster.
pub fn largest_eigen(
    a: MatRef<'_, f64>,
    start: MatRef<'_, f64>,
    count: usize,
) -> Result<(Vec<f64>, Mat<f64>), NoConvergence> {
    krylov(&|x| product(a, x), start, count)
}

/// The smallest eigenvalues, ascending, of the symmetric positive definite matrix `a`, `[n, n]` (its lower half is read
/// and overwritten), and their eigenvectors `[n, count]`: the largest of its inverse, by way of a Cholesky factor.
///
/// `start` as for [`largest_eigen`].
pub fn smallest_eigen(
    mut a: Mat<f64>,
    start: MatRef<'_, f64>,
    count: usize,
) -> Result<(Vec<f64>, Mat<f64>), NoConvergence> {
    let params = <Spec<_, f64>>::default();
    let scratch = llt::factor::cholesky_in_place_scratch::<f64>(a.nrows(), PAR, params);
    let stack = &mut MemBuffer::new(scratch);
    llt::factor::cholesky_in_place(a.as_mut(), Default::default(), PAR, MemStack::new(stack), params)
        .map_err(|_| NoConvergence)?;
    let solve = |x: MatRef<'_, f64>| {
        let mut y = x.to_owned();
        let scratch = llt::solve::solve_in_place_scratch::<f64>(a.nrows(), x.ncols(), PAR);
        let stack = &mut MemBuffer::new(scratch);
        llt::solve::solve_in_place(a.as_ref(), y.as_mat_mut(), PAR, MemStack::new(stack));
        y
    };
    let (values, vectors) = krylov(&solve, start, count)?;
    Ok((values.into_iter().map(|v| 1.0 / v).collect(), vectors))
}

/// The largest eigenvalues of the operator `apply`: Rayleigh–Ritz on the subspace of `X, A X, …, A^s X`, which is then
/// restarted from the best of its vectors (Golub & Van Loan 2013, section 10.3).
fn krylov(
    apply: &dyn Fn(MatRef<'_, f64>) -> Mat<f64>,
    start: MatRef<'_, f64>,
    count: usize,
) -> Result<(Vec<f64>, Mat<f64>), NoConvergence> {
    let (n, block) = start.shape();
    let blocks = (STEPS + 1).min(n / block.max(1)).max(1);
    let mut x = orthonormal(start);
    let (mut best, mut since_best) = (f64::INFINITY, 0);
    for _ in 0..RESTARTS {
        let width = blocks * block;
        let (mut basis, mut images) = (Mat::zeros(n, width), Mat::zeros(n, width));
        for step in 0..blocks {
            let at = step * block;
            basis.subcols_mut(at, block).copy_from(&x);
            let image = apply(x.as_ref());
            images.subcols_mut(at, block).copy_from(&image);
            if step + 1 < blocks {
                x = outside(image, basis.subcols(0, at + block));
            }
        }
        let ritz = product(basis.transpose(), images.as_ref());
        let symmetric = Mat::from_fn(width, width, |i, j| 0.5 * (ritz[(i, j)] + ritz[(j, i)]));
        let (values, rotation) = symmetric_eigen(symmetric.as_ref())?;
        x = product(basis.as_ref(), rotation.subcols(0, block));
        let image = product(images.as_ref(), rotation.subcols(0, block));
        let residual = (0..count).map(|j| {
            let square = |i: usize| -> f64 { (image[(i, j)] - values[j] * x[(i, j)]).powi(2) };
            (0..n).map(square).sum::<f64>().sqrt()
                / values[j].abs().max(FLOOR * values[0].abs()).max(f64::MIN_POSITIVE)
        });
        let residual = residual.fold(0.0, f64::max);
        since_best = if residual < 0.9 * best { 0 } else { since_best + 1 };
        best = best.min(residual);
        if residual <= TOLERANCE || (since_best >= PATIENCE && residual <= ACCEPTABLE) {
            return Ok((values[..count].to_vec(), x.subcols(0, count).to_owned()));
        }
        // With room for one block only, nothing but the product has moved it.
        if blocks == 1 {
            x = orthonormal(image.as_ref());
        }
    }
    Err(NoConvergence)
}

/// An orthonormal block that spans what `x` has outside the span of `basis`. Each pass restores what rounding took from
/// the one before, also where `x` lies almost within the span.
fn outside(mut x: Mat<f64>, basis: MatRef<'_, f64>) -> Mat<f64> {
    for _ in 0..3 {
        let within = product(basis.transpose(), x.as_ref());
        x -= product(basis, within.as_ref());
        x = orthonormal(x.as_ref());
    }
    x
}

fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(out.as_mut(), Accum::Replace, a, b, 1.0, PAR);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A symmetric matrix with eigenvalues `1, ½, ⅓, …` and the eigenvectors of a random one.
    fn matrix(n: usize) -> (Mat<f64>, Mat<f64>) {
        let mut state = 1u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        };
        let q = orthonormal(Mat::from_fn(n, n, |_, _| draw()).as_ref());
        let scaled = Mat::from_fn(n, n, |i, j| q[(i, j)] / (j + 1) as f64);
        let start = Mat::from_fn(n, 6, |_, _| draw());
        (product(scaled.as_ref(), q.transpose()), start)
    }

    #[test]
    fn both_ends_of_a_spectrum_are_found() {
        for n in [6, 7, 60, 150] {
            let (a, start) = matrix(n);
            let (values, vectors) = largest_eigen(a.as_ref(), start.as_ref(), 3).unwrap();
            let (smallest, low) = smallest_eigen(a.clone(), start.as_ref(), 3).unwrap();
            for j in 0..3 {
                assert!((values[j] - 1.0 / (j + 1) as f64).abs() < 1e-10, "{n}: {values:?}");
                assert!((smallest[j] * (n - j) as f64 - 1.0).abs() < 1e-8, "{n}: {smallest:?}");
                for (value, x) in [(values[j], vectors.subcols(j, 1)), (smallest[j], low.subcols(j, 1))] {
                    let image = product(a.as_ref(), x);
                    let apart = (0..n).map(|i| (image[(i, 0)] - value * x[(i, 0)]).abs()).fold(0.0, f64::max);
                    assert!(apart < 1e-9, "{n}: {apart}");
                }
            }
        }
    }

    #[test]
    fn a_matrix_that_is_not_positive_definite_has_no_cholesky_factor() {
        let a = Mat::from_fn(8, 8, |i, j| if i == j { i as f64 - 3.0 } else { 0.0 });
        let start = Mat::from_fn(8, 3, |i, j| (i * 3 + j) as f64);
        assert_eq!(smallest_eigen(a, start.as_ref(), 1).unwrap_err(), NoConvergence);
    }
}
