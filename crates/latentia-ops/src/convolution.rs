//! Convolutions over images, and transposed ones.

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
    tensor::{
        Tensor, module,
        ops::{ConvOptions, ConvTransposeOptions},
    },
};
use burn_flex::FlexTensor;
use latentia_kernels::{
    Activation,
    convolution::{self as kernel, Geometry},
};

use crate::{dense::activate_composed, flex};

/// Which way a convolution leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From images to maps: a strided convolution.
    Down,
    /// From maps to images: the transposed convolution of the same geometry.
    Up,
}

impl Direction {
    /// Numbers of a row that comes in and of one that goes out.
    fn lens(self, g: &Geometry) -> (usize, usize) {
        match self {
            Self::Down => (g.image_len(), g.map_len()),
            Self::Up => (g.map_len(), g.image_len()),
        }
    }
}

/// `y = f(conv(x, W) + b)`, or the transposed convolution ([`Direction::Up`]); differentiable in `x`, `W` and `b`.
///
/// `x`, `y`: a row for each image or map, channels last: `[batch, height · width · channels]` and `[batch, map height · map
/// width · maps]` down, the other way round up. `weight`: `[maps, channels, kernel, kernel]`, PyTorch's layout of `Conv2d` and, for
/// the transposed convolution, of `ConvTranspose2d`. `bias`: one number for each channel of `y`. On the CPU backend patches
/// are multiplied while they are in a core's cache; elsewhere this is [`convolution_composed`].
pub fn convolution(
    x: Tensor<2>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    activation: Activation,
    geometry: Geometry,
    direction: Direction,
) -> Tensor<2> {
    if !flex::on_cpu(&x) {
        return convolution_composed(x, weight, bias, activation, geometry, direction);
    }
    // Channels last, as the maps have them.
    let weight: Tensor<2> = weight.permute([0, 2, 3, 1]).reshape([geometry.maps, geometry.patch_len()]);
    Tensor::from_dispatch(Dispatch::convolution_rows(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        activation,
        geometry,
        direction,
    ))
}

/// The same from Burn's own operations, for every backend.
pub fn convolution_composed(
    x: Tensor<2>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    activation: Activation,
    geometry: Geometry,
    direction: Direction,
) -> Tensor<2> {
    let g = geometry;
    let batch = x.dims()[0];
    let (stride, padding) = ([g.stride; 2], [g.padding; 2]);
    let y = match direction {
        Direction::Down => {
            let x = x.reshape([batch, g.height, g.width, g.channels]).permute([0, 3, 1, 2]);
            module::conv2d(x, weight, Some(bias), ConvOptions::new(stride, padding, [1, 1], 1))
        }
        Direction::Up => {
            let x = x.reshape([batch, g.map_height(), g.map_width(), g.maps]).permute([0, 3, 1, 2]);
            let options = ConvTransposeOptions::new(stride, padding, g.unreached(), [1, 1], 1);
            module::conv_transpose2d(x, weight, Some(bias), options)
        }
    };
    let y = y.permute([0, 2, 3, 1]).reshape([batch, direction.lens(&g).1]);
    activate_composed(y, activation)
}

/// Convolutions as Burn operations of the CPU backend; `weight`: `[maps, kernel · kernel · channels]`, channels last.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait ConvolutionOps: burn::backend::Backend {
    fn convolution_rows(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
        geometry: Geometry,
        direction: Direction,
    ) -> FloatTensor<Self>;
}

/// What the forward pass keeps for the backward pass.
#[derive(Debug, Clone)]
struct Saved {
    x: FlexTensor,
    weight: FlexTensor,
    /// `y`, or the pre-activation where the derivative needs it; the identity's needs neither.
    saved: Option<FlexTensor>,
    activation: Activation,
    geometry: Geometry,
    direction: Direction,
}

/// `(y, pre)`: the output, and the pre-activation where backward needs it.
fn forward(
    [x, weight, bias]: [&FlexTensor; 3],
    activation: Activation,
    geometry: Geometry,
    direction: Direction,
    keep_pre: bool,
) -> (FlexTensor, Option<FlexTensor>) {
    let (batch, len) = (flex::dims(x).0, direction.lens(&geometry).1);
    let mut y = flex::buffer(batch * len);
    let mut pre = flex::buffer(if keep_pre { batch * len } else { 0 });
    let run = match direction {
        Direction::Down => kernel::forward,
        Direction::Up => kernel::transposed,
    };
    let [x, weight, bias] = [x, weight, bias].map(flex::values);
    run(geometry, x, weight, bias, activation, &mut y, keep_pre.then_some(&mut pre));
    (flex::tensor(y, [batch, len]), keep_pre.then(|| flex::tensor(pre, [batch, len])))
}

impl ConvolutionOps for Flex {
    fn convolution_rows(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
        geometry: Geometry,
        direction: Direction,
    ) -> FloatTensor<Self> {
        let [x, weight, bias] = [x, weight, bias].map(flex::contiguous);
        forward([&x, &weight, &bias], activation, geometry, direction, false).0
    }
}

impl<C: CheckpointStrategy> ConvolutionOps for Autodiff<Flex, C> {
    fn convolution_rows(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
        geometry: Geometry,
        direction: Direction,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let [x, weight, bias] = [x, weight, bias].map(|t| flex::contiguous(t.into_primitive()));
        let keep_pre = activation.needs_input();
        let (y, pre) = forward([&x, &weight, &bias], activation, geometry, direction, keep_pre);
        match ConvolutionBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let saved = pre.or_else(|| (activation != Activation::Identity).then(|| y.clone()));
                prep.finish(Saved { x, weight, saved, activation, geometry, direction }, y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}

#[derive(Debug)]
struct ConvolutionBackward;

impl Backward<Flex, 3> for ConvolutionBackward {
    type State = Saved;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = flex::contiguous(grads.consume::<Flex>(&ops.node));
        let Saved { x, weight, saved, activation, geometry, direction } = ops.state;
        let [x_node, weight_node, bias_node] = ops.parents;
        let (x_shape, weight_shape) = (flex::dims(&x), flex::dims(&weight));
        let outputs = match direction {
            Direction::Down => geometry.maps,
            Direction::Up => geometry.channels,
        };
        let buffer = |wanted: bool, len: usize| flex::buffer(if wanted { len } else { 0 });
        let mut dx = buffer(x_node.is_some(), x_shape.0 * x_shape.1);
        let mut dw = buffer(weight_node.is_some(), weight_shape.0 * weight_shape.1);
        let mut db = buffer(bias_node.is_some(), outputs);
        let run = match direction {
            Direction::Down => kernel::backward,
            Direction::Up => kernel::transposed_backward,
        };
        run(
            geometry,
            flex::values(&x),
            flex::values(&weight),
            activation,
            (flex::values(saved.as_ref().unwrap_or(&dy)), flex::values(&dy)),
            kernel::Gradients {
                dx: x_node.is_some().then_some(&mut dx),
                dw: weight_node.is_some().then_some(&mut dw),
                db: bias_node.is_some().then_some(&mut db),
            },
        );
        [Some(dy), saved, Some(x)].into_iter().flatten().for_each(flex::recycle);
        for (node, gradient) in [
            (x_node, flex::tensor_if(dx, [x_shape.0, x_shape.1])),
            (weight_node, flex::tensor_if(dw, [weight_shape.0, weight_shape.1])),
            (bias_node, flex::tensor_if(db, [outputs])),
        ] {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}
