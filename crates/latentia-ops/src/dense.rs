//! A dense layer with its bias and activation as one operation.

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
    tensor::{Tensor, activation as burn_activation},
};
use burn_flex::FlexTensor;
use latentia_kernels::{Activation, MatMut, MatRef, dense as kernel};

use crate::flex;

/// How a weight matrix lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orientation {
    /// `[out, in]`, PyTorch's: `y = x Wᵀ + b`.
    OutIn,
    /// `[in, out]`: `y = x W + b`; an encoder's weight used by a tied decoder.
    InOut,
}

/// `y = f(x Wᵀ + b)` (or `f(x W + b)`, see [`Orientation`]), differentiable in `x`, `W` and `b`.
///
/// `x`: `[batch, in]`, `weight`: `[out, in]` or `[in, out]`, `bias`: `[out]`, `y`: `[batch, out]`.
/// On the CPU backend the product, the bias and the activation are one pass, and so is the backward step;
/// elsewhere this is [`dense_composed`].
pub fn dense(
    x: Tensor<2>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    activation: Activation,
    orientation: Orientation,
) -> Tensor<2> {
    if !flex::on_cpu(&x) {
        return dense_composed(x, weight, bias, activation, orientation);
    }
    let bias = bias.unwrap_or_else(|| {
        let out = match orientation {
            Orientation::OutIn => weight.dims()[0],
            Orientation::InOut => weight.dims()[1],
        };
        Tensor::zeros([out], &x.device().inner())
    });
    Tensor::from_dispatch(Dispatch::dense(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        activation,
        orientation,
    ))
}

/// The same from Burn's own operations, for every backend.
pub fn dense_composed(
    x: Tensor<2>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    activation: Activation,
    orientation: Orientation,
) -> Tensor<2> {
    let weight = match orientation {
        Orientation::OutIn => weight.transpose(),
        Orientation::InOut => weight,
    };
    let y = x.matmul(weight);
    let y = match bias {
        Some(bias) => y + bias.unsqueeze::<2>(),
        None => y,
    };
    activate_composed(y, activation)
}

/// `f(x)` entry by entry, from Burn's own operations.
pub fn activate_composed<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    /// Klambauer et al. 2017.
    const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
    const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
    match activation {
        Activation::Identity => x,
        Activation::Sigmoid => burn_activation::sigmoid(x),
        Activation::Tanh => x.tanh(),
        Activation::Relu => burn_activation::relu(x),
        Activation::LeakyRelu(slope) => burn_activation::leaky_relu(x, slope.into()),
        Activation::Elu(alpha) => elu(x, 1.0, alpha.into()),
        Activation::Selu => elu(x, SELU_SCALE, SELU_ALPHA),
        Activation::Gelu => burn_activation::gelu(x),
        Activation::Softplus => burn_activation::softplus(x, 1.0),
    }
}

/// `scale (max(x, 0) + alpha (exp(min(x, 0)) − 1))`.
fn elu<const D: usize>(x: Tensor<D>, scale: f64, alpha: f64) -> Tensor<D> {
    let below = (x.clone().clamp_max(0.0).exp() - 1.0) * (scale * alpha);
    burn_activation::relu(x) * scale + below
}

/// The dense layer as a Burn operation of the CPU backend.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait DenseOps: burn::backend::Backend {
    fn dense(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
        orientation: Orientation,
    ) -> FloatTensor<Self>;
}

/// What the forward pass keeps for the backward pass.
#[derive(Debug, Clone)]
struct Saved<T> {
    x: T,
    weight: T,
    /// `y`, or the pre-activation where the derivative needs it. The identity's needs neither: whoever takes its `y` may then
    /// be its only owner and use it up.
    saved: Option<T>,
    activation: Activation,
    orientation: Orientation,
}

