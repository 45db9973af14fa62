//! Parameter updates: one pass over parameters, gradients and state, in place.
//!
//! Every update takes a factor for the gradient (clipping by norm, averaging) and applies it on the way; it returns `Σ g²` of the
//! gradient as it was given, the bits of [`sum_of_squares`], which tells whether all of it was finite. Equations and
//! defaults are PyTorch's, so that a run can be moved between the two. The bodies are plain loops: the compiler turns them
//! into vectors of every level, and they give the same bits at all of them. Means that would be subnormal, and squares of
//! gradients below `2⁻⁵⁸`, count as zero.

mod gradient;

use gradient::{Squares, SumOfSquares};
pub use gradient::{clip_by_value, sum_of_squares};

use crate::math::BLOCK;
use crate::simd::{self, Kernel, Simd};
use crate::threads;

/// Settings of Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Learning rate `η`.
    pub lr: f64,
    /// Decay `β₁` of the first moment.
    pub beta1: f64,
    /// Decay `β₂` of the second moment.
    pub beta2: f64,
    /// `ε`, added to the root of the second moment.
    pub eps: f64,
    /// Weight decay `λ`.
    pub weight_decay: f64,
    /// Decay the weights directly (AdamW) instead of through the gradient (Adam with an L2 penalty).
    pub decoupled: bool,
}

impl Default for Adam {
    fn default() -> Self {
        Self { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, decoupled: false }
    }
}

/// Settings of stochastic gradient descent with momentum (dampening 0).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Learning rate `η`.
    pub lr: f64,
    /// Momentum `μ`.
    pub momentum: f64,
    /// Look ahead along the velocity (Nesterov).
    pub nesterov: bool,
    /// Weight decay `λ`.
    pub weight_decay: f64,
}

/// Settings of RMSProp (Tieleman and Hinton 2012).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// Learning rate `η`.
    pub lr: f64,
    /// Decay `α` of the mean square.
    pub alpha: f64,
    /// `ε`, added to the root of the mean square.
    pub eps: f64,
    /// Momentum `μ`.
    pub momentum: f64,
    /// Weight decay `λ`.
    pub weight_decay: f64,
}

/// A mean that decays, or zero where it would become subnormal: each operation on such a number takes over a hundred cycles.
#[inline(always)]
fn normal(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE { 0.0 } else { x }
}

/// `g²`, or zero where it would be subnormal or nearly: far below the square of any `ε`.
#[inline(always)]
fn square(g: f32) -> f32 {
    /// `2⁻⁵⁸`
    const SMALLEST: f32 = f32::from_bits((127 - 58) << 23);
    let g = if g.abs() < SMALLEST { 0.0 } else { g };
    g * g
}

/// Runs a step over blocks of gradients and what belongs to them on all threads; every kernel returns the `Σ g²` of its block.
fn step<'a, T: Send, K: Kernel<Output = f64>>(
    g: &'a [f32],
    blocks: impl Iterator<Item = T>,
    kernel: impl Fn(&'a [f32], T) -> K + Sync,
) -> f64 {
    let level = simd::level();
    let mut sums = vec![0.0; g.len().div_ceil(BLOCK)];
    let blocks = sums.iter_mut().zip(g.chunks(BLOCK)).zip(blocks).collect();
    threads::for_each(blocks, |((sum, g), block): ((&mut f64, &[f32]), T)| {
        *sum = simd::dispatch_at(level, kernel(g, block));
    });
    sums.iter().sum()
}

