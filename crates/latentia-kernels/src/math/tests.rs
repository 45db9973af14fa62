//! Error bounds, held over a sample of all floats in every run and over all of them by the ignored tests.

use super::slice::VectorFn;
use super::{MapInPlace, vector};
use crate::simd::tests::levels;
use crate::simd::{Simd, dispatch_at};

macro_rules! vector_fns {
    ($($name:ident => $f:path;)*) => {$(
        #[derive(Clone, Copy)]
        struct $name;
        impl VectorFn for $name {
            #[inline(always)]
            fn eval<S: Simd>(self, s: S, x: S::F) -> S::F {
                $f(s, x)
            }
        }
    )*};
}

vector_fns! {
    Exp => vector::exp;
    ExpM1 => vector::exp_m1_negative;
    Log => vector::log;
    Log1p => vector::log_1p_unit;
    Tanh => vector::tanh;
    Sigmoid => vector::sigmoid;
    Softplus => vector::softplus;
    Gelu => vector::gelu;
    GeluDerivative => vector::gelu_derivative;
}

/// `Φ(x)` in f64 by its series near zero and its continued fraction on the tails (Abramowitz and Stegun 26.2.11, 26.2.14).
pub(crate) fn normal_cdf(x: f64) -> f64 {
    let t = x.abs();
    if t > 40.0 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let density = (-0.5 * t * t).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let tail = if t < 3.0 {
        let (mut term, mut sum) = (t, t);
        for n in 1..60 {
            term *= t * t / f64::from(2 * n + 1);
            sum += term;
        }
        0.5 - density * sum
    } else {
        density / (1..200).rev().fold(t, |fraction, n| t + f64::from(n) / fraction)
    };
    if x > 0.0 { 1.0 - tail } else { tail }
}

fn gelu(x: f64) -> f64 {
    if x == f64::NEG_INFINITY { 0.0 } else { x * normal_cdf(x) }
}

fn gelu_derivative(x: f64) -> f64 {
    let x = x.clamp(-50.0, 50.0);
    normal_cdf(x) + x * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f64) -> f64 {
    if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
}

/// Distance from the exact value in units of its last place as a float.
fn ulps(got: f32, want: f64) -> f64 {
    let nearest = want as f32;
    if got == nearest || got.is_nan() && want.is_nan() {
        return 0.0;
    }
    let magnitude = nearest.abs().min(f32::MAX);
    let spacing = f64::from(magnitude) - f64::from(f32::from_bits(magnitude.to_bits().saturating_sub(1)));
    let error = (f64::from(got) - want).abs() / spacing.max(f64::from(f32::from_bits(1)));
    if error.is_nan() { f64::INFINITY } else { error }
}

/// The largest error over every `step`-th float within `domain`, and NaN.
fn worst<F: VectorFn>(
    f: F,
    want: fn(f64) -> f64,
    domain: (f32, f32),
    step: usize,
) -> (f64, f32, &'static str) {
    let mut worst = (0.0, 0.0, "");
    let mut xs = Vec::new();
    let mut check = |xs: &mut Vec<f32>| {
        let wants: Vec<f64> = xs.iter().map(|&x| want(f64::from(x))).collect();
        for level in levels() {
            let mut got = xs.clone();
            dispatch_at(level, MapInPlace(f, &mut got));
            for ((&x, &got), &want) in xs.iter().zip(&got).zip(&wants) {
                let error = if x.is_nan() && !got.is_nan() { f64::INFINITY } else { ulps(got, want) };
                if error > worst.0 {
                    worst = (error, x, level.name());
                }
            }
        }
        xs.clear();
    };
    for bits in (0..=u32::MAX).step_by(step) {
        let x = f32::from_bits(bits);
        if x.is_nan() && bits % 1024 == 0 || x >= domain.0 && x <= domain.1 {
            xs.push(x);
        }
        if xs.len() == 4096 {
            check(&mut xs);
        }
    }
    xs.extend([f32::NAN, domain.0, domain.1, -0.0f32.clamp(domain.0, domain.1), 1e-45, f32::MIN_POSITIVE]);
    xs.retain(|x| x.is_nan() || (domain.0..=domain.1).contains(x));
    check(&mut xs);
    worst
}

const ALL: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);

fn hold_the_bounds(step: usize) {
    type Case<'a> = (&'a str, &'a dyn Fn() -> (f64, f32, &'static str), f64);
    let cases: [Case; 8] = [
        ("exp", &|| worst(Exp, f64::exp, ALL, step), 1.1),
        ("exp_m1_negative", &|| worst(ExpM1, f64::exp_m1, (f32::NEG_INFINITY, 0.0), step), 1.6),
        ("log", &|| worst(Log, f64::ln, ALL, step), 1.2),
        ("log_1p_unit", &|| worst(Log1p, f64::ln_1p, (0.0, 1.0), step), 2.5),
        ("tanh", &|| worst(Tanh, f64::tanh, ALL, step), 2.7),
        ("sigmoid", &|| worst(Sigmoid, sigmoid, ALL, step), 2.5),
        ("softplus", &|| worst(Softplus, softplus, ALL, step), 2.8),
        ("gelu", &|| worst(Gelu, gelu, ALL, step), 9.8),
    ];
    let mut beyond = Vec::new();
    for (name, worst, bound) in cases {
        let (error, x, level) = worst();
        println!("{name}: {error:.2} ULP at {x:e} ({level}), bound {bound}");
        if error > bound {
            beyond.push(format!("{name}({x:e}) is off by {error:.2} ULP at {level}, the bound is {bound}"));
        }
    }
    assert!(beyond.is_empty(), "{beyond:#?}");
}

#[test]
fn element_functions_hold_their_bounds_on_a_sample() {
    // A prime, so that the sample does not repeat the same last bits.
    hold_the_bounds(if cfg!(miri) { 40_000_003 } else { 50_021 });
}

#[test]
#[ignore = "all 2^32 floats: about half an hour"]
fn element_functions_hold_their_bounds_everywhere() {
    hold_the_bounds(1);
}

#[test]
fn gelu_derivative_is_close_everywhere() {
    for level in levels() {
        let xs: Vec<f32> =
            (-20_000..=20_000).map(|i| i as f32 * 1e-3).chain([f32::INFINITY, f32::NEG_INFINITY]).collect();
        let mut got = xs.clone();
        dispatch_at(level, MapInPlace(GeluDerivative, &mut got));
        for (&x, &got) in xs.iter().zip(&got) {
            let want = gelu_derivative(f64::from(x));
            assert!((f64::from(got) - want).abs() <= 4e-7, "{} at {x}: {got}, expected {want}", level.name());
        }
    }
}

pub(crate) mod activations;
mod slice;
