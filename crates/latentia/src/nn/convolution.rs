//! Convolutional layers: strided convolutions, and transposed ones that mirror them.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData},
};
use latentia_ops::{Direction, Geometry, activate_composed, convolution};

use super::{ActivationKind, Initializer};
use crate::random::{Purpose, stream};

/// `y = f(conv(x, W) + b)` with `W`: `[maps, channels, kernel, kernel]` (PyTorch's layout of `Conv2d` and, for a layer that leads
/// up, of `ConvTranspose2d`), `b`: one number for each channel of `y`.
///
/// Rows hold images and maps with their channels last. A tied layer has no `W` of its own: it is given that of an encoder layer.
#[derive(Module, Debug)]
pub struct Convolution {
    /// `W`; `None` in a tied layer.
    pub weight: Option<Param<Tensor<4>>>,
    /// `b`.
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    form: Form,
}

/// What a layer computes with its weights.
#[derive(Debug, Clone, Copy)]
struct Form {
    geometry: Geometry,
    direction: Direction,
    activation: ActivationKind,
}

/// What [`Convolution`] layers of a stack have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConvolutionConfig {
    pub direction: Direction,
    pub activation: ActivationKind,
    pub initializer: Initializer,
    pub tied: bool,
}

/// Keeps the random streams of convolutions apart from those of the dense layers of the same stack.
const STREAM: u64 = 1 << 32;

impl ConvolutionConfig {
    /// Layer `i` of the convolutions of a stack.
    pub(super) fn init(
        self,
        geometry: Geometry,
        (stack, i): (u64, usize),
        seed: u64,
        device: &Device,
    ) -> Convolution {
        let Self { direction, activation, initializer, tied } = self;
        let Geometry { maps, channels, kernel, stride, .. } = geometry;
        // How many numbers each output is summed from, and how many outputs each input goes into. With a stride not every
        // pixel meets every weight.
        let (square, met) = ((kernel * kernel) as f64, ((kernel * kernel) as f64 / (stride * stride) as f64));
        let (outputs, fans) = match direction {
            Direction::Down => (maps, (channels as f64 * square, maps as f64 * met)),
            Direction::Up => (channels, (maps as f64 * met, channels as f64 * square)),
        };
        let weight = (!tied).then(|| {
            let mut rng = stream(seed, Purpose::Init, stack, STREAM + i as u64);
            let w = initializer.with_fans([maps, geometry.patch_len()], fans, activation, &mut rng);
            Param::from_data(TensorData::new(w, [maps, channels, kernel, kernel]), device)
        });
        let bias = Param::from_data(TensorData::new(vec![0f32; outputs], [outputs]), device);
        Convolution { weight, bias, form: Form { geometry, direction, activation } }
    }
}

impl Convolution {
    /// Which way the layer leads.
    pub fn direction(&self) -> Direction {
        self.form.direction
    }

    /// The layer applied to `x`; `tied` is used when the layer has no weight.
    pub(super) fn forward(&self, x: Tensor<2>, tied: Option<Tensor<4>>) -> Tensor<2> {
        self.forward_as(x, tied, self.form.activation)
    }

    fn forward_as(&self, x: Tensor<2>, tied: Option<Tensor<4>>, activation: ActivationKind) -> Tensor<2> {
        let weight = self.weight.as_ref().map(Param::val).or(tied);
        let Some(weight) = weight else {
            unreachable!("a tied layer is always given a weight by its stack");
        };
        let Form { geometry, direction, .. } = self.form;
        convolution(x, weight, self.bias.val(), activation.function(), geometry, direction)
    }

    /// `y = f(a)` and `f′(a)`, both to be differentiated further; of a layer with a weight of its own.
    pub(super) fn forward_with_derivative(&self, x: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let a = self.forward_as(x, None, ActivationKind::Identity);
        let y = activate_composed(a.clone(), self.form.activation.function());
        (y.clone(), self.form.activation.derivative(y, || a))
    }

    /// `rᵀ ∂a/∂x` for every row `r` of `rows`: what the layer makes of a gradient, to be differentiated again. Of a layer that
    /// leads down and has a weight of its own.
    pub(crate) fn pull_back(&self, rows: Tensor<2>) -> Tensor<2> {
        let Some(weight) = &self.weight else { unreachable!("an encoder has weights of its own") };
        let geometry = self.form.geometry;
        let none = Tensor::zeros([geometry.channels], &rows.device());
        let identity = ActivationKind::Identity.function();
        convolution(rows, weight.val(), none, identity, geometry, Direction::Up)
    }

    /// Rows of what the layer is given, from channels first.
    pub(crate) fn input_channels_last(&self, x: Tensor<2>) -> Tensor<2> {
        let g = &self.form.geometry;
        match self.form.direction {
            Direction::Down => swapped(x, [g.channels, g.height * g.width]),
            Direction::Up => swapped(x, [g.maps, g.map_places()]),
        }
    }

    /// Rows of what the layer was given, to channels first.
    pub(crate) fn input_channels_first(&self, x: Tensor<2>) -> Tensor<2> {
        let g = &self.form.geometry;
        match self.form.direction {
            Direction::Down => swapped(x, [g.height * g.width, g.channels]),
            Direction::Up => swapped(x, [g.map_places(), g.maps]),
        }
    }

    /// Rows of what the layer returned, to channels first.
    pub(crate) fn output_channels_first(&self, y: Tensor<2>) -> Tensor<2> {
        let g = &self.form.geometry;
        match self.form.direction {
            Direction::Down => swapped(y, [g.map_places(), g.maps]),
            Direction::Up => swapped(y, [g.height * g.width, g.channels]),
        }
    }

    /// Rows in the shape of what the layer returned, from channels first.
    pub(crate) fn output_channels_last(&self, y: Tensor<2>) -> Tensor<2> {
        let g = &self.form.geometry;
        match self.form.direction {
            Direction::Down => swapped(y, [g.maps, g.map_places()]),
            Direction::Up => swapped(y, [g.channels, g.height * g.width]),
        }
    }
}

/// Every row read as a matrix of this shape, transposed.
fn swapped(x: Tensor<2>, [rows, cols]: [usize; 2]) -> Tensor<2> {
    if rows == 1 || cols == 1 {
        return x;
    }
    let [batch, len] = x.dims();
    x.reshape([batch, rows, cols]).swap_dims(1, 2).reshape([batch, len])
}
