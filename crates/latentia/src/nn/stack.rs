//! Layers one after the other.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData},
};
use latentia_ops::{Direction, Geometry};

use super::{ActivationKind, Convolution, Dense, Initializer, convolution::ConvolutionConfig};
use crate::random::{Purpose, stream};

/// Layers one after the other: dense ones, and convolutions before them (leading down) or after them (leading up).
///
/// Images come in and go out with their channels first, and so does the last map between convolutions and dense layers: the
/// order of PyTorch's `Flatten`. Between convolutions channels are last.
#[derive(Module, Debug)]
pub struct LayerStack {
    /// The convolutions, first to last.
    pub convolutions: Vec<Convolution>,
    /// The dense layers, first to last.
    pub layers: Vec<Dense>,
}

/// What a [`LayerStack`] is made of.
#[derive(Debug, Clone)]
pub struct LayerStackConfig<'a> {
    /// Convolutions, first to last.
    pub convolutions: &'a [Geometry],
    /// Whether convolutions come first and lead to maps, or come last and lead to images.
    pub direction: Direction,
    /// Width of the input of the dense layers, of every one, of the output of the last.
    pub widths: &'a [usize],
    /// Activation of every layer but the last.
    pub activation: ActivationKind,
    /// Activation of the last layer.
    pub last: ActivationKind,
    /// Distribution of the initial weights.
    pub initializer: Initializer,
    /// Whether the layers use another stack's weights.
    pub tied: bool,
    /// Keeps the random streams of several stacks of a model apart.
    pub stream: u64,
}

impl LayerStackConfig<'_> {
    /// The stack with random weights and zero biases.
    pub fn init(&self, seed: u64, device: &Device) -> LayerStack {
        let up = self.direction == Direction::Up && !self.convolutions.is_empty();
        let count = self.widths.len().saturating_sub(1);
        let layer = |i: usize| {
            let (inputs, outputs) = (self.widths[i], self.widths[i + 1]);
            let activation = if i + 1 == count && !up { self.last } else { self.activation };
            let mut rng = stream(seed, Purpose::Init, self.stream, i as u64);
            let weight = (!self.tied).then(|| {
                let w = self.initializer.weights(outputs, inputs, activation, &mut rng);
                Param::from_data(TensorData::new(w, [outputs, inputs]), device)
            });
            let bias = Param::from_data(TensorData::new(vec![0f32; outputs], [outputs]), device);
            Dense { weight, bias, activation }
        };
        let convolution = |(i, geometry): (usize, &Geometry)| {
            let last = up && i + 1 == self.convolutions.len();
            let config = ConvolutionConfig {
                direction: self.direction,
                activation: if last { self.last } else { self.activation },
                initializer: self.initializer,
                tied: self.tied,
            };
            config.init(*geometry, (self.stream, i), seed, device)
        };
        LayerStack {
            convolutions: self.convolutions.iter().enumerate().map(convolution).collect(),
            layers: (0..count).map(layer).collect(),
        }
    }
}

impl LayerStack {
    /// The stack applied to `x`: `[batch, in]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let x = self.convolve(x, Direction::Down, |_| None);
        let x = self.layers.iter().fold(x, |x, layer| layer.forward(x, None));
        self.convolve(x, Direction::Up, |_| None)
    }

    /// The convolutions applied to `x`, where they lead this way; `tied` are the weights of those without their own.
    fn convolve(
        &self,
        x: Tensor<2>,
        direction: Direction,
        tied: impl Fn(usize) -> Option<Tensor<4>>,
    ) -> Tensor<2> {
        match (self.convolutions.first(), self.convolutions.last()) {
            (Some(first), Some(last)) if first.direction() == direction => {
                let x = first.input_channels_last(x);
                let layers = self.convolutions.iter().enumerate();
                last.output_channels_first(layers.fold(x, |x, (i, layer)| layer.forward(x, tied(i))))
            }
            _ => x,
        }
    }

    /// The stack applied to `x`, and the derivative `f′(a)` of each layer's activation, first layer first; those of
    /// convolutions with channels last.
    ///
    /// The Jacobian of dense layer `l` is `diag(f′(a_l)) W_l`; that of the stack is the product of those of its layers. Not for
    /// tied stacks, nor for those that lead up.
    pub fn forward_with_derivatives(&self, x: Tensor<2>) -> (Tensor<2>, Vec<Tensor<2>>) {
        let mut derivatives = Vec::with_capacity(self.convolutions.len() + self.layers.len());
        let x = match (self.convolutions.first(), self.convolutions.last()) {
            (Some(first), Some(last)) => {
                let x = self.convolutions.iter().fold(first.input_channels_last(x), |x, layer| {
                    let (y, derivative) = layer.forward_with_derivative(x);
                    derivatives.push(derivative);
                    y
                });
                last.output_channels_first(x)
            }
            _ => x,
        };
        let y = self.layers.iter().fold(x, |x, layer| {
            let (y, derivative) = layer.forward_with_derivative(x);
            derivatives.push(derivative);
            y
        });
        (y, derivatives)
    }

    /// The dense layers applied to `x`, with `between` applied to what every one but the last returns.
    pub fn forward_between(
        &self,
        x: Tensor<2>,
        mut between: impl FnMut(Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        self.layers.iter().enumerate().fold(x, |x, (i, layer)| {
            let y = layer.forward(x, None);
            if i + 1 < self.layers.len() { between(y) } else { y }
        })
    }

    /// The stack applied to `x` with the weights of `encoder` transposed, its last layer first.
    pub fn forward_tied(&self, x: Tensor<2>, encoder: &LayerStack) -> Tensor<2> {
        let weights = encoder.layers.iter().rev().map(|l| l.weight.as_ref().map(Param::val));
        let x = self.layers.iter().zip(weights).fold(x, |x, (layer, weight)| layer.forward(x, weight));
        let of = |i: usize| encoder.convolutions[encoder.convolutions.len() - 1 - i].weight.as_ref();
        self.convolve(x, Direction::Up, |i| of(i).map(Param::val))
    }
}
