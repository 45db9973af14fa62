//! Layer normalisation.

use burn::{
    backend::{
        Autodiff, Dispatch, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        tensor::FloatTensor,
    },
    tensor::Tensor,
};
use burn_flex::FlexTensor;
use latentia_kernels::norm as kernel;

use crate::flex;

/// `y = γ (x − μ) / √(σ² + ε) + β` over the last dimension, with its mean `μ` and biased variance `σ²` (Ba, Kiros & Hinton
/// 2016); differentiable in `x`, `γ` and `β`.
///
/// `x`, `y`: `[…, width]`, `gamma`, `beta`: `[width]`.
pub fn layer_norm<const D: usize>(x: Tensor<D>, gamma: Tensor<1>, beta: Tensor<1>, eps: f32) -> Tensor<D> {
    if !flex::on_cpu(&x) {
        return layer_norm_composed(x, gamma, beta, eps);
    }
    let (shape, width) = (x.dims(), gamma.dims()[0]);
    let rows: usize = shape[..D - 1].iter().product();
    let x = x.reshape([rows, width]);
    let (gamma, beta) = (gamma.into_dispatch(), beta.into_dispatch());
    let y: Tensor<2> = Tensor::from_dispatch(Dispatch::layer_norm_rows(x.into_dispatch(), gamma, beta, eps));
    y.reshape(shape)
}

/// The same from Burn's own operations, for every backend.
pub fn layer_norm_composed<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    eps: f32,
) -> Tensor<D> {
    let centred = x.clone() - x.mean_dim(D - 1);
    let variance = centred.clone().powf_scalar(2.0).mean_dim(D - 1);
    centred / (variance + eps).sqrt() * gamma.unsqueeze::<D>() + beta.unsqueeze::<D>()
}

#[backend_extension(Flex, Autodiff)]
pub(crate) trait LayerNormOps: burn::backend::Backend {
    fn layer_norm_rows(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self>;
}

/// `y`, and the mean and inverse deviation of each row.
fn forward(x: &FlexTensor, gamma: &FlexTensor, beta: &FlexTensor, eps: f32) -> (FlexTensor, [Vec<f32>; 2]) {
    let (rows, width) = flex::dims(x);
    let mut y = vec![0.0; rows * width];
    let [mut mean, mut inverse_deviation] = [vec![0.0; rows], vec![0.0; rows]];
    let saved = kernel::Saved { mean: &mut mean, inverse_deviation: &mut inverse_deviation };
    kernel::layer_norm(eps, flex::values(x), flex::values(gamma), flex::values(beta), &mut y, saved);
    (flex::tensor(y, [rows, width]), [mean, inverse_deviation])
}

impl LayerNormOps for Flex {
    fn layer_norm_rows(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self> {
        let [x, gamma, beta] = [x, gamma, beta].map(flex::contiguous);
        forward(&x, &gamma, &beta, eps).0
    }
}

impl<C: CheckpointStrategy> LayerNormOps for Autodiff<Flex, C> {
    fn layer_norm_rows(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), gamma.node(), beta.node()];
        let [x, gamma, beta] = [x, gamma, beta].map(|t| flex::contiguous(t.into_primitive()));
        let (y, statistics) = forward(&x, &gamma, &beta, eps);
        match LayerNormBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(Saved { x, gamma, statistics }, y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}

#[derive(Debug, Clone)]
struct Saved {
    x: FlexTensor,
    gamma: FlexTensor,
    statistics: [Vec<f32>; 2],
}

#[derive(Debug)]
struct LayerNormBackward;

impl Backward<Flex, 3> for LayerNormBackward {
    type State = Saved;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = flex::contiguous(grads.consume::<Flex>(&ops.node));
        let Saved { x, gamma, statistics: [mean, inverse_deviation] } = ops.state;
        let (rows, width) = flex::dims(&x);
        let mut dx = vec![0.0; rows * width];
        let [mut dgamma, mut dbeta] = [vec![0.0; width], vec![0.0; width]];
        let context = kernel::Context {
            x: flex::values(&x),
            gamma: flex::values(&gamma),
            mean: &mean,
            inverse_deviation: &inverse_deviation,
            dy: flex::values(&dy),
        };
        kernel::layer_norm_backward(context, &mut dx, &mut dgamma, &mut dbeta);
        let gradients =
            [flex::tensor(dx, [rows, width]), flex::tensor(dgamma, [width]), flex::tensor(dbeta, [width])];
        for (node, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}
