//! The fused updates against their composition, which is what every other backend runs.

use burn::tensor::{Device, Tensor, TensorData};
use latentia_ops::optim::{self, Adam, RmsProp, Sgd};

const N: usize = 1003;

fn tensor(scale: f32, phase: f32) -> Tensor<1> {
    let values: Vec<f32> = (0..N).map(|i| scale * (i as f32 * 0.37 + phase).sin()).collect();
    Tensor::from_data(TensorData::new(values, [N]), &Device::flex())
}

fn values(tensor: &Tensor<1>) -> Vec<f32> {
    tensor.clone().into_data().try_into_vec().unwrap()
}

/// PyTorch's equations in double precision, for three steps with the same gradient.
fn check(name: &str, found: &Tensor<1>, expected: &[f64]) {
    for (i, (found, expected)) in values(found).iter().zip(expected).enumerate() {
        assert!((f64::from(*found) - expected).abs() < 1e-5, "{name} [{i}]: {found} against {expected}");
    }
}

#[test]
fn adam_and_adamw_follow_their_equations() {
    for decoupled in [false, true] {
        let config = Adam { lr: 0.01, beta1: 0.9, beta2: 0.99, eps: 1e-8, weight_decay: 0.1, decoupled };
        let (scale, g) = (0.5, tensor(2.0, 1.0));
        let zero = || Tensor::zeros([N], &Device::flex());
        let (mut theta, mut m, mut v) = (tensor(1.0, 0.0), zero(), zero());
        let mut expected: Vec<[f64; 3]> = values(&theta).iter().map(|&t| [f64::from(t), 0.0, 0.0]).collect();
        for t in 1..=3 {
            let squares;
            ([theta, m, v], squares) = optim::adam(&config, t, scale, [theta, g.clone(), m, v]);
            assert_eq!(squares, optim::sum_of_squares(&g));
            for (state, g) in expected.iter_mut().zip(values(&g)) {
                let mut g = f64::from(g) * 0.5;
                if decoupled {
                    state[0] *= 1.0 - 0.01 * 0.1;
                } else {
                    g += 0.1 * state[0];
                }
                state[1] = 0.9 * state[1] + 0.1 * g;
                state[2] = 0.99 * state[2] + 0.01 * g * g;
                let m_hat = state[1] / (1.0 - 0.9f64.powi(t as i32));
                let v_hat = state[2] / (1.0 - 0.99f64.powi(t as i32));
                state[0] -= 0.01 * m_hat / (v_hat.sqrt() + 1e-8);
            }
        }
        let expected: Vec<f64> = expected.iter().map(|s| s[0]).collect();
        check("adam", &theta, &expected);
    }
}

#[test]
fn sgd_follows_its_equations() {
    for (momentum, nesterov) in [(0.0, false), (0.9, false), (0.9, true)] {
        let config = Sgd { lr: 0.01, momentum, nesterov, weight_decay: 0.1 };
        let g = tensor(2.0, 1.0);
        let (mut theta, mut velocity) = (tensor(1.0, 0.0), Tensor::zeros([N], &Device::flex()));
        let mut expected: Vec<[f64; 2]> = values(&theta).iter().map(|&t| [f64::from(t), 0.0]).collect();
        for _ in 0..3 {
            let squares;
            ([theta, velocity], squares) = optim::sgd(&config, 1.0, [theta, g.clone(), velocity]);
            assert_eq!(squares, optim::sum_of_squares(&g));
            for (state, g) in expected.iter_mut().zip(values(&g)) {
                let g = f64::from(g) + 0.1 * state[0];
                state[1] = momentum * state[1] + g;
                state[0] -= 0.01 * if nesterov { g + momentum * state[1] } else { state[1] };
            }
        }
        let expected: Vec<f64> = expected.iter().map(|s| s[0]).collect();
        check("sgd", &theta, &expected);
    }
}

#[test]
fn rmsprop_follows_its_equations() {
    for momentum in [0.0, 0.5] {
        let config = RmsProp { lr: 0.01, alpha: 0.9, eps: 1e-6, momentum, weight_decay: 0.1 };
        let g = tensor(2.0, 1.0);
        let zero = || Tensor::zeros([N], &Device::flex());
        let (mut theta, mut square, mut velocity) = (tensor(1.0, 0.0), zero(), zero());
        let mut expected: Vec<[f64; 3]> = values(&theta).iter().map(|&t| [f64::from(t), 0.0, 0.0]).collect();
        for _ in 0..3 {
            let squares;
            ([theta, square, velocity], squares) =
                optim::rmsprop(&config, 1.0, [theta, g.clone(), square, velocity]);
            assert_eq!(squares, optim::sum_of_squares(&g));
            for (state, g) in expected.iter_mut().zip(values(&g)) {
                let g = f64::from(g) + 0.1 * state[0];
                state[1] = 0.9 * state[1] + 0.1 * g * g;
                state[2] = momentum * state[2] + g / (state[1].sqrt() + 1e-6);
                state[0] -= 0.01 * state[2];
            }
        }
        let expected: Vec<f64> = expected.iter().map(|s| s[0]).collect();
        check("rmsprop", &theta, &expected);
    }
}

#[test]
fn the_norm_is_that_of_the_values() {
    let g = tensor(2.0, 1.0);
    let expected: f64 = values(&g).iter().map(|&v| f64::from(v).powi(2)).sum();
    assert!((optim::sum_of_squares(&g) / expected - 1.0).abs() < 1e-12);
}
