//! Values and derivatives of every activation against f64.

use crate::Activation;
use crate::simd::{tests::levels, with_level};

pub(crate) const ALL: [Activation; 9] = [
    Activation::Identity,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Relu,
    Activation::LeakyRelu(0.01),
    Activation::Elu(1.3),
    Activation::Selu,
    Activation::Gelu,
    Activation::Softplus,
];

/// The activation in f64.
pub(crate) fn reference(activation: Activation, x: f64) -> f64 {
    let elu = |alpha: f64| if x > 0.0 { x } else { alpha * x.exp_m1() };
    match activation {
        Activation::Identity => x,
        Activation::Sigmoid => super::sigmoid(x),
        Activation::Tanh => x.tanh(),
        Activation::Relu => {
            if x > 0.0 {
                x
            } else {
                0.0
            }
        }
        Activation::LeakyRelu(slope) => {
            if x > 0.0 {
                x
            } else {
                f64::from(slope) * x
            }
        }
        Activation::Elu(alpha) => elu(f64::from(alpha)),
        Activation::Selu => 1.050_700_987_355_480_5 * elu(1.673_263_242_354_377_2),
        Activation::Gelu => super::gelu(x),
        Activation::Softplus => super::softplus(x),
    }
}

#[test]
fn values_agree_with_f64() {
    for level in levels() {
        for activation in ALL {
            let xs: Vec<f32> = (-300..=301).map(|i| i as f32 * 0.05 + 0.003).collect();
            let mut ys = xs.clone();
            with_level(level, || activation.forward_in_place(&mut ys));
            for (&x, &y) in xs.iter().zip(&ys) {
                let want = reference(activation, f64::from(x));
                let close = (f64::from(y) - want).abs() <= 1e-6 * want.abs() + 1e-44;
                assert!(close, "{activation:?}({x}) = {y}, expected {want} ({})", level.name());
            }
        }
    }
}

#[test]
fn derivatives_agree_with_finite_differences() {
    for level in levels() {
        for activation in ALL {
            // No point within a step of zero, where some have a kink.
            let xs: Vec<f32> = (-60..=61).map(|i| i as f32 * 0.1 + 0.037).collect();
            let mut saved = xs.clone();
            let dy = vec![1.5; xs.len()];
            let mut dx = vec![0.0; xs.len()];
            with_level(level, || {
                if !activation.needs_input() {
                    activation.forward_in_place(&mut saved);
                }
                activation.backward(&saved, &dy, &mut dx);
            });
            for (&x, &dx) in xs.iter().zip(&dx) {
                let (x, h) = (f64::from(x), 1e-5);
                let want = 1.5 * (reference(activation, x + h) - reference(activation, x - h)) / (2.0 * h);
                assert!(
                    (f64::from(dx) - want).abs() < 3e-6,
                    "{activation:?}'({x}) {dx} {want} ({})",
                    level.name()
                );
            }
        }
    }
}

#[test]
fn not_a_number_stays_one_and_infinities_have_limits() {
    let limits = |activation| match activation {
        Activation::Sigmoid => (0.0, 1.0),
        Activation::Tanh => (-1.0, 1.0),
        Activation::Relu | Activation::Gelu | Activation::Softplus => (0.0, f32::INFINITY),
        Activation::Elu(alpha) => (-alpha, f32::INFINITY),
        Activation::Selu => (-1.050_701 * 1.673_263_2, f32::INFINITY),
        Activation::Identity | Activation::LeakyRelu(_) => (f32::NEG_INFINITY, f32::INFINITY),
    };
    for level in levels() {
        for activation in ALL {
            let mut y = [f32::NEG_INFINITY, f32::NAN, f32::INFINITY];
            with_level(level, || activation.forward_in_place(&mut y));
            assert_eq!((y[0], y[2]), limits(activation), "{activation:?} ({})", level.name());
            assert!(y[1].is_nan(), "{activation:?}(NaN) = {} ({})", y[1], level.name());
        }
    }
}

#[test]
fn an_infinite_gradient_does_not_pass_a_closed_relu() {
    let mut dx = [1.0; 2];
    Activation::Relu.backward(&[0.0, 2.0], &[f32::INFINITY, f32::INFINITY], &mut dx);
    assert_eq!(dx, [0.0, f32::INFINITY]);
}
