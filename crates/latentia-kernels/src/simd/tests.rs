//! Every operation of every level against plain Rust, on ordinary and extraordinary values.

use super::*;

const VALUES: [f32; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    2.5,
    3.5,
    1e-40,
    -3e38,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    0.1,
    123456.7,
    -7.25,
    8388609.0,
    5e-10,
];

pub(crate) fn levels() -> Vec<Level> {
    Level::ALL.into_iter().filter(|l| l.is_available()).collect()
}

struct Lanes<'a>(&'a [f32], &'a [f32], &'a mut Vec<(&'static str, f32, f32, f32, f32)>);

impl Kernel for Lanes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Lanes(a, b, out) = self;
        for (a, b) in a.chunks(S::LANES).zip(b.chunks(S::LANES)) {
            let (va, vb) = (s.load_slice(a), s.load_slice(b));
            let mut push = |name, v: S::F, scalar: fn(f32, f32) -> f32| {
                let mut got = vec![0.0; a.len()];
                s.store_slice(&mut got, v);
                for i in 0..a.len() {
                    out.push((name, a[i], b[i], got[i], scalar(a[i], b[i])));
                }
            };
            push("add", s.add(va, vb), |a, b| a + b);
            push("sub", s.sub(va, vb), |a, b| a - b);
            push("mul", s.mul(va, vb), |a, b| a * b);
            push("div", s.div(va, vb), |a, b| a / b);
            push("min", s.min(va, vb), |a, b| if a < b { a } else { b });
            push("max", s.max(va, vb), |a, b| if a > b { a } else { b });
            push("sqrt", s.sqrt(va), |a, _| a.sqrt());
            push("round", s.round(va), |a, _| a.round_ties_even());
            push("select lt", s.select(s.lt(va, vb), va, vb), |a, b| if a < b { a } else { b });
            push("select eq", s.select(s.eq(va, vb), s.splat(1.0), vb), |a, b| if a == b { 1.0 } else { b });
            push("abs", s.abs(va), |a, _| a.abs());
            push("copy_sign", s.copy_sign(va, vb), |a, b| a.copysign(b));
            push("bits", s.bits_to_float(s.add_int(s.to_bits(va), s.splat_int(3))), |a, _| {
                f32::from_bits(a.to_bits() + 3)
            });
            push("sub_int", s.bits_to_float(s.sub_int(s.to_bits(va), s.to_bits(vb))), |a, b| {
                f32::from_bits(a.to_bits().wrapping_sub(b.to_bits()))
            });
            push("shl23", s.bits_to_float(s.shl23(s.to_bits(va))), |a, _| f32::from_bits(a.to_bits() << 23));
            push("shr23", s.to_float(s.shr23(s.to_bits(va))), |a, _| (a.to_bits() as i32 >> 23) as f32);
            for n in [-149.0, -126.0, -3.0, 0.0, 7.0, 128.0] {
                let scaled = s.scale(va, s.splat(n));
                let mut got = vec![0.0; a.len()];
                s.store_slice(&mut got, scaled);
                for i in 0..a.len() {
                    // Exactly 2ⁿ: library powers may be off by a bit.
                    let power = f64::from_bits(((1023 + n as i64) as u64) << 52);
                    let want = (f64::from(a[i]) * power) as f32;
                    out.push(("scale", a[i], n, got[i], want));
                }
            }
        }
    }
}

#[test]
fn every_operation_agrees_with_scalar_arithmetic() {
    for level in levels() {
        for shift in 0..VALUES.len() {
            let mut b = VALUES;
            b.rotate_left(shift);
            // 13 values: the last vector is a partial one at every level.
            for len in [16, 13] {
                let mut seen = Vec::new();
                dispatch_at(level, Lanes(&VALUES[..len], &b[..len], &mut seen));
                for (name, a, b, got, want) in seen {
                    let same = got == want || got.is_nan() && want.is_nan();
                    assert!(same, "{} {name}({a:e}, {b:e}) = {got:e}, expected {want:e}", level.name());
                }
            }
        }
    }
}

struct Transpose<'a> {
    src: &'a [f32],
    rows: usize,
    depth: usize,
    dst: &'a mut [f32],
}

impl Kernel for Transpose<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> usize {
        let rows = self.rows.min(S::LANES);
        // SAFETY: src holds rows * depth floats, dst depth * 16.
        unsafe {
            s.transpose(self.src.as_ptr(), self.depth, rows, S::LANES, self.depth, self.dst.as_mut_ptr(), 16);
        }
        S::LANES
    }
}

#[test]
fn transposes_of_every_shape() {
    for level in levels() {
        for rows in 1..=16 {
            for depth in [1, 3, 7, 16, 35] {
                let src: Vec<f32> = (0..rows * depth).map(|i| i as f32 + 1.0).collect();
                let mut dst = vec![-1.0; depth * 16];
                let lanes = dispatch_at(level, Transpose { src: &src, rows, depth, dst: &mut dst });
                for p in 0..depth {
                    for i in 0..16 {
                        let inside = if i < rows { src[i * depth + p] } else { 0.0 };
                        let want = if i < lanes { inside } else { -1.0 };
                        assert_eq!(dst[p * 16 + i], want, "{} {rows} x {depth} at ({i}, {p})", level.name());
                    }
                }
            }
        }
    }
}

struct Sum([f32; 16]);

impl Kernel for Sum {
    type Output = (f32, usize);

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> (f32, usize) {
        (s.sum(s.load_slice(&self.0)), S::LANES)
    }
}

#[test]
fn sums_add_every_lane_once() {
    for level in levels() {
        let (sum, lanes) = dispatch_at(level, Sum(std::array::from_fn(|i| (1 << i) as f32)));
        assert_eq!(sum, ((1u32 << lanes) - 1) as f32, "{}", level.name());
    }
}
