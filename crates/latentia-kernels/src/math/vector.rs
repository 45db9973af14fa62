//! Element functions on vectors, for use inside kernels. NaN stays NaN, infinities have their limits, subnormal
//! arguments and results are exact to the same bounds. Bounds are in units in the last place of the exact result, found over
//! all 2³² arguments at every level of an AVX-512 machine by the ignored tests beside this file.
//!
//! Polynomial coefficients are relative minimax fits (Lawson's iteration in 60-digit arithmetic).

use crate::simd::Simd;

/// Magnitude from which on a gradient counts, `2⁻⁹⁶`: products of smaller ones with weights and inputs come near the subnormal
/// numbers, each operation on which takes a processor over a hundred cycles. Two of them in a hundred made the products of a
/// backward pass five times slower; no weight can tell the difference.
pub const NEGLIGIBLE: f32 = f32::from_bits((127 - 96) << 23);

/// A gradient, or zero where it is below [`NEGLIGIBLE`]; NaN stays NaN.
#[inline(always)]
pub fn gradient<S: Simd>(s: S, x: S::F) -> S::F {
    s.select(s.lt(s.abs(x), s.splat(NEGLIGIBLE)), s.splat(0.0), x)
}

/// `Σ c_i x^i` by Horner's rule.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, x: S::F, c: [f32; N]) -> S::F {
    let mut sum = s.splat(c[N - 1]);
    for i in (0..N - 1).rev() {
        sum = s.mul_add(sum, x, s.splat(c[i]));
    }
    sum
}

/// `exp(x) = 2ⁿ (1 + m)` with `x = n ln 2 + r`, `|r| <= ln 2 / 2`: returns `(m, n)`, for x in -104..=89.
///
/// `m = r + r² q(r)`, the fit's relative error in `q` 1.3e-7.
#[inline(always)]
fn reduced_exp<S: Simd>(s: S, x: S::F) -> (S::F, S::F) {
    let n = s.round(s.mul(x, s.splat(std::f32::consts::LOG2_E)));
    // ln 2 in two parts; n times the first is exact, it has 12 bits.
    let r = s.neg_mul_add(n, s.splat(0.693_359_4), x);
    let r = s.neg_mul_add(n, s.splat(-2.121_944_4e-4), r);
    let q = polynomial(s, r, [0.5, 0.166_665_77, 0.041_666_854, 0.008_363_141, 0.001_390_119]);
    (s.mul_add(s.mul(r, r), q, r), n)
}

/// `exp(x)`, within 1.1 ULP.
#[inline(always)]
pub fn exp<S: Simd>(s: S, x: S::F) -> S::F {
    // Past this the result is infinity; min lets NaN through as its second argument, and so does max.
    exp_below_89(s, s.min(s.splat(89.0), x))
}

#[inline(always)]
fn exp_below_89<S: Simd>(s: S, x: S::F) -> S::F {
    let (m, n) = reduced_exp(s, s.max(s.splat(-104.0), x));
    s.scale(s.add(s.splat(1.0), m), n)
}

/// `exp(x) - 1` for `x <= 0` (zero above), within 1.6 ULP.
#[inline(always)]
pub fn exp_m1_negative<S: Simd>(s: S, x: S::F) -> S::F {
    exp_m1_below_zero(s, s.min(s.splat(0.0), x))
}

/// `exp(x) - 1` for `x <= 0`.
#[inline(always)]
fn exp_m1_below_zero<S: Simd>(s: S, x: S::F) -> S::F {
    let (m, n) = reduced_exp(s, s.max(s.splat(-104.0), x));
    let power = s.scale(s.splat(1.0), n);
    s.mul_add(power, m, s.sub(power, s.splat(1.0)))
}

/// `ln(x)`, within 1.2 ULP; NaN below zero.
#[inline(always)]
pub fn log<S: Simd>(s: S, x: S::F) -> S::F {
    // Subnormals are scaled into range and their exponent corrected.
    let tiny = s.lt(x, s.splat(f32::MIN_POSITIVE));
    let scaled = s.select(tiny, s.mul(x, s.splat(8_388_608.0)), x);
    let shift = s.select(tiny, s.splat(-23.0), s.splat(0.0));
    // x = 2ᵉ (1 + f) with 1 + f between √½ and √2.
    let bits = s.to_bits(scaled);
    let exponent = s.shr23(s.sub_int(bits, s.splat_int(0x3f35_04f3)));
    let f = s.sub(s.bits_to_float(s.sub_int(bits, s.shl23(exponent))), s.splat(1.0));
    let e = s.add(s.to_float(exponent), shift);
    let p = polynomial(
        s,
        f,
        [
            0.333_333_3,
            -0.250_003_04,
            0.200_011_96,
            -0.166_415_68,
            0.142_101,
            -0.129_896_16,
            0.126_545_69,
            -0.079_716_78,
        ],
    );
    let f2 = s.mul(f, f);
    let tail = s.mul_add(s.mul(f2, f), p, s.mul(e, s.splat(-2.121_944_4e-4)));
    let tail = s.neg_mul_add(s.splat(0.5), f2, tail);
    let y = s.mul_add(e, s.splat(0.693_359_4), s.add(f, tail));
    // Zero, negative numbers, infinity and NaN.
    let y = s.select(s.eq(x, s.splat(0.0)), s.splat(f32::NEG_INFINITY), y);
    let y = s.select(s.lt(x, s.splat(0.0)), s.splat(f32::NAN), y);
    let y = s.select(s.eq(x, s.splat(f32::INFINITY)), x, y);
    s.select(s.eq(x, x), y, x)
}