/// One step of Adam at step number `t` (from 1); `m` and `v` start at zero.
///
/// ```text
/// g ← scale·g (+ λθ when coupled)       θ ← θ − ηλθ when decoupled
/// m ← β₁m + (1−β₁)g                     v ← β₂v + (1−β₂)g²
/// θ ← θ − η/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε)
/// ```
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn adam(
    config: &Adam,
    t: u64,
    grad_scale: f32,
    theta: &mut [f32],
    g: &[f32],
    m: &mut [f32],
    v: &mut [f32],
) -> f64 {
    let n = theta.len();
    assert!(g.len() == n && m.len() == n && v.len() == n, "adam: the slices differ in length");
    let (c1, c2) = (1.0 - config.beta1.powf(t as f64), 1.0 - config.beta2.powf(t as f64));
    let factors = AdamFactors {
        grad_scale,
        l2: if config.decoupled { 0.0 } else { config.weight_decay as f32 },
        keep: if config.decoupled { (1.0 - config.lr * config.weight_decay) as f32 } else { 1.0 },
        beta1_rest: (1.0 - config.beta1) as f32,
        beta2: config.beta2 as f32,
        beta2_rest: (1.0 - config.beta2) as f32,
        step: (config.lr / c1) as f32,
        root: (1.0 / c2.sqrt()) as f32,
        eps: config.eps as f32,
    };
    let state = m.chunks_mut(BLOCK).zip(v.chunks_mut(BLOCK));
    step(g, theta.chunks_mut(BLOCK).zip(state), |g, (theta, (m, v))| AdamStep { factors, theta, g, m, v })
}

/// The scalars of a step, computed once in f64.
#[derive(Clone, Copy)]
struct AdamFactors {
    grad_scale: f32,
    l2: f32,
    keep: f32,
    beta1_rest: f32,
    beta2: f32,
    beta2_rest: f32,
    step: f32,
    root: f32,
    eps: f32,
}

struct AdamStep<'a> {
    factors: AdamFactors,
    theta: &'a mut [f32],
    g: &'a [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
}

impl Kernel for AdamStep<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> f64 {
        let (theta, theta_rest) = self.theta.as_chunks_mut::<16>();
        let (g, g_rest) = self.g.as_chunks::<16>();
        let (m, m_rest) = self.m.as_chunks_mut::<16>();
        let (v, v_rest) = self.v.as_chunks_mut::<16>();
        // The squares are summed on the way: a pass of their own would fetch the gradient from memory as a single stream, at
        // half the bandwidth that four together have.
        let mut squares = Squares::default();
        for ((theta, g), (m, v)) in theta.iter_mut().zip(g).zip(m.iter_mut().zip(v)) {
            squares.add(g);
            self.factors.update(theta, g, m, v);
        }
        squares.add(g_rest);
        self.factors.update(theta_rest, g_rest, m_rest, v_rest);
        squares.sum()
    }
}

impl AdamFactors {
    #[inline(always)]
    fn update(&self, theta: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
        let state = m.iter_mut().zip(v);
        for ((theta, &g), (m, v)) in theta.iter_mut().zip(g).zip(state) {
            let g = g * self.grad_scale + self.l2 * *theta;
            *m = normal(*m + self.beta1_rest * (g - *m));
            *v = normal(self.beta2 * *v + self.beta2_rest * square(g));
            *theta = self.keep * *theta - self.step * (*m / (v.sqrt() * self.root + self.eps));
        }
    }
}

/// One step of stochastic gradient descent; `velocity` is needed when the momentum is not zero and starts at zero.
///
/// ```text
/// g ← scale·g + λθ       v ← μv + g       θ ← θ − η·(g + μv  if nesterov,  v otherwise)
/// ```
///
/// # Panics
/// If the lengths differ, or momentum is asked for without a velocity.
#[track_caller]
pub fn sgd(config: &Sgd, grad_scale: f32, theta: &mut [f32], g: &[f32], velocity: Option<&mut [f32]>) -> f64 {
    let n = theta.len();
    assert_eq!(g.len(), n, "sgd: the slices differ in length");
    let velocity = check_velocity("sgd", config.momentum, velocity, n);
    let blocks = theta.chunks_mut(BLOCK).zip(velocity_blocks(velocity, n));
    step(g, blocks, |g, (theta, velocity)| SgdStep { config, grad_scale, theta, g, velocity })
}

struct SgdStep<'a> {
    config: &'a Sgd,
    grad_scale: f32,
    theta: &'a mut [f32],
    g: &'a [f32],
    velocity: Option<&'a mut [f32]>,
}

