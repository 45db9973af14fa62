use super::macros::{intrinsics, memory};
use super::{Kernel, Simd};
use std::arch::x86_64::*;

/// Proof that the processor has AVX-512 F, BW, DQ and VL.
#[derive(Clone, Copy)]
pub(super) struct Avx512(());

/// Runs a kernel compiled for AVX-512.
///
/// # Safety
/// The processor must have it.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
pub(super) unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx512(()))
}

#[inline(always)]
fn mask(n: usize) -> __mmask16 {
    if n >= 16 { 0xffff } else { (1 << n) - 1 }
}

/// Transposes 16 rows of 16 in four rounds: pairs of lanes, pairs of pairs, then 128-bit quarters twice.
#[target_feature(enable = "avx512f")]
#[inline]
fn transpose16(r: &mut [__m512; 16]) {
    let mut t = [_mm512_setzero_ps(); 16];
    for i in 0..8 {
        t[2 * i] = _mm512_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
    for i in 0..4 {
        let wide = |j: usize| _mm512_castps_pd(t[4 * i + j]);
        let (a, b, c, d) = (wide(0), wide(1), wide(2), wide(3));
        r[4 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
        r[4 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
        r[4 * i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
        r[4 * i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
    }
    for i in 0..4 {
        t[i] = _mm512_shuffle_f32x4::<0x88>(r[i], r[4 + i]);
        t[4 + i] = _mm512_shuffle_f32x4::<0xdd>(r[i], r[4 + i]);
        t[8 + i] = _mm512_shuffle_f32x4::<0x88>(r[8 + i], r[12 + i]);
        t[12 + i] = _mm512_shuffle_f32x4::<0xdd>(r[8 + i], r[12 + i]);
    }
    for i in 0..4 {
        r[i] = _mm512_shuffle_f32x4::<0x88>(t[i], t[8 + i]);
        r[8 + i] = _mm512_shuffle_f32x4::<0xdd>(t[i], t[8 + i]);
        r[4 + i] = _mm512_shuffle_f32x4::<0x88>(t[4 + i], t[12 + i]);
        r[12 + i] = _mm512_shuffle_f32x4::<0xdd>(t[4 + i], t[12 + i]);
    }
}

impl Simd for Avx512 {
    const LANES: usize = 16;
    // 28 accumulators, two vectors of B and one broadcast leave one register free.
    const TILE_ROWS: usize = 14;
    type F = __m512;
    type I = __m512i;
    type M = __mmask16;

    #[inline(always)]
    fn outline<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: the token is the proof that the processor has the instructions.
        unsafe { run(kernel) }
    }

    memory! {
        unsafe fn load(p: *const f32) -> Self::F { _mm512_loadu_ps(p) }
        unsafe fn store(p: *mut f32, v: Self::F) { _mm512_storeu_ps(p, v) }
        unsafe fn load_partial(p: *const f32, n: usize) -> Self::F { _mm512_maskz_loadu_ps(mask(n), p) }
        unsafe fn store_partial(p: *mut f32, n: usize, v: Self::F) { _mm512_mask_storeu_ps(p, mask(n), v) }
    }

    intrinsics! {
        fn splat(x: f32) -> Self::F { _mm512_set1_ps(x) }
        fn add(a: Self::F, b: Self::F) -> Self::F { _mm512_add_ps(a, b) }
        fn sub(a: Self::F, b: Self::F) -> Self::F { _mm512_sub_ps(a, b) }
        fn mul(a: Self::F, b: Self::F) -> Self::F { _mm512_mul_ps(a, b) }
        fn div(a: Self::F, b: Self::F) -> Self::F { _mm512_div_ps(a, b) }
        fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F { _mm512_fmadd_ps(a, b, c) }
        fn neg_mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F { _mm512_fnmadd_ps(a, b, c) }
        fn min(a: Self::F, b: Self::F) -> Self::F { _mm512_min_ps(a, b) }
        fn max(a: Self::F, b: Self::F) -> Self::F { _mm512_max_ps(a, b) }
        fn sqrt(a: Self::F) -> Self::F { _mm512_sqrt_ps(a) }
        fn round(a: Self::F) -> Self::F { _mm512_roundscale_ps::<8>(a) }
        fn lt(a: Self::F, b: Self::F) -> Self::M { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b) }
        fn eq(a: Self::F, b: Self::F) -> Self::M { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b) }
        fn select(m: Self::M, a: Self::F, b: Self::F) -> Self::F { _mm512_mask_blend_ps(m, b, a) }
        fn to_bits(a: Self::F) -> Self::I { _mm512_castps_si512(a) }
        fn bits_to_float(a: Self::I) -> Self::F { _mm512_castsi512_ps(a) }
        fn splat_int(x: i32) -> Self::I { _mm512_set1_epi32(x) }
        fn add_int(a: Self::I, b: Self::I) -> Self::I { _mm512_add_epi32(a, b) }
        fn sub_int(a: Self::I, b: Self::I) -> Self::I { _mm512_sub_epi32(a, b) }
        fn and(a: Self::I, b: Self::I) -> Self::I { _mm512_and_si512(a, b) }
        fn or(a: Self::I, b: Self::I) -> Self::I { _mm512_or_si512(a, b) }
        fn shl23(a: Self::I) -> Self::I { _mm512_slli_epi32::<23>(a) }
        fn shr23(a: Self::I) -> Self::I { _mm512_srai_epi32::<23>(a) }
        fn to_int(a: Self::F) -> Self::I { _mm512_cvtps_epi32(a) }
        fn to_float(a: Self::I) -> Self::F { _mm512_cvtepi32_ps(a) }
        fn prefetch(p: *const f32) { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
        fn prefetch_far(p: *const f32) { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
        fn scale(a: Self::F, n: Self::F) -> Self::F { _mm512_scalef_ps(a, n) }
    }

    /// By an estimate of `1 / b` with 14 bits and one correction of the quotient: a division of 16 lanes takes as long as
    /// 16 multiplications, this as four.
    #[inline(always)]
    fn ratio(self, a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: the token is the proof that the processor has the instructions.
        let r = unsafe { _mm512_rcp14_ps(b) };
        let q = self.mul(a, r);
        self.mul_add(self.neg_mul_add(b, q, a), r, q)
    }

    #[inline(always)]
    unsafe fn transpose(
        self,
        src: *const f32,
        src_stride: usize,
        rows: usize,
        width: usize,
        depth: usize,
        dst: *mut f32,
        dst_stride: usize,
    ) {
        // SAFETY: masked lanes are neither read nor written; the rest is the caller's contract.
        unsafe {
            let stored = mask(width);
            let mut p = 0;
            while p < depth {
                let steps = (depth - p).min(16);
                let read = mask(steps);
                let mut r = [_mm512_setzero_ps(); 16];
                for (i, r) in r.iter_mut().enumerate() {
                    if i < rows {
                        *r = _mm512_maskz_loadu_ps(read, src.add(i * src_stride + p));
                    }
                }
                transpose16(&mut r);
                for (q, r) in r.iter().enumerate() {
                    if q < steps {
                        _mm512_mask_storeu_ps(dst.add((p + q) * dst_stride), stored, *r);
                    }
                }
                p += 16;
            }
        }
    }
}