fn oriented<'a>(weight: &'a FlexTensor, orientation: Orientation) -> MatRef<'a> {
    let (rows, cols) = flex::dims(weight);
    let weight = MatRef::new(flex::values(weight), rows, cols);
    match orientation {
        Orientation::OutIn => weight,
        Orientation::InOut => weight.t(),
    }
}

fn matrix(tensor: &FlexTensor) -> MatRef<'_> {
    let (rows, cols) = flex::dims(tensor);
    MatRef::new(flex::values(tensor), rows, cols)
}

/// `(y, pre)`: the output, and the pre-activation where backward needs it.
fn forward(
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: &FlexTensor,
    activation: Activation,
    orientation: Orientation,
    keep_pre: bool,
) -> (FlexTensor, Option<FlexTensor>) {
    let weight = oriented(weight, orientation);
    let x = matrix(x);
    let (batch, out) = (x.rows(), weight.rows());
    let mut y = vec![0.0; batch * out];
    let mut pre = vec![0.0; if keep_pre { batch * out } else { 0 }];
    kernel::forward(
        x,
        weight,
        Some(flex::values(bias)),
        activation,
        MatMut::new(&mut y, batch, out),
        keep_pre.then(|| MatMut::new(&mut pre, batch, out)),
    );
    let pre = keep_pre.then(|| flex::tensor(pre, [batch, out]));
    (flex::tensor(y, [batch, out]), pre)
}

impl DenseOps for Flex {
    fn dense(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
        orientation: Orientation,
    ) -> FloatTensor<Self> {
        let (x, weight, bias) = (x.to_contiguous(), weight.to_contiguous(), bias.to_contiguous());
        forward(&x, &weight, &bias, activation, orientation, false).0
    }
}

impl<C: CheckpointStrategy> DenseOps for Autodiff<Flex, C> {
    fn dense(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
        orientation: Orientation,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let (x, weight, bias) = (
            x.into_primitive().to_contiguous(),
            weight.into_primitive().to_contiguous(),
            bias.into_primitive().to_contiguous(),
        );
        let keep_pre = activation.needs_input();
        let (y, pre) = forward(&x, &weight, &bias, activation, orientation, keep_pre);
        match DenseBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let saved = pre.or_else(|| (activation != Activation::Identity).then(|| y.clone()));
                prep.finish(Saved { x, weight, saved, activation, orientation }, y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}

#[derive(Debug)]
struct DenseBackward;

impl Backward<Flex, 3> for DenseBackward {
    type State = Saved<FlexTensor>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let Saved { x, weight, saved, activation, orientation } = ops.state;
        let [x_node, weight_node, bias_node] = ops.parents;
        let (batch, inputs) = flex::dims(&x);
        let (rows, cols) = flex::dims(&weight);
        let buffer = |wanted: bool, len: usize| vec![0.0; if wanted { len } else { 0 }];
        let mut dx = buffer(x_node.is_some(), batch * inputs);
        let mut dw = buffer(weight_node.is_some(), rows * cols);
        let mut db = buffer(bias_node.is_some(), flex::dims(&dy).1);
        kernel::backward(
            matrix(&x),
            oriented(&weight, orientation),
            activation,
            matrix(saved.as_ref().unwrap_or(&dy)),
            matrix(&dy),
            kernel::Gradients {
                dx: x_node.is_some().then(|| MatMut::new(&mut dx, batch, inputs)),
                dw: weight_node.is_some().then(|| {
                    let dw = MatMut::new(&mut dw, rows, cols);
                    match orientation {
                        Orientation::OutIn => dw,
                        Orientation::InOut => dw.t(),
                    }
                }),
                db: bias_node.is_some().then_some(db.as_mut_slice()),
                accumulate: false,
            },
        );
        let outputs = db.len();
        for (node, gradient) in [
            (x_node, flex::tensor_if(dx, [batch, inputs])),
            (weight_node, flex::tensor_if(dw, [rows, cols])),
            (bias_node, flex::tensor_if(db, [outputs])),
        ] {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}
