//! The fused dense layer against its composition from Burn's operations, and against finite differences.

mod common;

use burn::tensor::{Device, Tensor};
use common::{compare, differences, numbers, tensor, values};
use latentia_ops::{Activation, Orientation, dense, dense_composed};

const ACTIVATIONS: [Activation; 9] = [
    Activation::Identity,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Relu,
    Activation::LeakyRelu(0.01),
    Activation::Elu(1.0),
    Activation::Selu,
    Activation::Gelu,
    Activation::Softplus,
];

fn matrix(rows: usize, cols: usize, seed: u64, device: &Device) -> Tensor<2> {
    tensor(numbers(rows * cols, seed), [rows, cols], device)
}

fn vector(n: usize, seed: u64, device: &Device) -> Tensor<1> {
    tensor(numbers(n, seed), [n], device)
}

type Layer = fn(Tensor<2>, Tensor<2>, Option<Tensor<1>>, Activation, Orientation) -> Tensor<2>;

/// Output and gradients of `Σ c y` in `x`, `W` and `b`.
fn run(layer: Layer, shape: [usize; 3], activation: Activation, orientation: Orientation) -> [Vec<f32>; 4] {
    let [batch, inputs, outputs] = shape;
    let device = Device::flex().autodiff();
    let (rows, cols) = match orientation {
        Orientation::OutIn => (outputs, inputs),
        Orientation::InOut => (inputs, outputs),
    };
    let x = matrix(batch, inputs, 1, &device).require_grad();
    let w = matrix(rows, cols, 2, &device).require_grad();
    let b = vector(outputs, 3, &device).require_grad();
    let y = layer(x.clone(), w.clone(), Some(b.clone()), activation, orientation);
    let c = matrix(batch, outputs, 4, &device);
    let gradients = (y.clone() * c).sum().backward();
    [
        values(y),
        values(x.grad(&gradients).unwrap()),
        values(w.grad(&gradients).unwrap()),
        values(b.grad(&gradients).unwrap()),
    ]
}

#[test]
fn fused_and_composed_agree_forward_and_in_every_gradient() {
    let mut wrong = Vec::new();
    for activation in ACTIVATIONS {
        for orientation in [Orientation::OutIn, Orientation::InOut] {
            for shape in [[1, 1, 1], [5, 7, 3], [33, 17, 40], [64, 100, 50]] {
                let fused = run(dense, shape, activation, orientation);
                let composed = run(dense_composed, shape, activation, orientation);
                for (name, (a, b)) in ["y", "dx", "dW", "db"].into_iter().zip(fused.iter().zip(&composed)) {
                    compare(
                        &mut wrong,
                        &format!("{activation:?} {orientation:?} {shape:?} {name}"),
                        a,
                        b,
                        2e-5,
                    );
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn gradients_agree_with_finite_differences() {
    let shape = [3, 4, 2];
    let mut wrong = Vec::new();
    // The kinks of the piecewise linear activations are not differentiable; these are smooth.
    for activation in [Activation::Sigmoid, Activation::Tanh, Activation::Gelu, Activation::Softplus] {
        let [_, dx, dw, _] = run(dense, shape, activation, Orientation::OutIn);
        let device = Device::flex();
        let c = numbers(6, 4);
        let objective = |x: &[f32], w: &[f32]| -> f64 {
            let x = tensor(x.to_vec(), [3, 4], &device);
            let w = tensor(w.to_vec(), [2, 4], &device);
            let y = dense(x, w, Some(vector(2, 3, &device)), activation, Orientation::OutIn);
            values(y).iter().zip(&c).map(|(y, c)| f64::from(*y) * f64::from(*c)).sum()
        };
        let (x, w) = (numbers(12, 1), numbers(8, 2));
        let slopes = differences(&x, 1e-2, |x| objective(x, &w));
        compare(&mut wrong, &format!("{activation:?} dx"), &dx, &slopes, 1e-3);
        let slopes = differences(&w, 1e-2, |w| objective(&x, w));
        compare(&mut wrong, &format!("{activation:?} dW"), &dw, &slopes, 1e-3);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_transposed_view_is_as_good_as_a_copy() {
    let device = Device::flex();
    let x = matrix(6, 5, 1, &device);
    let w = matrix(5, 3, 2, &device);
    let direct = dense(x.clone(), w.clone(), None, Activation::Tanh, Orientation::InOut);
    let through_view = dense(x, w.transpose(), None, Activation::Tanh, Orientation::OutIn);
    assert_eq!(values(direct), values(through_view));
}
