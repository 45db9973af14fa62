use super::vector;
use crate::simd::{self, Kernel, Simd};
use crate::threads;

/// Elements a piece of element-wise work has: 64 KiB, a few microseconds.
pub(crate) const BLOCK: usize = 16_384;

/// A function of one element.
pub(crate) trait VectorFn: Copy + Send + Sync {
    /// Its values; mark the implementation `#[inline(always)]`.
    fn eval<S: Simd>(self, s: S, x: S::F) -> S::F;
}

/// `x_i = f(x_i)` on one thread.
pub(crate) struct MapInPlace<'a, F>(pub(crate) F, pub(crate) &'a mut [f32]);

impl<F: VectorFn> Kernel for MapInPlace<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for x in self.1.chunks_mut(S::LANES) {
            let v = s.load_slice(x);
            s.store_slice(x, self.0.eval(s, v));
        }
    }
}

/// `x_i = f(x_i)` on all threads.
pub(crate) fn map_in_place<F: VectorFn>(f: F, x: &mut [f32]) {
    let level = simd::level();
    threads::for_each(x.chunks_mut(BLOCK).collect(), |part| simd::dispatch_at(level, MapInPlace(f, part)));
}

#[derive(Clone, Copy)]
struct Exp;

impl VectorFn for Exp {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, x: S::F) -> S::F {
        vector::exp(s, x)
    }
}

#[derive(Clone, Copy)]
struct Log;

impl VectorFn for Log {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, x: S::F) -> S::F {
        vector::log(s, x)
    }
}

/// `x_i = exp(x_i)`
pub fn exp_in_place(x: &mut [f32]) {
    map_in_place(Exp, x);
}

/// `x_i = ln(x_i)`
pub fn log_in_place(x: &mut [f32]) {
    map_in_place(Log, x);
}

/// True if no element is infinite or NaN.
pub fn all_finite(x: &[f32]) -> bool {
    let level = simd::level();
    let mut finite = vec![true; x.len().div_ceil(BLOCK)];
    let blocks = finite.iter_mut().zip(x.chunks(BLOCK)).collect();
    threads::for_each(blocks, |(finite, block): (&mut bool, &[f32])| {
        *finite = simd::dispatch_at(level, AllFinite(block));
    });
    finite.iter().all(|&f| f)
}

struct AllFinite<'a>(&'a [f32]);

impl Kernel for AllFinite<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> bool {
        // No early end: a loop without a branch is a loop of vectors.
        self.0.iter().fold(true, |finite, x| finite & x.is_finite())
    }
}
