//! Layer normalisation (Ba, Kiros and Hinton 2016) over the last dimension.
//!
//! ```text
//! x̂ = (x − μ) r,   r = 1 / √(σ² + ε)        y = γ x̂ + β
//! g = γ dy      dx = r (g − mean(g) − x̂ mean(g x̂))      dγ = Σ_rows dy x̂      dβ = Σ_rows dy
//! ```
//! with `μ`, `σ²` the mean and (biased) variance of each row. Shapes: `x`, `y` and their gradients `[B, width]`, `γ` and `β`
//! `[width]`, the saved `μ` and `r` `[B]`.

use crate::math::BLOCK;
use crate::simd::{self, Kernel, Simd};
use crate::threads;

/// What forward keeps of each row for backward.
pub struct Saved<'a> {
    /// `μ`
    pub mean: &'a mut [f32],
    /// `r`
    pub inverse_deviation: &'a mut [f32],
}

/// `y = γ (x − μ) r + β`.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn layer_norm(eps: f32, x: &[f32], gamma: &[f32], beta: &[f32], y: &mut [f32], saved: Saved) {
    let (width, batch) = (gamma.len(), saved.mean.len());
    assert!(width > 0 && beta.len() == width, "layer_norm: γ has {width} elements, β {}", beta.len());
    assert!(saved.inverse_deviation.len() == batch, "layer_norm: one mean and one deviation per row");
    assert!(x.len() == batch * width && y.len() == x.len(), "layer_norm: {batch} rows of {width}");
    let level = simd::level();
    let rows = (BLOCK / width).max(1);
    let statistics = saved.mean.chunks_mut(rows).zip(saved.inverse_deviation.chunks_mut(rows));
    let parts = x.chunks(rows * width).zip(y.chunks_mut(rows * width)).zip(statistics).collect();
    threads::for_each(parts, |((x, y), (mean, deviation))| {
        simd::dispatch_at(level, Forward { eps, x, gamma, beta, y, mean, deviation });
    });
}

struct Forward<'a> {
    eps: f32,
    x: &'a [f32],
    gamma: &'a [f32],
    beta: &'a [f32],
    y: &'a mut [f32],
    mean: &'a mut [f32],
    deviation: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Forward { eps, x, gamma, beta, y, mean, deviation } = self;
        let width = gamma.len();
        let rows = x.chunks_exact(width).zip(y.chunks_exact_mut(width));
        for ((x, y), (mean, deviation)) in rows.zip(mean.iter_mut().zip(deviation)) {
            let mut sum = s.splat(0.0);
            for x in x.chunks(S::LANES) {
                sum = s.add(sum, s.load_slice(x));
            }
            *mean = s.sum(sum) / width as f32;
            // The centred values wait in y: a second pass, since E[x²] − μ² would cancel.
            let mut squares = s.splat(0.0);
            for (x, y) in x.chunks(S::LANES).zip(y.chunks_mut(S::LANES)) {
                s.store_slice(y, s.sub(s.load_slice(x), s.splat(*mean)));
                let centred = s.load_slice(y);
                squares = s.mul_add(centred, centred, squares);
            }
            *deviation = 1.0 / (s.sum(squares) / width as f32 + eps).sqrt();
            let parts = y.chunks_mut(S::LANES).zip(gamma.chunks(S::LANES)).zip(beta.chunks(S::LANES));
            for ((y, gamma), beta) in parts {
                let scaled = s.mul(s.load_slice(y), s.splat(*deviation));
                s.store_slice(y, s.mul_add(scaled, s.load_slice(gamma), s.load_slice(beta)));
            }
        }
    }
}

/// What [`layer_norm_backward`] reads.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// `x [B, width]`
    pub x: &'a [f32],
    /// `γ [width]`
    pub gamma: &'a [f32],
    /// `μ [B]` as forward saved it.
    pub mean: &'a [f32],
    /// `r [B]` as forward saved it.
    pub inverse_deviation: &'a [f32],
    /// `dy [B, width]`
    pub dy: &'a [f32],
}

