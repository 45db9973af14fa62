//! [`softmax_cross_entropy`](super::softmax_cross_entropy) in two passes: for large vocabularies, where a gradient beside the
//! logits would be the largest array of all.

use super::softmax::{Labels, TargetError, sum_exp};
use crate::math::{BLOCK, vector};
use crate::simd::{self, Kernel, Simd};
use crate::threads;

/// What the first pass keeps of a row for the second.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowStatistics {
    /// `m`, the largest logit.
    max: f32,
    /// `Σ exp(x − m)`
    sum: f32,
}

/// The losses of [`softmax_cross_entropy`](super::softmax_cross_entropy), and what [`cross_entropy_backward`] needs to know of
/// each row.
///
/// # Errors
/// If a label is no class; nothing is written then.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn cross_entropy(
    classes: usize,
    x: &[f32],
    labels: Labels,
    losses: &mut [f32],
    statistics: &mut [RowStatistics],
) -> Result<(), TargetError> {
    let rows = losses.len();
    assert!(
        labels.index.len() == rows && statistics.len() == rows,
        "cross_entropy: one label and one element of the statistics per row"
    );
    assert_eq!(x.len(), rows * classes, "cross_entropy: {rows} rows of {classes}");
    labels.check(classes)?;
    if classes == 0 {
        // All labels are ignored ones.
        losses.fill(0.0);
        return Ok(());
    }
    let (level, block) = (simd::level(), (BLOCK / classes).max(1));
    let parts = x.chunks(block * classes).zip(losses.chunks_mut(block)).zip(statistics.chunks_mut(block));
    let parts = parts.enumerate().collect();
    threads::for_each(parts, |(i, ((x, losses), statistics))| {
        simd::dispatch_at(level, Losses { first: i * block, x, labels, losses, statistics });
    });
    Ok(())
}

/// Turns the logits `x [B, C]` into the gradients of the losses, the row `i` times `dloss_i`.
///
/// ```text
/// x_ij ← dloss_i (exp(x_ij − m_i) / Σ_k exp(x_ik − m_i) − (1 − ε) [j = t_i] − ε/C)
/// ```
/// `labels` and `statistics` are those of [`cross_entropy`].
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn cross_entropy_backward(
    classes: usize,
    labels: Labels,
    statistics: &[RowStatistics],
    dloss: &[f32],
    x: &mut [f32],
) {
    let rows = dloss.len();
    assert!(
        labels.index.len() == rows && statistics.len() == rows,
        "cross_entropy_backward: one label and one element of the statistics per row"
    );
    assert_eq!(x.len(), rows * classes, "cross_entropy_backward: {rows} rows of {classes}");
    let (level, block) = (simd::level(), (BLOCK / classes.max(1)).max(1));
    let parts = x.chunks_mut((block * classes).max(1)).enumerate().collect();
    threads::for_each(parts, |(i, x): (usize, &mut [f32])| {
        simd::dispatch_at(level, GradientRows { first: i * block, classes, labels, statistics, dloss, x });
    });
}

struct Losses<'a> {
    first: usize,
    x: &'a [f32],
    labels: Labels<'a>,
    losses: &'a mut [f32],
    statistics: &'a mut [RowStatistics],
}

impl Kernel for Losses<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Losses { first, x, labels, losses, statistics } = self;
        let classes = x.len() / losses.len();
        let rows = x.chunks_exact(classes).zip(losses.iter_mut().zip(statistics));
        for (row, (x, (loss, statistics))) in (first..).zip(rows) {
            let Some(t) = labels.class(row) else {
                *loss = 0.0;
                continue;
            };
            let (max, sum) = sum_exp(s, x);
            *loss = labels.loss(x, t, (max, sum));
            *statistics = RowStatistics { max, sum };
        }
    }
}

struct GradientRows<'a> {
    first: usize,
    classes: usize,
    labels: Labels<'a>,
    statistics: &'a [RowStatistics],
    dloss: &'a [f32],
    x: &'a mut [f32],
}

impl Kernel for GradientRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let GradientRows { first, classes, labels, statistics, dloss, x } = self;
        for (row, x) in (first..).zip(x.chunks_exact_mut(classes)) {
            let Some(t) = labels.class(row) else {
                x.fill(0.0);
                continue;
            };
            let RowStatistics { max, sum } = statistics[row];
            let (max, inverse) = (s.splat(max), s.splat(1.0 / sum));
            let (share, scale) = (s.splat(labels.smoothing / classes as f32), s.splat(dloss[row]));
            for x in x.chunks_mut(S::LANES) {
                let p = s.mul(vector::exp(s, s.sub(s.load_slice(x), max)), inverse);
                s.store_slice(x, vector::gradient(s, s.mul(scale, s.sub(p, share))));
            }
            x[t] -= dloss[row] * (1.0 - labels.smoothing);
        }
    }
}
