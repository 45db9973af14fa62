use super::{Rows, check_target, over_rows, target_row};
use crate::math::vector;
use crate::simd::{Kernel, Simd};

/// Cross-entropy of Bernoulli targets in `[0, 1]` given logits: the reconstruction term of a sigmoid decoder.
///
/// ```text
/// L_i = Σ_j max(x, 0) − x t + ln(1 + exp(−|x|))        ∂L/∂x = σ(x) − t
/// ```
/// `x` and `gradient` are `[B, cols]`, `losses [B]`, `t` is `[B, cols]` or [fewer rows](super) over and over.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn bernoulli_with_logits(
    cols: usize,
    x: &[f32],
    t: &[f32],
    losses: &mut [f32],
    gradient: Option<&mut [f32]>,
    scale: f32,
) {
    elementwise("bernoulli_with_logits", Term::Bernoulli, cols, x, t, losses, gradient, scale);
}

/// Squared error, `L_i = Σ_j (x − t)²`, `∂L/∂x = 2 (x − t)`: the reconstruction term of a linear decoder.
///
/// `x` and `gradient` are `[B, cols]`, `losses [B]`, `t` is `[B, cols]` or [fewer rows](super) over and over.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn squared_error(
    cols: usize,
    x: &[f32],
    t: &[f32],
    losses: &mut [f32],
    gradient: Option<&mut [f32]>,
    scale: f32,
) {
    elementwise("squared_error", Term::Squared, cols, x, t, losses, gradient, scale);
}

#[derive(Clone, Copy)]
enum Term {
    Bernoulli,
    Squared,
}

impl Term {
    /// The loss of each element and its derivative.
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, x: S::F, t: S::F) -> (S::F, S::F) {
        let (zero, one) = (s.splat(0.0), s.splat(1.0));
        match self {
            Self::Bernoulli => {
                let e = vector::exp(s, s.sub(zero, s.abs(x)));
                let loss = s.add(s.neg_mul_add(x, t, s.max(zero, x)), vector::log_1p_unit(s, e));
                let sigmoid = s.div(s.select(s.lt(x, zero), e, one), s.add(one, e));
                (loss, s.sub(sigmoid, t))
            }
            Self::Squared => {
                let d = s.sub(x, t);
                (s.mul(d, d), s.add(d, d))
            }
        }
    }
}

#[allow(clippy::too_many_arguments, reason = "what the public losses are given, passed on")]
#[track_caller]
fn elementwise(
    name: &str,
    term: Term,
    cols: usize,
    x: &[f32],
    t: &[f32],
    losses: &mut [f32],
    gradient: Option<&mut [f32]>,
    scale: f32,
) {
    check_target(name, cols, t, x);
    over_rows(name, cols, x, losses, gradient, |rows| Elementwise { term, rows, t, scale });
}

struct Elementwise<'a> {
    term: Term,
    rows: Rows<'a>,
    t: &'a [f32],
    scale: f32,
}

impl Kernel for Elementwise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Elementwise { term, rows: Rows { first, cols, x, losses, mut gradient }, t, scale } = self;
        let scale = s.splat(scale);
        for (i, loss) in losses.iter_mut().enumerate() {
            let (x, t) = (&x[i * cols..][..cols], target_row(t, first + i, cols));
            let mut gradient = gradient.as_deref_mut().map(|g| &mut g[i * cols..][..cols]);
            let mut sum = s.splat(0.0);
            let mut j = 0;
            while j < cols {
                let stop = cols.min(j + S::LANES);
                let (v, derivative) = term.eval(s, s.load_slice(&x[j..stop]), s.load_slice(&t[j..stop]));
                if stop - j == S::LANES {
                    sum = s.add(sum, v);
                } else {
                    // Lanes past the end hold the loss of a zero, which is not zero.
                    let mut lanes = [0.0; 16];
                    s.store_slice(&mut lanes[..stop - j], v);
                    sum = s.add(sum, s.load_slice(&lanes));
                }
                if let Some(gradient) = &mut gradient {
                    s.store_slice(&mut gradient[j..stop], vector::gradient(s, s.mul(scale, derivative)));
                }
                j = stop;
            }
            *loss = s.sum(sum);
        }
    }
}
