//! Optimiser updates as tensor operations: fused and in place on the CPU backend, composed elsewhere.
//!
//! Every function takes a parameter, its gradient and the optimiser's state of that parameter (equal shapes, without
//! autodiff), and returns the parameter and state after the step, and `Σ g²` as of [`sum_of_squares`]. The equations are those of
//! [`latentia_kernels::optim`]; gradients are multiplied by `grad_scale` first (clipping by global norm).

use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use latentia_kernels::optim as kernel;
pub use latentia_kernels::optim::{Adam, RmsProp, Sgd};

use crate::flex;

/// The primitives of `tensors`, contiguous, or `None` when one of them is not on the CPU backend.
fn primitives<const D: usize, const N: usize>(
    tensors: [Tensor<D>; N],
) -> Result<[FlexTensor; N], [Tensor<D>; N]> {
    if tensors.iter().all(flex::on_cpu) {
        Ok(tensors.map(|t| flex::primitive(t).expect("checked above to be a CPU tensor")))
    } else {
        Err(tensors)
    }
}

fn wrap<const D: usize>(tensor: FlexTensor) -> Tensor<D> {
    Tensor::from_primitive::<burn::backend::Flex>(tensor)
}

/// One step of Adam or AdamW at step number `t` (from 1); `m`, `v`: first and second moment.
pub fn adam<const D: usize>(
    config: &Adam,
    t: u64,
    grad_scale: f32,
    [theta, g, m, v]: [Tensor<D>; 4],
) -> ([Tensor<D>; 3], f64) {
    match primitives([theta, g, m, v]) {
        Ok([mut theta, g, mut m, mut v]) => {
            let g = flex::contiguous(g);
            let squares = kernel::adam(
                config,
                t,
                grad_scale,
                theta.storage_mut(),
                flex::values(&g),
                m.storage_mut(),
                v.storage_mut(),
            );
            flex::recycle(g);
            ([wrap(theta), wrap(m), wrap(v)], squares)
        }
        Err([theta, g, m, v]) => {
            let squares = sum_of_squares(&g);
            let (c1, c2) = (1.0 - config.beta1.powf(t as f64), 1.0 - config.beta2.powf(t as f64));
            let g = coupled(g * grad_scale, &theta, if config.decoupled { 0.0 } else { config.weight_decay });
            let m = m * config.beta1 + g.clone() * (1.0 - config.beta1);
            let v = v * config.beta2 + g.powf_scalar(2.0) * (1.0 - config.beta2);
            let keep = if config.decoupled { 1.0 - config.lr * config.weight_decay } else { 1.0 };
            let root = v.clone().sqrt() / c2.sqrt() + config.eps;
            let theta = theta * keep - m.clone() / root * (config.lr / c1);
            ([theta, m, v], squares)
        }
    }
}

/// One step of stochastic gradient descent; `velocity` stays as it is when the momentum is 0.
pub fn sgd<const D: usize>(
    config: &Sgd,
    grad_scale: f32,
    [theta, g, velocity]: [Tensor<D>; 3],
) -> ([Tensor<D>; 2], f64) {
    match primitives([theta, g, velocity]) {
        Ok([mut theta, g, mut velocity]) => {
            let g = flex::contiguous(g);
            let squares = kernel::sgd(
                config,
                grad_scale,
                theta.storage_mut(),
                flex::values(&g),
                (config.momentum != 0.0).then(|| velocity.storage_mut()),
            );
            flex::recycle(g);
            ([wrap(theta), wrap(velocity)], squares)
        }
        Err([theta, g, velocity]) => {
            let squares = sum_of_squares(&g);
            let g = coupled(g * grad_scale, &theta, config.weight_decay);
            if config.momentum == 0.0 {
                return ([theta - g * config.lr, velocity], squares);
            }
            let velocity = velocity * config.momentum + g.clone();
            let step =
                if config.nesterov { g + velocity.clone() * config.momentum } else { velocity.clone() };
            ([theta - step * config.lr, velocity], squares)
        }
    }
}

/// One step of RMSProp; `square`: mean squared gradient, `velocity` stays as it is when the momentum is 0.
pub fn rmsprop<const D: usize>(
    config: &RmsProp,
    grad_scale: f32,
    [theta, g, square, velocity]: [Tensor<D>; 4],
) -> ([Tensor<D>; 3], f64) {
    match primitives([theta, g, square, velocity]) {
        Ok([mut theta, g, mut square, mut velocity]) => {
            let g = flex::contiguous(g);
            let squares = kernel::rms_prop(
                config,
                grad_scale,
                theta.storage_mut(),
                flex::values(&g),
                square.storage_mut(),
                (config.momentum != 0.0).then(|| velocity.storage_mut()),
            );
            flex::recycle(g);
            ([wrap(theta), wrap(square), wrap(velocity)], squares)
        }
        Err([theta, g, square, velocity]) => {
            let squares = sum_of_squares(&g);
            let g = coupled(g * grad_scale, &theta, config.weight_decay);
            let square = square * config.alpha + g.clone().powf_scalar(2.0) * (1.0 - config.alpha);
            let step = g / (square.clone().sqrt() + config.eps);
            if config.momentum == 0.0 {
                return ([theta - step * config.lr, square, velocity], squares);
            }
            let velocity = velocity * config.momentum + step;
            ([theta - velocity.clone() * config.lr, square, velocity], squares)
        }
    }
}

/// `g + λθ`.
fn coupled<const D: usize>(g: Tensor<D>, theta: &Tensor<D>, weight_decay: f64) -> Tensor<D> {
    if weight_decay == 0.0 { g } else { g + theta.clone() * weight_decay }
}

/// `Σ g²` in double precision, summed in an order that does not depend on the number of threads.
pub fn sum_of_squares<const D: usize>(g: &Tensor<D>) -> f64 {
    match primitives([g.clone()]) {
        Ok([g]) => kernel::sum_of_squares(flex::values(&flex::contiguous(g))),
        Err([g]) => g.powf_scalar(2.0).sum().into_scalar::<f64>(),
    }
}
