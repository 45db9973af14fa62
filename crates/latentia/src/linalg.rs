//! Dense linear algebra shared by PCA, image compression and the metrics: faer behind a few functions that never let
//! the number of threads change a bit.

use std::num::NonZeroUsize;

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{self, ComputeEigenvectors};
use faer::linalg::householder;
use faer::linalg::qr::no_pivoting::factor;
use faer::linalg::svd::{self, ComputeSvdVectors};
use faer::{Accum, Conj, Mat, MatMut, MatRef, Par, Spec};
use rayon::prelude::*;

use crate::data::Matrix;
use crate::{DataError, Error, Result};

/// faer splits a decomposition by this nominal number of threads, whatever the pool has, so the split (and with it
/// every rounding) is the same on any machine size.
const PAR: Par = Par::Rayon(NonZeroUsize::new(8).unwrap());

/// Rows that [`for_row_blocks`] hands out at a time. Every block has this many rows, the last one padded with zeros:
/// products of one shape round alike, so a row gives the same bits alone and in a batch.
pub(crate) const ROW_BLOCK: usize = 64;

/// `out = a b`, on the calling thread.
pub(crate) fn product<T: faer::traits::RealField>(out: MatMut<'_, T>, a: MatRef<'_, T>, b: MatRef<'_, T>) {
    faer::linalg::matmul::matmul(out, Accum::Replace, a, b, T::one_impl(), Par::Seq);
}

/// Eigenvalues, descending, and eigenvectors (columns, same order) of a symmetric matrix given by its lower half.
pub(crate) fn symmetric_eigen(a: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>)> {
    let n = a.nrows();
    let mut values = Diag::<f64>::zeros(n);
    let mut vectors = Mat::<f64>::zeros(n, n);
    let params = <Spec<_, f64>>::default();
    let scratch = evd::self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, PAR, params);
    evd::self_adjoint_evd(
        a,
        values.as_mut(),
        Some(vectors.as_mut()),
        PAR,
        MemStack::new(&mut MemBuffer::new(scratch)),
        params,
    )
    .map_err(|_| no_convergence())?;
    let descending = (0..n).rev().map(|i| values[i]).collect();
    Ok((descending, vectors.reverse_cols().to_owned()))
}

/// The thin singular value decomposition `a = U diag(s) Vᵀ`, `s` descending.
pub(crate) fn thin_svd(a: MatRef<'_, f64>) -> Result<(Mat<f64>, Vec<f64>, Mat<f64>)> {
    let (m, n) = a.shape();
    let r = m.min(n);
    let mut u = Mat::<f64>::zeros(m, r);
    let mut s = Diag::<f64>::zeros(r);
    let mut v = Mat::<f64>::zeros(n, r);
    let params = <Spec<_, f64>>::default();
    let thin = ComputeSvdVectors::Thin;
    let scratch = svd::svd_scratch::<f64>(m, n, thin, thin, PAR, params);
    let stack = &mut MemBuffer::new(scratch);
    svd::svd(a, s.as_mut(), Some(u.as_mut()), Some(v.as_mut()), PAR, MemStack::new(stack), params)
        .map_err(|_| no_convergence())?;
    Ok((u, (0..r).map(|i| s[i]).collect(), v))
}

/// An orthonormal basis `[m, k]` whose first `j` columns span the first `j` columns of `a` (Householder QR), each
/// pointing the same way as its column. A column that depends on the earlier ones is replaced by a new direction.
pub(crate) fn orthonormal(a: MatRef<'_, f64>) -> Mat<f64> {
    let (m, n) = a.shape();
    let k = m.min(n);
    let mut factors = a.to_owned();
    let block = factor::recommended_block_size::<f64>(m, n);
    let mut coefficients = Mat::zeros(block, k);
    let scratch = factor::qr_in_place_scratch::<f64>(m, n, block, PAR, Spec::default());
    let stack = &mut MemBuffer::new(scratch);
    factor::qr_in_place(factors.as_mut(), coefficients.as_mut(), PAR, MemStack::new(stack), Spec::default());

    let mut q = Mat::<f64>::identity(m, k);
    let scratch =
        householder::apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(m, block, k);
    let stack = &mut MemBuffer::new(scratch);
    householder::apply_block_householder_sequence_on_the_left_in_place_with_conj(
        factors.subcols(0, k),
        coefficients.as_ref(),
        Conj::No,
        q.as_mut(),
        PAR,
        MemStack::new(stack),
    );
    for j in (0..k).filter(|&j| factors[(j, j)] < 0.0) {
        q.col_mut(j).iter_mut().for_each(|v| *v = -*v);
    }
    q
}

fn no_convergence() -> Error {
    DataError::new("input", "values whose decomposition does not converge", "numbers of moderate size")
        .hint("Scale the columns first")
        .into()
}

/// Refuses a matrix with a value that is not finite, naming its row and column.
pub(crate) fn check_finite(name: &str, x: &Matrix) -> Result<()> {
    if x.cols() == 0 {
        return Ok(());
    }
    let bad = x.as_slice().par_iter().position_first(|v| !v.is_finite());
    match bad {
        None => Ok(()),
        Some(i) => Err(DataError::new(name, x.as_slice()[i].to_string(), "a finite number")
            .row((i / x.cols()) as u64 + 1)
            .column((i % x.cols() + 1).to_string())
            .into()),
    }
}

/// Refuses a matrix whose number of columns is not `expected`.
pub(crate) fn check_cols(name: &str, x: &Matrix, expected: usize) -> Result<()> {
    if x.cols() == expected {
        return Ok(());
    }
    Err(DataError::new(name, format!("{} columns", x.cols()), format!("{expected} columns")).into())
}

/// Applies `block` to every block of [`ROW_BLOCK`] rows of `x` in parallel; it gets the rows (`fill` has copied each one
/// into a `[ROW_BLOCK, cols]` buffer) and writes the rows of a `[rows, out_cols]` result.
pub(crate) fn for_row_blocks(
    x: &Matrix,
    out_cols: usize,
    fill: impl Fn(&[f32], &mut [f32]) + Sync,
    block: impl Fn(MatRef<'_, f32>, MatMut<'_, f32>) + Sync,
) -> Matrix {
    let (rows, cols) = (x.rows(), x.cols());
    let mut out = Matrix::zeros(rows, out_cols);
    if out_cols == 0 {
        return out;
    }
    out.as_mut_slice().par_chunks_mut(ROW_BLOCK * out_cols).enumerate().for_each_init(
        || (vec![0.0; ROW_BLOCK * cols], vec![0.0; ROW_BLOCK * out_cols]),
        |(input, output), (b, chunk)| {
            let count = chunk.len() / out_cols;
            input.fill(0.0);
            for i in 0..count {
                fill(x.row(b * ROW_BLOCK + i), &mut input[i * cols..(i + 1) * cols]);
            }
            block(
                MatRef::from_row_major_slice(input, ROW_BLOCK, cols),
                MatMut::from_row_major_slice_mut(output, ROW_BLOCK, out_cols),
            );
            chunk.copy_from_slice(&output[..chunk.len()]);
        },
    );
    out
}
