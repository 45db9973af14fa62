use super::Kernel;

/// A token for an instruction set, with the vector operations the kernels are written in.
///
/// `F` holds [`LANES`](Simd::LANES) floats, `I` as many 32-bit integers, `M` a truth value per lane. Operations act lane by
/// lane and round as IEEE 754 says.
pub trait Simd: Copy + Send + Sync + 'static {
    /// Floats in a vector.
    const LANES: usize;
    /// Rows of the register tile of a product whose other side is two vectors wide: as many as the registers hold.
    const TILE_ROWS: usize;
    /// A vector of floats.
    type F: Copy;
    /// A vector of 32-bit integers.
    type I: Copy;
    /// A truth value per lane.
    type M: Copy;

    /// Runs a kernel as a function of its own, compiled for the same instruction set: for code used from several places.
    fn outline<K: Kernel>(self, kernel: K) -> K::Output;

    /// Every lane `x`.
    fn splat(self, x: f32) -> Self::F;
    /// `LANES` floats from `p`.
    ///
    /// # Safety
    /// They must be readable; no alignment is needed.
    unsafe fn load(self, p: *const f32) -> Self::F;
    /// `LANES` floats to `p`.
    ///
    /// # Safety
    /// They must be writable; no alignment is needed.
    unsafe fn store(self, p: *mut f32, v: Self::F);
    /// The first `n <= LANES` floats from `p`, the other lanes zero.
    ///
    /// # Safety
    /// `n` floats must be readable.
    unsafe fn load_partial(self, p: *const f32, n: usize) -> Self::F;
    /// The first `n <= LANES` lanes to `p`.
    ///
    /// # Safety
    /// `n` floats must be writable.
    unsafe fn store_partial(self, p: *mut f32, n: usize, v: Self::F);

    /// `a + b`
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a - b`
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a b`
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a / b`
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a b + c`, rounded once where the processor can.
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// `c - a b`, rounded once where the processor can.
    fn neg_mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// `a < b ? a : b`: where either is NaN, `b`.
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a > b ? a : b`: where either is NaN, `b`.
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    /// `√a`
    fn sqrt(self, a: Self::F) -> Self::F;
    /// The nearest integer, ties to even.
    fn round(self, a: Self::F) -> Self::F;
    /// `a < b`
    fn lt(self, a: Self::F, b: Self::F) -> Self::M;
    /// `a = b`
    fn eq(self, a: Self::F, b: Self::F) -> Self::M;
    /// `m ? a : b`
    fn select(self, m: Self::M, a: Self::F, b: Self::F) -> Self::F;

    /// The bits of the floats.
    fn to_bits(self, a: Self::F) -> Self::I;
    /// The floats of the bits.
    fn bits_to_float(self, a: Self::I) -> Self::F;
    /// Every lane `x`.
    fn splat_int(self, x: i32) -> Self::I;
    /// `a + b`, wrapping.
    fn add_int(self, a: Self::I, b: Self::I) -> Self::I;
    /// `a - b`, wrapping.
    fn sub_int(self, a: Self::I, b: Self::I) -> Self::I;
    /// `a & b`
    fn and(self, a: Self::I, b: Self::I) -> Self::I;
    /// `a | b`
    fn or(self, a: Self::I, b: Self::I) -> Self::I;
    /// `a << 23`: an exponent into its place.
    fn shl23(self, a: Self::I) -> Self::I;
    /// `a >> 23`, keeping the sign: an exponent out of its place.
    fn shr23(self, a: Self::I) -> Self::I;
    /// Integer-valued floats as integers.
    fn to_int(self, a: Self::F) -> Self::I;
    /// Integers as floats.
    fn to_float(self, a: Self::I) -> Self::F;

    /// Asks for the cache line of `p` ahead of its use.
    fn prefetch(self, p: *const f32);
    /// As [`prefetch`](Simd::prefetch), for the second-level cache: it is needed later, and by other instructions.
    fn prefetch_far(self, p: *const f32);

    /// `dst[p * dst_stride + i] = src[i * src_stride + p]` for `i < rows <= LANES` and `p < depth`; lanes
    /// `rows..width` become zero (`rows <= width <= LANES`).
    ///
    /// # Safety
    /// All of those must be readable and writable.
    #[allow(clippy::too_many_arguments, reason = "two strided places and the part of them that is moved")]
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
        for p in 0..depth {
            for i in 0..width {
                // SAFETY: the caller's contract.
                unsafe {
                    *dst.add(p * dst_stride + i) = if i < rows { *src.add(i * src_stride + p) } else { 0.0 };
                }
            }
        }
    }

    /// Sum of the lanes, always in the same order: the upper half onto the lower until one is left.
    #[inline(always)]
    fn sum(self, a: Self::F) -> f32 {
        let mut lanes = [0.0; 16];
        // SAFETY: no level has more than 16 lanes.
        unsafe { self.store(lanes.as_mut_ptr(), a) };
        let mut width = Self::LANES / 2;
        while width > 0 {
            for i in 0..width {
                lanes[i] += lanes[i + width];
            }
            width /= 2;
        }
        lanes[0]
    }

    /// The first floats of a slice: as many as there are, at most `LANES`, the other lanes zero.
    #[inline(always)]
    fn load_slice(self, x: &[f32]) -> Self::F {
        // SAFETY: a full load is within the slice, a partial one reads its length.
        unsafe {
            if x.len() >= Self::LANES {
                self.load(x.as_ptr())
            } else {
                self.load_partial(x.as_ptr(), x.len())
            }
        }
    }

    /// The first lanes into a slice: as many as it holds, at most `LANES`.
    #[inline(always)]
    fn store_slice(self, x: &mut [f32], v: Self::F) {
        // SAFETY: a full store is within the slice, a partial one writes its length.
        unsafe {
            if x.len() >= Self::LANES {
                self.store(x.as_mut_ptr(), v);
            } else {
                self.store_partial(x.as_mut_ptr(), x.len(), v);
            }
        }
    }

    /// `a / b` for `1 <= b <= 2`, within 0.6 ULP: for when a division would be what takes the time.
    #[inline(always)]
    fn ratio(self, a: Self::F, b: Self::F) -> Self::F {
        self.div(a, b)
    }

    /// `|a|`
    #[inline(always)]
    fn abs(self, a: Self::F) -> Self::F {
        self.bits_to_float(self.and(self.to_bits(a), self.splat_int(0x7fff_ffff)))
    }

    /// `-|a|`
    #[inline(always)]
    fn neg_abs(self, a: Self::F) -> Self::F {
        self.bits_to_float(self.or(self.to_bits(a), self.splat_int(i32::MIN)))
    }

    /// `|a|` with the sign of `sign`.
    #[inline(always)]
    fn copy_sign(self, a: Self::F, sign: Self::F) -> Self::F {
        let sign = self.and(self.to_bits(sign), self.splat_int(i32::MIN));
        self.bits_to_float(self.or(self.to_bits(self.abs(a)), sign))
    }

    /// `a 2ⁿ` for integer-valued `n` in -252..=254, rounded once: also where the result is subnormal or overflows.
    #[inline(always)]
    fn scale(self, a: Self::F, n: Self::F) -> Self::F {
        // 2ⁿ itself may lie outside the exponent's range: half of it at a time.
        let half = self.round(self.mul(n, self.splat(0.5)));
        let bias = self.splat_int(127);
        let low = self.shl23(self.add_int(self.to_int(half), bias));
        let high = self.shl23(self.add_int(self.to_int(self.sub(n, half)), bias));
        self.mul(self.mul(a, self.bits_to_float(low)), self.bits_to_float(high))
    }
}