/// Writes `dx`, `dγ` and `dβ`.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn layer_norm_backward(context: Context, dx: &mut [f32], dgamma: &mut [f32], dbeta: &mut [f32]) {
    let Context { x, gamma, mean, inverse_deviation, dy } = context;
    let (width, batch) = (gamma.len(), mean.len());
    assert!(width > 0 && x.len() == batch * width, "layer_norm_backward: {batch} rows of {width}");
    assert!(dy.len() == x.len() && dx.len() == x.len(), "layer_norm_backward: dy and dx have the shape of x");
    assert_eq!(inverse_deviation.len(), batch, "layer_norm_backward: one mean and one deviation per row");
    assert!(
        dgamma.len() == width && dbeta.len() == width,
        "layer_norm_backward: dγ and dβ have the shape of γ"
    );
    let level = simd::level();
    let rows = (BLOCK / width).max(1);
    let parts = dx.chunks_mut(rows * width).enumerate().collect();
    threads::for_each(parts, |(i, dx): (usize, &mut [f32])| {
        simd::dispatch_at(level, BackwardRows { context, first: i * rows, dx });
    });
    let parts = dgamma.chunks_mut(PIECE_COLS).zip(dbeta.chunks_mut(PIECE_COLS)).enumerate();
    let sum = |(j, (dgamma, dbeta)): (usize, (&mut [f32], &mut [f32]))| {
        simd::dispatch_at(level, BackwardCols { context, first: j * PIECE_COLS, dgamma, dbeta });
    };
    if x.len() < BLOCK { parts.for_each(sum) } else { threads::for_each(parts.collect(), sum) }
}

struct BackwardRows<'a> {
    context: Context<'a>,
    first: usize,
    dx: &'a mut [f32],
}

impl Kernel for BackwardRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Context { x, gamma, mean, inverse_deviation, dy } = self.context;
        let width = gamma.len();
        for (i, dx) in (self.first..).zip(self.dx.chunks_exact_mut(width)) {
            let (x, dy) = (&x[i * width..][..width], &dy[i * width..][..width]);
            let (mean, r) = (s.splat(mean[i]), s.splat(inverse_deviation[i]));
            let (mut sum, mut product) = (s.splat(0.0), s.splat(0.0));
            let parts = x.chunks(S::LANES).zip(dy.chunks(S::LANES)).zip(gamma.chunks(S::LANES));
            for (((x, dy), gamma), dx) in parts.clone().zip(dx.chunks_mut(S::LANES)) {
                // Lanes past the end: g is zero there.
                let g = s.mul(s.load_slice(dy), s.load_slice(gamma));
                let normalised = s.mul(s.sub(s.load_slice(x), mean), r);
                sum = s.add(sum, g);
                product = s.mul_add(g, normalised, product);
                s.store_slice(dx, g);
            }
            let sum = s.splat(s.sum(sum) / width as f32);
            let product = s.splat(s.sum(product) / width as f32);
            for (x, dx) in x.chunks(S::LANES).zip(dx.chunks_mut(S::LANES)) {
                let normalised = s.mul(s.sub(s.load_slice(x), mean), r);
                let centred = s.neg_mul_add(normalised, product, s.sub(s.load_slice(dx), sum));
                s.store_slice(dx, s.mul(r, centred));
            }
        }
    }
}

/// Rows whose sum is formed before it is added to the rest: rounding errors then grow with the number of blocks, not of rows.
const SUM_ROWS: usize = 32;
/// Columns of a piece of work: two cache lines of every row.
const PIECE_COLS: usize = 32;

struct BackwardCols<'a> {
    context: Context<'a>,
    first: usize,
    dgamma: &'a mut [f32],
    dbeta: &'a mut [f32],
}

impl Kernel for BackwardCols<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Context { x, gamma, mean, inverse_deviation, dy } = self.context;
        let (width, batch) = (gamma.len(), mean.len());
        let pieces = self.dgamma.chunks_mut(S::LANES).zip(self.dbeta.chunks_mut(S::LANES));
        for (piece, (dgamma, dbeta)) in pieces.enumerate() {
            let j = self.first + piece * S::LANES;
            let (mut gamma_total, mut beta_total) = (s.splat(0.0), s.splat(0.0));
            for block in (0..batch).step_by(SUM_ROWS) {
                let (mut gamma_sum, mut beta_sum) = (s.splat(0.0), s.splat(0.0));
                for i in block..(block + SUM_ROWS).min(batch) {
                    let part = i * width + j..i * width + j + dgamma.len();
                    let dy = s.load_slice(&dy[part.clone()]);
                    let centred = s.sub(s.load_slice(&x[part]), s.splat(mean[i]));
                    let normalised = s.mul(centred, s.splat(inverse_deviation[i]));
                    gamma_sum = s.mul_add(dy, normalised, gamma_sum);
                    beta_sum = s.add(beta_sum, dy);
                }
                gamma_total = s.add(gamma_total, gamma_sum);
                beta_total = s.add(beta_total, beta_sum);
            }
            s.store_slice(dgamma, gamma_total);
            s.store_slice(dbeta, beta_total);
        }
    }
}

#[cfg(test)]
mod tests;
