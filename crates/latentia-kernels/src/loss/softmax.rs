use super::{Rows, check_target, over_rows, target_row};
use crate::math::vector;
use crate::simd::{Kernel, Simd};
use std::fmt;

/// One class per row.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    /// `[B]`, each in `0..classes` or the ignored index.
    pub index: &'a [i64],
    /// Rows with this index count nothing: their loss and gradient are zero (padding).
    pub ignored: Option<i64>,
    /// Label smoothing `ε` (Szegedy and others 2016): the target is `1 − ε` on the class plus `ε / C` on every class.
    pub smoothing: f32,
}

impl Labels<'_> {
    /// Whether every label is one of `classes` classes or ignored.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self, classes: usize) -> Result<(), TargetError> {
        let no_class = |&(_, &t): &(usize, &i64)| {
            self.ignored != Some(t) && !usize::try_from(t).is_ok_and(|t| t < classes)
        };
        match self.index.iter().enumerate().find(no_class) {
            Some((row, &found)) => Err(TargetError { row, found, classes }),
            None => Ok(()),
        }
    }

    /// The class of a row, unless it is ignored.
    #[inline(always)]
    pub(super) fn class(&self, row: usize) -> Option<usize> {
        let t = self.index[row];
        if self.ignored == Some(t) { None } else { Some(t as usize) }
    }

    /// The loss of a row from its largest logit `m` and `Σ exp(x − m)`.
    #[inline(always)]
    pub(super) fn loss(&self, x: &[f32], t: usize, (max, sum): (f32, f32)) -> f32 {
        // Relative to the largest logit: adding it back would cost digits.
        let mut expected = (1.0 - self.smoothing) * (x[t] - max);
        if self.smoothing != 0.0 {
            let share = self.smoothing / x.len() as f32;
            expected += share * x.iter().map(|&x| x - max).sum::<f32>();
        }
        sum.ln() - expected
    }
}

/// A label that is no class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetError {
    /// Row of the label.
    pub row: usize,
    /// The label.
    pub found: i64,
    /// Number of classes.
    pub classes: usize,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TargetError { row, found, classes } = self;
        write!(f, "the target of row {row} is {found}, expected a class in 0..{classes}")
    }
}

impl std::error::Error for TargetError {}

/// Cross-entropy of the softmax of logits `x [B, C]` with one class per row.
///
/// ```text
/// L_i = ln Σ_j exp x_j − (1 − ε) x_t − ε/C Σ_j x_j        ∂L/∂x_j = softmax(x)_j − (1 − ε) [j = t] − ε/C
/// ```
/// `losses [B]`, `gradient [B, C]` times `scale`.
///
/// # Errors
/// If a label is no class; nothing is written then.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn softmax_cross_entropy(
    classes: usize,
    x: &[f32],
    labels: Labels,
    losses: &mut [f32],
    gradient: Option<&mut [f32]>,
    scale: f32,
) -> Result<(), TargetError> {
    assert_eq!(labels.index.len(), losses.len(), "softmax_cross_entropy: one label per row");
    labels.check(classes)?;
    over_rows("softmax_cross_entropy", classes, x, losses, gradient, |rows| CrossEntropy {
        target: Target::Labels(labels),
        rows,
        scale,
    });
    Ok(())
}

/// Cross-entropy of the softmax of logits `x [B, C]` with a row of weights per row: a distribution, or counts (the
/// multinomial likelihood of a bag of words).
///
/// ```text
/// L_i = n ln Σ_j exp x_j − Σ_j q_j x_j,  n = Σ_j q_j        ∂L/∂x_j = n softmax(x)_j − q_j
/// ```
/// `q [B, C]` or [fewer rows](super) over and over, `losses [B]`, `gradient [B, C]` times `scale`.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn softmax_cross_entropy_dense(
    classes: usize,
    x: &[f32],
    q: &[f32],
    losses: &mut [f32],
    gradient: Option<&mut [f32]>,
    scale: f32,
) {
    check_target("softmax_cross_entropy_dense", classes, q, x);
    over_rows("softmax_cross_entropy_dense", classes, x, losses, gradient, |rows| CrossEntropy {
        target: Target::Dense(q),
        rows,
        scale,
    });
}

#[derive(Clone, Copy)]
enum Target<'a> {
    Labels(Labels<'a>),
    Dense(&'a [f32]),
}

struct CrossEntropy<'a> {
    target: Target<'a>,
    rows: Rows<'a>,
    scale: f32,
}

