//! Matrix products `C = A B` with a fused bias and activation.

use crate::{Activation, MatMut, MatRef};

/// What happens to the product besides being stored.
#[derive(Default)]
pub struct Epilogue<'a> {
    /// Added to every row: one value per column of C.
    pub bias: Option<&'a [f32]>,
    /// Applied last.
    pub activation: Activation,
    /// Receives the value before the activation.
    pub pre: Option<MatMut<'a>>,
}

/// `C = A B`, or `C += A B` when `accumulate`: A is `[M, K]`, B `[K, N]`, C `[M, N]`, any strides.
///
/// # Panics
/// If the shapes do not fit.
pub fn gemm(a: MatRef, b: MatRef, c: MatMut, accumulate: bool) {
    gemm_with(a, b, c, accumulate, Epilogue::default());
}

/// `C = f(A B + bias)`; with `accumulate`, `C = f(C + A B + bias)`.
///
/// # Panics
/// If the shapes do not fit, or C is transposed and an epilogue is asked for.
pub fn gemm_with(a: MatRef, b: MatRef, mut c: MatMut, accumulate: bool, mut epilogue: Epilogue) {
    let (m, k, n) = (a.rows(), a.cols(), b.cols());
    assert!(
        b.rows() == k && c.rows() == m && c.cols() == n,
        "gemm: A {m} x {k}, B {} x {n}, C {} x {}",
        b.rows(),
        c.rows(),
        c.cols()
    );
    let (rs, cs) = (c.row_stride(), c.col_stride());
    for i in 0..m {
        for j in 0..n {
            let mut sum = if accumulate { c.as_ref().get(i, j) } else { 0.0 };
            for p in 0..k {
                sum += a.get(i, p) * b.get(p, j);
            }
            if let Some(bias) = epilogue.bias {
                sum += bias[j];
            }
            if let Some(pre) = &mut epilogue.pre {
                let at = i * pre.row_stride() + j * pre.col_stride();
                pre.data_mut()[at] = sum;
            }
            let mut y = [sum];
            epilogue.activation.forward_in_place(&mut y);
            c.data_mut()[i * rs + j * cs] = y[0];
        }
    }
}
