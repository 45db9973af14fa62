//! A dense layer `y = f(x Wᵀ + b)`, forward and backward.
//!
//! Shapes: `x [B, I]`, `W [O, I]` (PyTorch's layout), `b [O]`, `y [B, O]`. A weight stored `[I, O]`, or the transposed
//! weight of a tied decoder, is `MatRef::new(w, I, O).t()`.

use crate::gemm::{Epilogue, Shared, Src, gemm, gemm_with};
use crate::math::vector::gradient;
use crate::simd::{self, Kernel, Simd};
use crate::{Activation, MatMut, MatRef, scratch, threads};
use std::ops::Range;

/// `y = f(x Wᵀ + b)`; `pre` receives `x Wᵀ + b` (needed by [`backward`] where
/// [`Activation::needs_input`] says so).
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
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

/// Gradients of a dense layer: with `da = dy ∘ f'`, `dx = da W`, `dW = daᵀ x`, `db = Σ_rows da`. What is below
/// [`NEGLIGIBLE`](crate::math::vector::NEGLIGIBLE) in `da` counts as zero, but for the identity, whose `da` is `dy` itself.
///
/// `saved [B, O]` is `y`, or the pre-activation where [`Activation::needs_input`] says so (not read for the identity).
///
/// # Panics
/// If the shapes do not fit, or the rows of `saved` or `dy` are not contiguous.
#[track_caller]
pub fn backward(
    x: MatRef,
    weight: MatRef,
    activation: Activation,
    saved: MatRef,
    dy: MatRef,
    gradients: Gradients,
) {
    let (batch, outputs) = (dy.rows(), dy.cols());
    assert!(
        weight.rows() == outputs && x.rows() == batch && x.cols() == weight.cols(),
        "dense backward: x is {} x {}, W {} x {}, dy {batch} x {outputs}",
        x.rows(),
        x.cols(),
        weight.rows(),
        weight.cols()
    );
    assert!(saved.rows() == batch && saved.cols() == outputs, "dense backward: saved has the shape of dy");
    let Gradients { dx, dw, db, accumulate } = gradients;
    let identity = activation == Activation::Identity;
    scratch::with(if identity { 0 } else { batch * outputs }, |da| {
        if let Some(db) = &db {
            assert_eq!(db.len(), outputs, "dense backward: one db per output");
        }
        let da_out = (!identity).then_some(Shared(da.as_mut_ptr()));
        pull_back(activation, Src::rows(saved), Src::rows(dy), (batch, outputs), da_out, db, accumulate);
        let da = if identity { dy } else { MatRef::new(da, batch, outputs) };
        if let Some(dx) = dx {
            gemm(da, weight, dx, false);
        }
        if let Some(dw) = dw {
            gemm(da.t(), x, dw, accumulate);
        }
    });
}

/// Rows whose sum is formed before it is added to the rest: rounding errors then grow with the number of blocks, not of rows.
const SUM_ROWS: usize = 32;
/// Rows read side by side: that many streams from memory at once.
const GROUP_ROWS: usize = 8;
/// Columns of a piece of work: sums that stay in the nearest cache.
const PIECE_COLS: usize = 512;

/// `da = dy ∘ f'` and `db (+)= Σ_rows da` in one pass over memory, row by row. Blocks of rows have sums of their own, which are
/// then added up in order, so the bits do not depend on who did which.
pub(crate) fn pull_back(
    activation: Activation,
    saved: Src,
    dy: Src,
    (batch, outputs): (usize, usize),
    da: Option<Shared>,
    db: Option<&mut [f32]>,
    accumulate: bool,
) {
    if da.is_none() && db.is_none() {
        return;
    }
    let level = simd::level();
    let blocks = batch.div_ceil(SUM_ROWS);
    scratch::with(if db.is_some() { blocks * outputs } else { 0 }, |sums| {
        let summed = db.is_some().then_some(Shared(sums.as_mut_ptr()));
        let across = outputs.div_ceil(PIECE_COLS);
        let piece = |i: usize| {
            let (block, first) = (i / across, i % across * PIECE_COLS);
            let rows = block * SUM_ROWS..((block + 1) * SUM_ROWS).min(batch);
            let cols = first..(first + PIECE_COLS).min(outputs);
            let sums = summed.map(|Shared(sums)| sums.wrapping_add(block * outputs));
            simd::dispatch_at(level, Piece { activation, saved, dy, da, sums, outputs, rows, cols });
        };
        if batch * outputs < crate::math::BLOCK {
            (0..blocks * across).for_each(piece);
        } else {
            threads::run(blocks * across, piece);
        }
        if let Some(db) = db {
            if !accumulate {
                db.fill(0.0);
            }
            for sums in sums.chunks_exact(outputs.max(1)) {
                db.iter_mut().zip(sums).for_each(|(db, sum)| *db += sum);
            }
        }
    });
}

/// Some columns of some rows of [`pull_back`].
struct Piece {
    activation: Activation,
    saved: Src,
    dy: Src,
    da: Option<Shared>,
    /// `[O]`, overwritten with the sums over these rows.
    sums: Option<*mut f32>,
    outputs: usize,
    rows: Range<usize>,
    cols: Range<usize>,
}

impl Kernel for Piece {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Piece { activation, saved, dy, da, sums, outputs, rows, cols } = self;
        for first in rows.clone().step_by(GROUP_ROWS) {
            let group = first..(first + GROUP_ROWS).min(rows.end);
            for j in cols.clone().step_by(S::LANES) {
                let lanes = (cols.end - j).min(S::LANES);
                // SAFETY: (i, j..j + lanes) lies within all matrices; these places of da and of the sums are this piece's.
                unsafe {
                    let mut sum = match sums {
                        Some(sums) if first > rows.start => load(s, sums.add(j), lanes),
                        _ => s.splat(0.0),
                    };
                    for i in group.clone() {
                        let mut v = load(s, dy.at(i, j), lanes);
                        if let Some(Shared(da)) = da {
                            v = gradient(s, activation.pull_back(s, load(s, saved.at(i, j), lanes), v));
                            store(s, da.add(i * outputs + j), lanes, v);
                        }
                        sum = s.add(sum, v);
                    }
                    if let Some(sums) = sums {
                        store(s, sums.add(j), lanes, sum);
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn load<S: Simd>(s: S, p: *const f32, lanes: usize) -> S::F {
    // SAFETY: the caller's contract.
    unsafe { if lanes == S::LANES { s.load(p) } else { s.load_partial(p, lanes) } }
}

#[inline(always)]
unsafe fn store<S: Simd>(s: S, p: *mut f32, lanes: usize, v: S::F) {
    // SAFETY: the caller's contract.
    unsafe { if lanes == S::LANES { s.store(p, v) } else { s.store_partial(p, lanes, v) } }
}

#[cfg(test)]
mod tests;