/// `ln(1 + x)` for `0 <= x <= 1`, within 2.5 ULP: the rounding error of `1 + x` is put back to first order.
#[inline(always)]
pub fn log_1p_unit<S: Simd>(s: S, x: S::F) -> S::F {
    let one = s.splat(1.0);
    let w = s.add(one, x);
    let lost = s.sub(x, s.sub(w, one));
    s.add(log(s, w), s.div(lost, w))
}

/// `tanh(x) = -t / (t + 2)` with `t = exp(-2|x|) - 1`, within 2.7 ULP.
#[inline(always)]
pub fn tanh<S: Simd>(s: S, x: S::F) -> S::F {
    let t = exp_m1_below_zero(s, s.mul(s.abs(x), s.splat(-2.0)));
    let y = s.ratio(t, s.add(t, s.splat(2.0)));
    s.copy_sign(y, x)
}

/// `1 / (1 + exp(-x))`, within 2.5 ULP: by `exp(-|x|)`, so that neither side loses small values.
#[inline(always)]
pub fn sigmoid<S: Simd>(s: S, x: S::F) -> S::F {
    let one = s.splat(1.0);
    let e = exp_below_89(s, s.neg_abs(x));
    let top = s.select(s.lt(x, s.splat(0.0)), e, one);
    s.ratio(top, s.add(one, e))
}

/// `ln(1 + exp(x)) = max(x, 0) + ln(1 + exp(-|x|))`, within 2.8 ULP.
#[inline(always)]
pub fn softplus<S: Simd>(s: S, x: S::F) -> S::F {
    let e = exp(s, s.neg_abs(x));
    s.add(s.max(s.splat(0.0), x), log_1p_unit(s, e))
}

/// `(Φ(x), φ(x))`: the normal distribution function, within 8 ULP on both tails, and density.
///
/// `Φ(-t) = exp(-t²/2) p(u)` with `u = 1 / (1 + 0.35 t)`: `p` is half the scaled complementary error function, smooth enough
/// for a polynomial of degree 9 over all `t` where `Φ(-t)` is not zero (relative error of the fit 3.2e-8).
#[inline(always)]
fn normal<S: Simd>(s: S, x: S::F) -> (S::F, S::F) {
    let t = s.min(s.splat(20.0), s.abs(x));
    let square = s.mul(t, t);
    // What the square lost to rounding: the exponential would magnify it by t²/2. Dekker's product, since not
    // every level fuses.
    let high = s.bits_to_float(s.and(s.to_bits(t), s.splat_int(!0xfff)));
    let low = s.sub(t, high);
    let lost = s.add(s.sub(s.mul(high, high), square), s.mul(s.add(high, t), low));
    let half = s.splat(-0.5);
    let e = exp(s, s.mul(square, half));
    let e = s.mul_add(s.mul(e, half), lost, e);
    let u = s.div(s.splat(1.0), s.mul_add(t, s.splat(0.35), s.splat(1.0)));
    let p = polynomial(
        s,
        u,
        [
            0.139_621_29,
            0.139_863_8,
            0.119_819_11,
            0.105_561_644,
            -0.023_235_09,
            0.159_354_15,
            -0.255_870_25,
            0.144_046_48,
            -0.029_161_162,
        ],
    );
    let tail = s.mul(e, s.mul(p, u));
    let cdf = s.select(s.lt(x, s.splat(0.0)), tail, s.sub(s.splat(1.0), tail));
    (cdf, s.mul(e, s.splat(0.398_942_3)))
}

/// `x Φ(x)`, within 9.8 ULP, worst near -13, where `Φ` is subnormal (the textbook form `x (1 + erf(x/√2)) / 2` loses all digits
/// below -5).
#[inline(always)]
pub fn gelu<S: Simd>(s: S, x: S::F) -> S::F {
    let (cdf, _) = normal(s, x);
    // Below -15 the distribution function is zero: the bound keeps -∞ times zero from becoming NaN.
    s.mul(s.max(s.splat(-40.0), x), cdf)
}

/// `Φ(x) + x φ(x)`, the derivative of [`gelu`], within 4e-7 absolutely.
#[inline(always)]
pub fn gelu_derivative<S: Simd>(s: S, x: S::F) -> S::F {
    let (cdf, pdf) = normal(s, x);
    let x = s.max(s.splat(-40.0), s.min(s.splat(40.0), x));
    s.mul_add(x, pdf, cdf)
}
