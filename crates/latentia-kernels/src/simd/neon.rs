use super::macros::{intrinsics, memory};
use super::{Kernel, Simd};
use std::arch::aarch64::*;

/// Proof that the processor has NEON.
#[derive(Clone, Copy)]
pub(super) struct Neon(());

/// Runs a kernel compiled for NEON.
///
/// # Safety
/// The processor must have it.
#[target_feature(enable = "neon")]
pub(super) unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Neon(()))
}

impl Simd for Neon {
    const LANES: usize = 4;
    // 24 accumulators, two vectors of B and one broadcast of 32 registers.
    const TILE_ROWS: usize = 12;
    type F = float32x4_t;
    type I = int32x4_t;
    type M = uint32x4_t;

    #[inline(always)]
    fn outline<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: the token is the proof that the processor has the instructions.
        unsafe { run(kernel) }
    }

    memory! {
        unsafe fn load(p: *const f32) -> Self::F { vld1q_f32(p) }
        unsafe fn store(p: *mut f32, v: Self::F) { vst1q_f32(p, v) }
    }

    intrinsics! {
        fn splat(x: f32) -> Self::F { vdupq_n_f32(x) }
        fn add(a: Self::F, b: Self::F) -> Self::F { vaddq_f32(a, b) }
        fn sub(a: Self::F, b: Self::F) -> Self::F { vsubq_f32(a, b) }
        fn mul(a: Self::F, b: Self::F) -> Self::F { vmulq_f32(a, b) }
        fn div(a: Self::F, b: Self::F) -> Self::F { vdivq_f32(a, b) }
        fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F { vfmaq_f32(c, a, b) }
        fn neg_mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F { vfmsq_f32(c, a, b) }
        fn min(a: Self::F, b: Self::F) -> Self::F { vbslq_f32(vcltq_f32(a, b), a, b) }
        fn max(a: Self::F, b: Self::F) -> Self::F { vbslq_f32(vcgtq_f32(a, b), a, b) }
        fn sqrt(a: Self::F) -> Self::F { vsqrtq_f32(a) }
        fn round(a: Self::F) -> Self::F { vrndnq_f32(a) }
        fn lt(a: Self::F, b: Self::F) -> Self::M { vcltq_f32(a, b) }
        fn eq(a: Self::F, b: Self::F) -> Self::M { vceqq_f32(a, b) }
        fn select(m: Self::M, a: Self::F, b: Self::F) -> Self::F { vbslq_f32(m, a, b) }
        fn to_bits(a: Self::F) -> Self::I { vreinterpretq_s32_f32(a) }
        fn bits_to_float(a: Self::I) -> Self::F { vreinterpretq_f32_s32(a) }
        fn splat_int(x: i32) -> Self::I { vdupq_n_s32(x) }
        fn add_int(a: Self::I, b: Self::I) -> Self::I { vaddq_s32(a, b) }
        fn sub_int(a: Self::I, b: Self::I) -> Self::I { vsubq_s32(a, b) }
        fn and(a: Self::I, b: Self::I) -> Self::I { vandq_s32(a, b) }
        fn or(a: Self::I, b: Self::I) -> Self::I { vorrq_s32(a, b) }
        fn shl23(a: Self::I) -> Self::I { vshlq_n_s32::<23>(a) }
        fn shr23(a: Self::I) -> Self::I { vshrq_n_s32::<23>(a) }
        fn to_int(a: Self::F) -> Self::I { vcvtq_s32_f32(a) }
        fn to_float(a: Self::I) -> Self::F { vcvtq_f32_s32(a) }
    }

    #[inline(always)]
    unsafe fn load_partial(self, p: *const f32, n: usize) -> Self::F {
        let mut lanes = [0.0; 4];
        // SAFETY: the caller vouches for n floats; four fit the array.
        unsafe {
            std::ptr::copy_nonoverlapping(p, lanes.as_mut_ptr(), n.min(4));
            self.load(lanes.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn store_partial(self, p: *mut f32, n: usize, v: Self::F) {
        let mut lanes = [0.0; 4];
        // SAFETY: as above.
        unsafe {
            self.store(lanes.as_mut_ptr(), v);
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), p, n.min(4));
        }
    }

    // No stable intrinsic; the sequential reads of a packed panel are found by the hardware.
    #[inline(always)]
    fn prefetch(self, _: *const f32) {}
    #[inline(always)]
    fn prefetch_far(self, _: *const f32) {}
}
