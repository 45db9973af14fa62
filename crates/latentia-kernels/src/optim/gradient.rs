//! What is asked of gradients before a step.

use crate::math::BLOCK;
use crate::simd::{self, Kernel, Simd};
use crate::threads;

/// `Σ x²` in f64: block by block, each in sixteen running sums, so that the bits depend on nothing but `x`.
pub fn sum_of_squares(x: &[f32]) -> f64 {
    let level = simd::level();
    let mut sums = vec![0.0; x.len().div_ceil(BLOCK)];
    let blocks = sums.iter_mut().zip(x.chunks(BLOCK)).collect();
    threads::for_each(blocks, |(sum, block): (&mut f64, &[f32])| {
        *sum = simd::dispatch_at(level, SumOfSquares(block));
    });
    sums.iter().sum()
}

pub(super) struct SumOfSquares<'a>(pub(super) &'a [f32]);

impl Kernel for SumOfSquares<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> f64 {
        let mut squares = Squares::default();
        squares.add(self.0);
        squares.sum()
    }
}

/// `Σ x²` of a block that comes in parts, all but the last of them multiples of sixteen long.
#[derive(Default)]
pub(super) struct Squares([f64; 16]);

impl Squares {
    #[inline(always)]
    pub(super) fn add(&mut self, part: &[f32]) {
        let (groups, rest) = part.as_chunks::<16>();
        for group in groups {
            self.add_group(group);
        }
        self.add_group(rest);
    }

    #[inline(always)]
    fn add_group(&mut self, group: &[f32]) {
        for (sum, &x) in self.0.iter_mut().zip(group) {
            *sum += f64::from(x) * f64::from(x);
        }
    }

    #[inline(always)]
    pub(super) fn sum(self) -> f64 {
        self.0.iter().sum()
    }
}

/// `x_i = min(max(x_i, -limit), limit)`; NaN stays NaN.
///
/// # Panics
/// If the limit is negative or NaN.
#[track_caller]
pub fn clip_by_value(x: &mut [f32], limit: f32) {
    assert!(limit >= 0.0, "clip_by_value: a limit of {limit}");
    let level = simd::level();
    threads::for_each(x.chunks_mut(BLOCK).collect(), |block| simd::dispatch_at(level, Clip(block, limit)));
}

struct Clip<'a>(&'a mut [f32], f32);

impl Kernel for Clip<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for x in self.0 {
            *x = x.clamp(-self.1, self.1);
        }
    }
}
