//! Convolutions against Burn's own, forward and in every gradient.

mod common;

use burn::tensor::{Device, Tensor};
use common::{compare, differences, numbers, tensor, values};
use latentia_ops::{Activation, Direction, Geometry, convolution, convolution_composed};

type Layer = fn(Tensor<2>, Tensor<4>, Tensor<1>, Activation, Geometry, Direction) -> Tensor<2>;

fn geometry(image: [usize; 3], maps: usize, kernel: usize, stride: usize) -> Geometry {
    let [height, width, channels] = image;
    Geometry { height, width, channels, maps, kernel, stride, padding: (kernel - 1) / 2 }
}

/// Numbers of an input row and of a bias.
fn lens(g: &Geometry, direction: Direction) -> (usize, usize) {
    match direction {
        Direction::Down => (g.image_len(), g.maps),
        Direction::Up => (g.map_len(), g.channels),
    }
}

/// Output and gradients of `Σ c y` in `x`, `W` and `b`.
fn run(
    layer: Layer,
    batch: usize,
    g: Geometry,
    activation: Activation,
    direction: Direction,
) -> [Vec<f32>; 4] {
    let device = Device::flex().autodiff();
    let (len, outputs) = lens(&g, direction);
    let shape = [g.maps, g.channels, g.kernel, g.kernel];
    let x = tensor(numbers(batch * len, 1), [batch, len], &device).require_grad();
    let w = tensor(numbers(shape.iter().product(), 2), shape, &device).require_grad();
    let b = tensor(numbers(outputs, 3), [outputs], &device).require_grad();
    let y = layer(x.clone(), w.clone(), b.clone(), activation, g, direction);
    let c = tensor(numbers(y.dims().iter().product(), 4), y.dims(), &device);
    let gradients = (y.clone() * c).sum().backward();
    [
        values(y),
        values(x.grad(&gradients).unwrap()),
        values(w.grad(&gradients).unwrap()),
        values(b.grad(&gradients).unwrap()),
    ]
}

#[test]
fn convolutions_and_their_gradients_are_those_of_burn() {
    let mut wrong = Vec::new();
    // Odd sizes, sides that differ, strides that do not reach the end, even kernels, kernels as large as the image.
    for (batch, g) in [
        (1, geometry([1, 1, 1], 1, 1, 1)),
        (3, geometry([7, 5, 3], 4, 3, 2)),
        (33, geometry([8, 8, 2], 5, 5, 2)),
        (2, geometry([6, 9, 1], 3, 4, 3)),
        (5, geometry([5, 5, 2], 6, 5, 1)),
        (40, geometry([4, 6, 16], 7, 2, 2)),
    ] {
        for direction in [Direction::Down, Direction::Up] {
            for activation in
                [Activation::Identity, Activation::Elu(1.0), Activation::Gelu, Activation::Softplus]
            {
                let ours = run(convolution, batch, g, activation, direction);
                let burns = run(convolution_composed, batch, g, activation, direction);
                for (name, (a, b)) in ["y", "dx", "dW", "db"].into_iter().zip(ours.iter().zip(&burns)) {
                    let name = format!("{g:?} {batch} {direction:?} {activation:?} {name}");
                    compare(&mut wrong, &name, a, b, 3e-5);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn gradients_agree_with_finite_differences() {
    let g = geometry([5, 4, 2], 3, 3, 2);
    let device = Device::flex();
    let shape = [g.maps, g.channels, g.kernel, g.kernel];
    let mut wrong = Vec::new();
    for direction in [Direction::Down, Direction::Up] {
        let (len, outputs) = lens(&g, direction);
        for activation in [Activation::Tanh, Activation::Gelu] {
            let [y, dx, dw, db] = run(convolution, 2, g, activation, direction);
            let c = numbers(y.len(), 4);
            let objective = |x: &[f32], w: &[f32], b: &[f32]| -> f64 {
                let x = tensor(x.to_vec(), [2, len], &device);
                let (w, b) = (tensor(w.to_vec(), shape, &device), tensor(b.to_vec(), [outputs], &device));
                let y = values(convolution(x, w, b, activation, g, direction));
                y.iter().zip(&c).map(|(y, c)| f64::from(*y) * f64::from(*c)).sum()
            };
            let (x, w, b) = (numbers(2 * len, 1), numbers(shape.iter().product(), 2), numbers(outputs, 3));
            let name = |what| format!("{direction:?} {activation:?} {what}");
            compare(&mut wrong, &name("dx"), &dx, &differences(&x, 4e-3, |x| objective(x, &w, &b)), 2e-3);
            compare(&mut wrong, &name("dW"), &dw, &differences(&w, 4e-3, |w| objective(&x, w, &b)), 2e-3);
            compare(&mut wrong, &name("db"), &db, &differences(&b, 4e-3, |b| objective(&x, &w, b)), 2e-3);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
