use super::macros::{intrinsics, memory};
use super::{Kernel, Simd};
use std::arch::x86_64::*;

/// Proof that the processor has AVX2 and FMA.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

/// Runs a kernel compiled for AVX2 with FMA.
///
/// # Safety
/// The processor must have both.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2(()))
}

/// All bits set in the first `n` lanes.
#[target_feature(enable = "avx2")]
#[inline]
fn mask(n: usize) -> __m256i {
    _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
}

/// Transposes 8 rows of 8 in three rounds: pairs of lanes, pairs of pairs, then halves.
#[target_feature(enable = "avx2")]
#[inline]
fn transpose8(r: &mut [__m256; 8]) {
    let mut t = [_mm256_setzero_ps(); 8];
    for i in 0..4 {
        t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
    let mut u = [_mm256_setzero_ps(); 8];
    for i in 0..2 {
        u[4 * i] = _mm256_shuffle_ps::<0x44>(t[4 * i], t[4 * i + 2]);
        u[4 * i + 1] = _mm256_shuffle_ps::<0xee>(t[4 * i], t[4 * i + 2]);
        u[4 * i + 2] = _mm256_shuffle_ps::<0x44>(t[4 * i + 1], t[4 * i + 3]);
        u[4 * i + 3] = _mm256_shuffle_ps::<0xee>(t[4 * i + 1], t[4 * i + 3]);
    }
    for i in 0..4 {
        r[i] = _mm256_permute2f128_ps::<0x20>(u[i], u[4 + i]);
        r[4 + i] = _mm256_permute2f128_ps::<0x31>(u[i], u[4 + i]);
    }
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    // 12 accumulators, two vectors of B and one broadcast leave one register free.
    const TILE_ROWS: usize = 6;
    type F = __m256;
    type I = __m256i;
    type M = __m256;

    #[inline(always)]
    fn outline<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: the token is the proof that the processor has the instructions.
        unsafe { run(kernel) }
    }

    memory! {
        unsafe fn load(p: *const f32) -> Self::F { _mm256_loadu_ps(p) }
        unsafe fn store(p: *mut f32, v: Self::F) { _mm256_storeu_ps(p, v) }
        unsafe fn load_partial(p: *const f32, n: usize) -> Self::F { _mm256_maskload_ps(p, mask(n)) }
        unsafe fn store_partial(p: *mut f32, n: usize, v: Self::F) { _mm256_maskstore_ps(p, mask(n), v) }
    }

    intrinsics! {
        fn splat(x: f32) -> Self::F { _mm256_set1_ps(x) }
        fn add(a: Self::F, b: Self::F) -> Self::F { _mm256_add_ps(a, b) }
        fn sub(a: Self::F, b: Self::F) -> Self::F { _mm256_sub_ps(a, b) }
        fn mul(a: Self::F, b: Self::F) -> Self::F { _mm256_mul_ps(a, b) }
        fn div(a: Self::F, b: Self::F) -> Self::F { _mm256_div_ps(a, b) }
        fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F { _mm256_fmadd_ps(a, b, c) }
        fn neg_mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F { _mm256_fnmadd_ps(a, b, c) }
        fn min(a: Self::F, b: Self::F) -> Self::F { _mm256_min_ps(a, b) }
        fn max(a: Self::F, b: Self::F) -> Self::F { _mm256_max_ps(a, b) }
        fn sqrt(a: Self::F) -> Self::F { _mm256_sqrt_ps(a) }
        fn round(a: Self::F) -> Self::F { _mm256_round_ps::<8>(a) }
        fn lt(a: Self::F, b: Self::F) -> Self::M { _mm256_cmp_ps::<_CMP_LT_OQ>(a, b) }
        fn eq(a: Self::F, b: Self::F) -> Self::M { _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b) }
        fn select(m: Self::M, a: Self::F, b: Self::F) -> Self::F { _mm256_blendv_ps(b, a, m) }
        fn to_bits(a: Self::F) -> Self::I { _mm256_castps_si256(a) }
        fn bits_to_float(a: Self::I) -> Self::F { _mm256_castsi256_ps(a) }
        fn splat_int(x: i32) -> Self::I { _mm256_set1_epi32(x) }
        fn add_int(a: Self::I, b: Self::I) -> Self::I { _mm256_add_epi32(a, b) }
        fn sub_int(a: Self::I, b: Self::I) -> Self::I { _mm256_sub_epi32(a, b) }
        fn and(a: Self::I, b: Self::I) -> Self::I { _mm256_and_si256(a, b) }
        fn or(a: Self::I, b: Self::I) -> Self::I { _mm256_or_si256(a, b) }
        fn shl23(a: Self::I) -> Self::I { _mm256_slli_epi32::<23>(a) }
        fn shr23(a: Self::I) -> Self::I { _mm256_srai_epi32::<23>(a) }
        fn to_int(a: Self::F) -> Self::I { _mm256_cvtps_epi32(a) }
        fn to_float(a: Self::I) -> Self::F { _mm256_cvtepi32_ps(a) }
        fn prefetch(p: *const f32) { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
        fn prefetch_far(p: *const f32) { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
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
                let steps = (depth - p).min(8);
                let read = mask(steps);
                let mut r = [_mm256_setzero_ps(); 8];
                for (i, r) in r.iter_mut().enumerate() {
                    if i < rows {
                        *r = _mm256_maskload_ps(src.add(i * src_stride + p), read);
                    }
                }
                transpose8(&mut r);
                for (q, r) in r.iter().enumerate() {
                    if q < steps {
                        _mm256_maskstore_ps(dst.add((p + q) * dst_stride), stored, *r);
                    }
                }
                p += 8;
            }
        }
    }
}
