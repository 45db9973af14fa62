//! A dense layer `y = f(x Wᵀ + b)`, forward and backward.
//!
//! Shapes: `x [B, I]`, `W [O, I]` (PyTorch's layout), `b [O]`, `y [B, O]`. A weight stored `[I, O]`, or the transposed
//! weight of a tied decoder, is `MatRef::new(w, I, O).t()`.

use crate::gemm::{Epilogue, gemm, gemm_with};
use crate::{Activation, MatMut, MatRef};

/// `y = f(x Wᵀ + b)`; `pre` receives `x Wᵀ + b` (needed by [`backward`] where
/// [`Activation::needs_input`] says so).
///
/// # Panics
/// If the shapes do not fit.
pub fn forward(
    x: MatRef,
    weight: MatRef,
    bias: Option<&[f32]>,
    activation: Activation,
    y: MatMut,
    pre: Option<MatMut>,
) {
    gemm_with(x, weight.t(), y, false, Epilogue { bias, activation, pre });
}

/// Where [`backward`] writes; what is `None` is not computed.
#[derive(Default)]
pub struct Gradients<'a> {
    /// `dx [B, I]`, overwritten.
    pub dx: Option<MatMut<'a>>,
    /// `dW [O, I]`, in either orientation (`.t()` for a weight stored `[I, O]`).
    pub dw: Option<MatMut<'a>>,
    /// `db [O]`.
    pub db: Option<&'a mut [f32]>,
    /// Add to `dw` and `db` instead of overwriting them: for weights used more than once.
    pub accumulate: bool,
}

/// Gradients of a dense layer: with `da = dy ∘ f'`, `dx = da W`, `dW = daᵀ x`, `db = Σ_rows da`.
///
/// `saved [B, O]` is `y`, or the pre-activation where [`Activation::needs_input`] says so (not read for the identity).
///
/// # Panics
/// If the shapes do not fit.
pub fn backward(
    x: MatRef,
    weight: MatRef,
    activation: Activation,
    saved: MatRef,
    dy: MatRef,
    gradients: Gradients,
) {
    let (b, o) = (dy.rows(), dy.cols());
    let mut da = vec![0.0; b * o];
    for i in 0..b {
        for j in 0..o {
            activation.backward(&[saved.get(i, j)], &[dy.get(i, j)], &mut da[i * o + j..=i * o + j]);
        }
    }
    let Gradients { dx, dw, db, accumulate } = gradients;
    let da = MatRef::new(&da, b, o);
    if let Some(dx) = dx {
        gemm(da, weight, dx, false);
    }
    if let Some(dw) = dw {
        gemm(da.t(), x, dw, accumulate);
    }
    if let Some(db) = db {
        for (j, db) in db.iter_mut().enumerate() {
            let sum: f32 = (0..b).map(|i| da.get(i, j)).sum();
            *db = if accumulate { *db + sum } else { sum };
        }
    }
}