impl Kernel for CrossEntropy<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let CrossEntropy { target, rows: Rows { first, cols, x, losses, mut gradient, .. }, scale } = self;
        for (i, (loss, x)) in losses.iter_mut().zip(x.chunks_exact(cols)).enumerate() {
            let gradient = gradient.as_deref_mut().map(|g| &mut g[i * cols..][..cols]);
            let row = first + i;
            match target {
                Target::Labels(labels) => {
                    let Some(t) = labels.class(row) else {
                        *loss = 0.0;
                        if let Some(gradient) = gradient {
                            gradient.fill(0.0);
                        }
                        continue;
                    };
                    let (max, sum) = sum_exp(s, x);
                    *loss = labels.loss(x, t, (max, sum));
                    let (share, keep) = (labels.smoothing / cols as f32, 1.0 - labels.smoothing);
                    if let Some(gradient) = gradient {
                        softmax(
                            s,
                            x,
                            (max, sum),
                            |_, p| vector::gradient(s, s.mul(s.splat(scale), s.sub(p, s.splat(share)))),
                            gradient,
                        );
                        gradient[t] -= scale * keep;
                    }
                }
                Target::Dense(q) => {
                    let q = target_row(q, row, cols);
                    let (max, sum) = sum_exp(s, x);
                    let (mut count, mut expected) = (s.splat(0.0), s.splat(0.0));
                    for (x, q) in x.chunks(S::LANES).zip(q.chunks(S::LANES)) {
                        let weight = s.load_slice(q);
                        let term = s.mul(weight, s.sub(s.load_slice(x), s.splat(max)));
                        // A logit of -∞ where nothing is expected costs nothing.
                        let term = s.select(s.eq(weight, s.splat(0.0)), s.splat(0.0), term);
                        count = s.add(count, weight);
                        expected = s.add(expected, term);
                    }
                    let count = s.sum(count);
                    *loss = count * sum.ln() - s.sum(expected);
                    if let Some(gradient) = gradient {
                        let weigh = |j: usize, p| {
                            let q = s.load_slice(&q[j..]);
                            vector::gradient(s, s.mul(s.splat(scale), s.sub(s.mul(s.splat(count), p), q)))
                        };
                        softmax(s, x, (max, sum), weigh, gradient);
                    }
                }
            }
        }
    }
}

/// The largest element `m` and `Σ exp(x − m)`.
#[inline(always)]
pub(super) fn sum_exp<S: Simd>(s: S, x: &[f32]) -> (f32, f32) {
    let larger = |max: f32, &x: &f32| if x > max { x } else { max };
    let whole = x.chunks_exact(S::LANES);
    let max = whole.remainder().iter().fold(f32::NEG_INFINITY, larger);
    let most = whole.fold(s.splat(f32::NEG_INFINITY), |most, x| s.max(s.load_slice(x), most));
    let mut lanes = [f32::NEG_INFINITY; 16];
    s.store_slice(&mut lanes[..S::LANES], most);
    let max = lanes.iter().fold(max, larger);
    let mut sum = s.splat(0.0);
    for part in x.chunks(S::LANES) {
        let e = vector::exp(s, s.sub(s.load_slice(part), s.splat(max)));
        if part.len() == S::LANES {
            sum = s.add(sum, e);
        } else {
            let mut lanes = [0.0; 16];
            s.store_slice(&mut lanes[..part.len()], e);
            sum = s.add(sum, s.load_slice(&lanes));
        }
    }
    (max, s.sum(sum))
}

/// `out_j = finish(j, exp(x_j − m) / sum)`; dividing keeps digits that `exp(x_j − m − ln sum)` rounds away.
#[inline(always)]
fn softmax<S: Simd>(
    s: S,
    x: &[f32],
    (max, sum): (f32, f32),
    finish: impl Fn(usize, S::F) -> S::F,
    out: &mut [f32],
) {
    for (i, (x, out)) in x.chunks(S::LANES).zip(out.chunks_mut(S::LANES)).enumerate() {
        let shifted = s.sub(s.load_slice(x), s.splat(max));
        let p = s.mul(vector::exp(s, shifted), s.splat(1.0 / sum));
        s.store_slice(out, finish(i * S::LANES, p));
    }
}
