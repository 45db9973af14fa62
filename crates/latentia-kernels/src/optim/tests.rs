//! Steps against the equations in f64, equal bits for any number of threads and at every level.

use super::*;
use crate::gemm::tests::numbers;
use crate::simd::{tests::levels, with_level};
use crate::threads::{tests::three_threads, with_limit};

/// Long enough for several blocks and a ragged end.
const N: usize = if cfg!(miri) { 37 } else { 2 * BLOCK + 37 };

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&v| f64::from(v)).collect()
}

/// Runs three steps at every level and thread count, checks that the bits agree, and returns the parameters.
fn run(step: impl Fn(u64, &mut [f32], &[f32], &mut [f32], &mut [f32]) -> f64) -> Vec<f32> {
    let _alone = three_threads();
    let mut first: Option<Vec<f32>> = None;
    for level in levels() {
        for threads in 1..=3 {
            let (mut theta, mut a, mut b) = (numbers(N, 1), vec![0.0; N], vec![0.0; N]);
            for t in 1..=3 {
                let g = numbers(N, 10 + t);
                let squares =
                    with_limit(threads, || with_level(level, || step(t, &mut theta, &g, &mut a, &mut b)));
                assert_eq!(squares, sum_of_squares(&g));
            }
            let first = first.get_or_insert_with(|| theta.clone());
            assert!(*first == theta, "{} with {threads} threads", level.name());
        }
    }
    first.unwrap_or_default()
}

/// The same three steps in f64, one element at a time: `(t, θ, g, state) -> θ`.
fn reference(step: impl Fn(i32, f64, f64, &mut [f64; 2]) -> f64) -> Vec<f64> {
    let mut theta = wide(&numbers(N, 1));
    let mut state = vec![[0.0; 2]; N];
    for t in 1..=3u64 {
        for ((theta, g), state) in theta.iter_mut().zip(wide(&numbers(N, 10 + t))).zip(&mut state) {
            *theta = step(t as i32, *theta, g, state);
        }
    }
    theta
}

fn close(got: &[f32], want: &[f64]) {
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        assert!(
            (f64::from(got) - want).abs() < 1e-6 * (1.0 + want.abs()),
            "element {i}: {got}, expected {want}"
        );
    }
}

#[test]
fn adam_follows_its_equations() {
    for (decoupled, weight_decay) in [(false, 0.0), (false, 0.1), (true, 0.1)] {
        let c = Adam { lr: 0.01, weight_decay, decoupled, ..Adam::default() };
        let got = run(|t, theta, g, m, v| adam(&c, t, 0.5, theta, g, m, v));
        let want = reference(|t, mut theta, g, [m, v]| {
            let mut g = 0.5 * g;
            if decoupled {
                theta -= c.lr * weight_decay * theta;
            } else {
                g += weight_decay * theta;
            }
            *m = c.beta1 * *m + (1.0 - c.beta1) * g;
            *v = c.beta2 * *v + (1.0 - c.beta2) * g * g;
            let (m, v) = (*m / (1.0 - c.beta1.powi(t)), *v / (1.0 - c.beta2.powi(t)));
            theta - c.lr * m / (v.sqrt() + c.eps)
        });
        close(&got, &want);
    }
}

#[test]
fn sgd_follows_its_equations() {
    for (momentum, nesterov) in [(0.0, false), (0.9, false), (0.9, true)] {
        let c = Sgd { lr: 0.1, momentum, nesterov, weight_decay: 0.01 };
        let got = run(|_, theta, g, v, _| sgd(&c, 2.0, theta, g, (momentum != 0.0).then_some(v)));
        let want = reference(|_, theta, g, [v, _]| {
            let g = 2.0 * g + 0.01 * theta;
            *v = momentum * *v + g;
            theta - c.lr * if nesterov { g + momentum * *v } else { *v }
        });
        close(&got, &want);
    }
}

#[test]
fn rms_prop_follows_its_equations() {
    for momentum in [0.0, 0.9] {
        let c = RmsProp { lr: 0.01, alpha: 0.99, eps: 1e-8, momentum, weight_decay: 0.01 };
        let got = run(|_, theta, g, s, v| rms_prop(&c, 1.0, theta, g, s, Some(v)));
        let want = reference(|_, theta, g, [s, v]| {
            let g = g + 0.01 * theta;
            *s = 0.99 * *s + 0.01 * g * g;
            *v = momentum * *v + g / (s.sqrt() + c.eps);
            theta - c.lr * *v
        });
        close(&got, &want);
    }
}

#[test]
#[should_panic(expected = "momentum needs a velocity of 1 elements, found None")]
fn momentum_without_a_velocity_is_refused() {
    let c = Sgd { lr: 0.1, momentum: 0.9, nesterov: false, weight_decay: 0.0 };
    sgd(&c, 1.0, &mut [0.0], &[1.0], None);
}

#[test]
fn norms_are_those_of_f64_and_the_same_bits_everywhere() {
    let _alone = three_threads();
    for len in [0, 1, 15, 100, N] {
        let x = numbers(len, 5);
        let want: f64 = x.iter().map(|&v| f64::from(v).powi(2)).sum();
        let mut first = None;
        for level in levels() {
            for threads in 1..=3 {
                let got = with_limit(threads, || with_level(level, || sum_of_squares(&x)));
                assert!((got - want).abs() <= 1e-12 * want, "{len}: {got}, expected {want}");
                assert_eq!(*first.get_or_insert(got), got);
            }
        }
    }
    assert_eq!(sum_of_squares(&[1e30, 1e30]), 2.0 * f64::from(1e30f32).powi(2), "no overflow in f32");
}

#[test]
fn clipping_bounds_both_sides_and_keeps_nan() {
    let mut x = [-3.0, -0.5, 0.25, f32::INFINITY, f32::NAN];
    clip_by_value(&mut x, 1.0);
    assert_eq!(x[..4], [-1.0, -0.5, 0.25, 1.0]);
    assert!(x[4].is_nan());
}

#[test]
fn a_gradient_that_dies_leaves_no_subnormal_state() {
    for level in levels() {
        let (mut theta, mut m, mut v) = ([1.0; 3], [0.0; 3], [0.0; 3]);
        // Gone after the first step, too small to be squared, and near the end of what can be.
        let later = [0.0, 1e-20, 1e-17];
        with_level(level, || {
            for t in 1..=1500 {
                let g = if t == 1 { [1e-15, 1e-20, 1e-17] } else { later };
                adam(&Adam { beta2: 0.9, ..Adam::default() }, t, 1.0, &mut theta, &g, &mut m, &mut v);
                assert!(m.iter().chain(&v).all(|s| !s.is_subnormal()), "step {t}: {m:?} {v:?}");
            }
        });
        assert_eq!((m[0], v[0]), (0.0, 0.0));
        assert!(m[1] > 0.9e-20 && v[2] > 0.0);
    }
}
