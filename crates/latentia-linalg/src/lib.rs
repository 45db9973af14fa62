//! Decompositions of dense matrices: faer behind a few functions that never let the number of threads change a bit.
//!
//! A crate of its own because compiling the decompositions takes longer than everything else together.
#![forbid(unsafe_code)]

mod krylov;

pub use krylov::{largest_eigen, smallest_eigen};

use std::num::NonZeroUsize;

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{self, ComputeEigenvectors};
use faer::linalg::householder;
use faer::linalg::qr::no_pivoting::factor;
use faer::linalg::svd::{self, ComputeSvdVectors};
use faer::traits::RealField;
use faer::{Accum, Conj, Mat, MatMut, MatRef, Par, Spec};

/// faer splits a decomposition by this nominal number of threads, whatever the pool has, so the split (and with it
/// every rounding) is the same on any machine size.
const PAR: Par = Par::Rayon(NonZeroUsize::new(8).unwrap());

/// A decomposition did not converge: the values span too many orders of magnitude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoConvergence;

/// Numbers that products are formed in. Implemented here, so that the products are compiled here.
pub trait Number: RealField {
    /// See [`product`].
    fn product(out: MatMut<'_, Self>, a: MatRef<'_, Self>, b: MatRef<'_, Self>);
}

impl Number for f32 {
    fn product(out: MatMut<'_, f32>, a: MatRef<'_, f32>, b: MatRef<'_, f32>) {
        faer::linalg::matmul::matmul(out, Accum::Replace, a, b, 1.0, Par::Seq);
    }
}

impl Number for f64 {
    fn product(out: MatMut<'_, f64>, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
        faer::linalg::matmul::matmul(out, Accum::Replace, a, b, 1.0, Par::Seq);
    }
}

/// `out = a b`, on the calling thread.
pub fn product<T: Number>(out: MatMut<'_, T>, a: MatRef<'_, T>, b: MatRef<'_, T>) {
    T::product(out, a, b);
}

/// Eigenvalues, descending, and eigenvectors (columns, same order) of a symmetric matrix given by its lower half.
pub fn symmetric_eigen(a: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>), NoConvergence> {
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
    .map_err(|_| NoConvergence)?;
    let descending = (0..n).rev().map(|i| values[i]).collect();
    Ok((descending, vectors.reverse_cols().to_owned()))
}

/// `U`, `s` and `V`.
pub type ThinSvd = (Mat<f64>, Vec<f64>, Mat<f64>);

/// The thin singular value decomposition `a = U diag(s) Vᵀ`, `s` descending.
pub fn thin_svd(a: MatRef<'_, f64>) -> Result<ThinSvd, NoConvergence> {
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
        .map_err(|_| NoConvergence)?;
    Ok((u, (0..r).map(|i| s[i]).collect(), v))
}

/// An orthonormal basis `[m, k]` whose first `j` columns span the first `j` columns of `a` (Householder QR), each
/// pointing the same way as its column. A column that depends on the earlier ones is replaced by a new direction.
pub fn orthonormal(a: MatRef<'_, f64>) -> Mat<f64> {
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