impl Kernel for SgdStep<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f64 {
        let squares = SumOfSquares(self.g).run(s);
        let (lr, mu) = (self.config.lr as f32, self.config.momentum as f32);
        let (scale, l2) = (self.grad_scale, self.config.weight_decay as f32);
        let pairs = self.theta.iter_mut().zip(self.g);
        match self.velocity {
            None => {
                for (theta, &g) in pairs {
                    *theta -= lr * (g * scale + l2 * *theta);
                }
            }
            Some(velocity) => {
                let (own, ahead) = if self.config.nesterov { (1.0, mu) } else { (0.0, 1.0) };
                for ((theta, &g), v) in pairs.zip(velocity) {
                    let g = g * scale + l2 * *theta;
                    *v = mu * *v + g;
                    *theta -= lr * (own * g + ahead * *v);
                }
            }
        }
        squares
    }
}

/// One step of RMSProp; `square` starts at zero, `velocity` is needed when the momentum is not zero.
///
/// ```text
/// g ← scale·g + λθ       s ← αs + (1−α)g²       d = g / (√s + ε)
/// without momentum: θ ← θ − ηd       with momentum: v ← μv + d,  θ ← θ − ηv
/// ```
///
/// # Panics
/// If the lengths differ, or momentum is asked for without a velocity.
#[track_caller]
pub fn rms_prop(
    config: &RmsProp,
    grad_scale: f32,
    theta: &mut [f32],
    g: &[f32],
    square: &mut [f32],
    velocity: Option<&mut [f32]>,
) -> f64 {
    let n = theta.len();
    assert!(g.len() == n && square.len() == n, "rms_prop: the slices differ in length");
    let velocity = check_velocity("rms_prop", config.momentum, velocity, n);
    let state = square.chunks_mut(BLOCK).zip(velocity_blocks(velocity, n));
    step(g, theta.chunks_mut(BLOCK).zip(state), |g, (theta, (square, velocity))| RmsPropStep {
        config,
        grad_scale,
        theta,
        g,
        square,
        velocity,
    })
}

struct RmsPropStep<'a> {
    config: &'a RmsProp,
    grad_scale: f32,
    theta: &'a mut [f32],
    g: &'a [f32],
    square: &'a mut [f32],
    velocity: Option<&'a mut [f32]>,
}

impl Kernel for RmsPropStep<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f64 {
        let squares = SumOfSquares(self.g).run(s);
        let config = self.config;
        let (lr, mu, eps) = (config.lr as f32, config.momentum as f32, config.eps as f32);
        let (alpha, rest) = (config.alpha as f32, (1.0 - config.alpha) as f32);
        let (scale, l2) = (self.grad_scale, config.weight_decay as f32);
        let direction = |g: f32, theta: f32, mean: &mut f32| {
            let g = g * scale + l2 * theta;
            *mean = normal(alpha * *mean + rest * square(g));
            g / (mean.sqrt() + eps)
        };
        let triples = self.theta.iter_mut().zip(self.g).zip(self.square);
        match self.velocity {
            None => {
                for ((theta, &g), square) in triples {
                    *theta -= lr * direction(g, *theta, square);
                }
            }
            Some(velocity) => {
                for (((theta, &g), square), v) in triples.zip(velocity) {
                    *v = mu * *v + direction(g, *theta, square);
                    *theta -= lr * *v;
                }
            }
        }
        squares
    }
}

/// The velocity where the momentum needs one.
#[track_caller]
fn check_velocity<'a>(
    name: &str,
    momentum: f64,
    velocity: Option<&'a mut [f32]>,
    n: usize,
) -> Option<&'a mut [f32]> {
    let velocity = velocity.filter(|_| momentum != 0.0);
    let len = velocity.as_ref().map(|v| v.len());
    assert!(
        momentum == 0.0 || len == Some(n),
        "{name}: momentum needs a velocity of {n} elements, found {len:?}"
    );
    velocity
}

/// The blocks of a velocity, or as many times nothing.
fn velocity_blocks(velocity: Option<&mut [f32]>, n: usize) -> impl Iterator<Item = Option<&mut [f32]>> {
    let absent = if velocity.is_none() { n.div_ceil(BLOCK) } else { 0 };
    let present = velocity.into_iter().flat_map(|v| v.chunks_mut(BLOCK)).map(Some);
    present.chain((0..absent).map(|_| None))
}

#[cfg(test)]
mod tests;
