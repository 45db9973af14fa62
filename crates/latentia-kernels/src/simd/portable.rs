use super::{Kernel, Simd};

/// Arrays of four, which compilers turn into whatever vectors the target has.
#[derive(Clone, Copy)]
pub(super) struct Portable;

const N: usize = 4;

macro_rules! lanes {
    ($i:ident => $e:expr) => {{
        let mut out = [Default::default(); N];
        for $i in 0..N {
            out[$i] = $e;
        }
        out
    }};
}

#[allow(clippy::needless_range_loop, reason = "loops over lanes, whose fixed length the compiler unrolls")]
impl Simd for Portable {
    const LANES: usize = N;
    const TILE_ROWS: usize = 6;
    type F = [f32; N];
    type I = [i32; N];
    type M = [bool; N];

    #[inline(always)]
    fn outline<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Self::F {
        [x; N]
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> Self::F {
        // SAFETY: the caller's contract.
        unsafe { p.cast::<Self::F>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: Self::F) {
        // SAFETY: the caller's contract.
        unsafe { p.cast::<Self::F>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn load_partial(self, p: *const f32, n: usize) -> Self::F {
        let mut out = [0.0; N];
        for i in 0..n.min(N) {
            // SAFETY: i < n.
            out[i] = unsafe { *p.add(i) };
        }
        out
    }
    #[inline(always)]
    unsafe fn store_partial(self, p: *mut f32, n: usize, v: Self::F) {
        for i in 0..n.min(N) {
            // SAFETY: i < n.
            unsafe { *p.add(i) = v[i] };
        }
    }
    #[inline(always)]
    fn add(self, a: Self::F, b: Self::F) -> Self::F {
        lanes!(i => a[i] + b[i])
    }
    #[inline(always)]
    fn sub(self, a: Self::F, b: Self::F) -> Self::F {
        lanes!(i => a[i] - b[i])
    }
    #[inline(always)]
    fn mul(self, a: Self::F, b: Self::F) -> Self::F {
        lanes!(i => a[i] * b[i])
    }
    #[inline(always)]
    fn div(self, a: Self::F, b: Self::F) -> Self::F {
        lanes!(i => a[i] / b[i])
    }
    // Not f32::mul_add: without the instruction that is a library call, fifty times slower.
    #[inline(always)]
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        lanes!(i => a[i] * b[i] + c[i])
    }
    #[inline(always)]
    fn neg_mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        lanes!(i => c[i] - a[i] * b[i])
    }
    #[inline(always)]
    fn min(self, a: Self::F, b: Self::F) -> Self::F {
        lanes!(i => if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        lanes!(i => if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn sqrt(self, a: Self::F) -> Self::F {
        lanes!(i => a[i].sqrt())
    }
    #[inline(always)]
    fn round(self, a: Self::F) -> Self::F {
        // Adding 1.5 * 2^23 leaves no bits below one; larger values are integers already.
        const SHIFT: f32 = 12_582_912.0;
        lanes!(i => if a[i].abs() < 4_194_304.0 { (a[i] + SHIFT) - SHIFT } else { a[i] })
    }
    #[inline(always)]
    fn lt(self, a: Self::F, b: Self::F) -> Self::M {
        lanes!(i => a[i] < b[i])
    }
    #[inline(always)]
    fn eq(self, a: Self::F, b: Self::F) -> Self::M {
        lanes!(i => a[i] == b[i])
    }
    #[inline(always)]
    fn select(self, m: Self::M, a: Self::F, b: Self::F) -> Self::F {
        lanes!(i => if m[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn to_bits(self, a: Self::F) -> Self::I {
        lanes!(i => a[i].to_bits() as i32)
    }
    #[inline(always)]
    fn bits_to_float(self, a: Self::I) -> Self::F {
        lanes!(i => f32::from_bits(a[i] as u32))
    }
    #[inline(always)]
    fn splat_int(self, x: i32) -> Self::I {
        [x; N]
    }
    #[inline(always)]
    fn add_int(self, a: Self::I, b: Self::I) -> Self::I {
        lanes!(i => a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    fn sub_int(self, a: Self::I, b: Self::I) -> Self::I {
        lanes!(i => a[i].wrapping_sub(b[i]))
    }
    #[inline(always)]
    fn and(self, a: Self::I, b: Self::I) -> Self::I {
        lanes!(i => a[i] & b[i])
    }
    #[inline(always)]
    fn or(self, a: Self::I, b: Self::I) -> Self::I {
        lanes!(i => a[i] | b[i])
    }
    #[inline(always)]
    fn shl23(self, a: Self::I) -> Self::I {
        lanes!(i => a[i] << 23)
    }
    #[inline(always)]
    fn shr23(self, a: Self::I) -> Self::I {
        lanes!(i => a[i] >> 23)
    }
    #[inline(always)]
    fn to_int(self, a: Self::F) -> Self::I {
        lanes!(i => a[i] as i32)
    }
    #[inline(always)]
    fn to_float(self, a: Self::I) -> Self::F {
        lanes!(i => a[i] as f32)
    }
    #[inline(always)]
    fn prefetch(self, _: *const f32) {}
    #[inline(always)]
    fn prefetch_far(self, _: *const f32) {}
}
