//! Loss functions with their gradients, fused: a value per row, and the gradient with respect to the model's output.
//!
//! All take rows of `cols` elements, write the loss of each row and, if asked, `scale` times its gradient (a mean over the
//! batch is `scale = 1 / B`), zero where that is below [`NEGLIGIBLE`](crate::math::vector::NEGLIGIBLE). Averaging rows is the
//! caller's; [`weigh_rows`] weights their gradients.
//!
//! Where targets are rows of numbers there may be fewer of them, a divisor of the batch: row `i` has target `i mod n`, as where each
//! row was decoded several times.

mod cross_entropy;
mod elementwise;
mod softmax;

pub use cross_entropy::{RowStatistics, cross_entropy, cross_entropy_backward};
pub use elementwise::{bernoulli_with_logits, squared_error};
pub use softmax::{Labels, TargetError, softmax_cross_entropy, softmax_cross_entropy_dense};

use crate::math::{BLOCK, vector};
use crate::simd::{self, Kernel, Simd};
use crate::threads;

/// Some consecutive rows of a loss.
struct Rows<'a> {
    first: usize,
    cols: usize,
    x: &'a [f32],
    losses: &'a mut [f32],
    gradient: Option<&'a mut [f32]>,
}

/// Runs a kernel over blocks of rows on all threads.
#[track_caller]
fn over_rows<'a, K: Kernel<Output = ()>>(
    name: &str,
    cols: usize,
    x: &'a [f32],
    losses: &'a mut [f32],
    gradient: Option<&'a mut [f32]>,
    kernel: impl Fn(Rows<'a>) -> K + Sync,
) {
    let rows = losses.len();
    assert_eq!(x.len(), rows * cols, "{name}: {rows} rows of {cols}");
    let len = gradient.as_ref().map_or(x.len(), |g| g.len());
    assert_eq!(len, x.len(), "{name}: the gradient has the shape of the input");
    if cols == 0 {
        losses.fill(0.0);
        return;
    }
    let level = simd::level();
    let block = (BLOCK / cols).max(1);
    let mut gradients = gradient.map(|g| g.chunks_mut(block * cols));
    let parts = x.chunks(block * cols).zip(losses.chunks_mut(block)).enumerate();
    let parts = parts.map(|(i, (x, losses))| {
        let gradient = gradients.as_mut().and_then(|g| g.next());
        Rows { first: i * block, cols, x, losses, gradient }
    });
    let parts = parts.collect();
    threads::for_each(parts, |rows| simd::dispatch_at(level, kernel(rows)));
}

/// Refuses targets that are not `[B / m, cols]` for a whole `m`.
#[track_caller]
fn check_target(name: &str, cols: usize, t: &[f32], x: &[f32]) {
    let fits = match t.len() {
        0 => x.is_empty(),
        len => len.is_multiple_of(cols) && x.len().is_multiple_of(len),
    };
    assert!(fits, "{name}: {} numbers of targets for {} of {cols} columns", t.len(), x.len());
}

/// The target of a row.
#[inline(always)]
fn target_row(t: &[f32], row: usize, cols: usize) -> &[f32] {
    &t[row % (t.len() / cols) * cols..][..cols]
}

/// `g_ij ← w_i g_ij` for `g [B, cols]` and `w [B]`: the gradient of a weighted sum of the rows' losses.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn weigh_rows(cols: usize, weights: &[f32], gradient: &mut [f32]) {
    assert_eq!(gradient.len(), weights.len() * cols, "weigh_rows: {} rows of {cols}", weights.len());
    if cols == 0 {
        return;
    }
    let level = simd::level();
    let block = (BLOCK / cols).max(1);
    let parts = gradient.chunks_mut(block * cols).zip(weights.chunks(block)).collect();
    threads::for_each(parts, |(gradient, weights): (&mut [f32], &[f32])| {
        simd::dispatch_at(level, Weigh { cols, weights, gradient });
    });
}

struct Weigh<'a> {
    cols: usize,
    weights: &'a [f32],
    gradient: &'a mut [f32],
}

impl Kernel for Weigh<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for (row, &weight) in self.gradient.chunks_exact_mut(self.cols).zip(self.weights) {
            // A weight that is itself subnormal would cost as much as the gradients.
            let weight = vector::gradient(s, s.splat(weight));
            for part in row.chunks_mut(S::LANES) {
                let weighted = s.mul(weight, s.load_slice(part));
                s.store_slice(part, vector::gradient(s, weighted));
            }
        }
    }
}

#[cfg(test)]
mod tests;
