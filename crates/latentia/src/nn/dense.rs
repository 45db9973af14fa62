//! Dense layers and stacks of them.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData},
};
use latentia_ops::{Orientation, activate_composed, dense};

use super::{ActivationKind, Initializer};
use crate::random::{Purpose, stream};

/// `y = f(x Wᵀ + b)` with `W`: `[out, in]`, `b`: `[out]` (PyTorch's layout).
///
/// A tied layer has no `W` of its own: it is given that of an encoder layer and uses it transposed.
#[derive(Module, Debug)]
pub struct Dense {
    /// `W`; `None` in a tied layer.
    pub weight: Option<Param<Tensor<2>>>,
    /// `b`.
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    activation: ActivationKind,
}

impl Dense {
    /// The layer applied to `x`: `[batch, in]`; `tied` is `[in, out]` and used when the layer has no weight.
    fn forward(&self, x: Tensor<2>, tied: Option<Tensor<2>>) -> Tensor<2> {
        self.forward_as(x, tied, self.activation)
    }

    fn forward_as(&self, x: Tensor<2>, tied: Option<Tensor<2>>, activation: ActivationKind) -> Tensor<2> {
        let (weight, orientation) = match (&self.weight, tied) {
            (Some(weight), _) => (weight.val(), Orientation::OutIn),
            (None, Some(weight)) => (weight, Orientation::InOut),
            (None, None) => unreachable!("a tied layer is always given a weight by its stack"),
        };
        dense(x, weight, Some(self.bias.val()), activation.function(), orientation)
    }

    /// `y = f(a)` and `f′(a)`, both to be differentiated further; of a layer with a weight of its own.
    fn forward_with_derivative(&self, x: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let a = self.forward_as(x, None, ActivationKind::Identity);
        let y = activate_composed(a.clone(), self.activation.function());
        (y.clone(), self.activation.derivative(y, || a))
    }
}

/// Dense layers one after the other.
#[derive(Module, Debug)]
pub struct DenseStack {
    /// The layers, first to last.
    pub layers: Vec<Dense>,
}

/// What a [`DenseStack`] is made of.
#[derive(Debug, Clone)]
pub struct DenseStackConfig<'a> {
    /// Width of the input, of every layer, of the output.
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

impl DenseStackConfig<'_> {
    /// The stack with random weights and zero biases.
    pub fn init(&self, seed: u64, device: &Device) -> DenseStack {
        let count = self.widths.len().saturating_sub(1);
        let layer = |i: usize| {
            let (inputs, outputs) = (self.widths[i], self.widths[i + 1]);
            let activation = if i + 1 == count { self.last } else { self.activation };
            let mut rng = stream(seed, Purpose::Init, self.stream, i as u64);
            let weight = (!self.tied).then(|| {
                let w = self.initializer.weights(outputs, inputs, activation, &mut rng);
                Param::from_data(TensorData::new(w, [outputs, inputs]), device)
            });
            let bias = Param::from_data(TensorData::new(vec![0f32; outputs], [outputs]), device);
            Dense { weight, bias, activation }
        };
        DenseStack { layers: (0..count).map(layer).collect() }
    }
}

impl DenseStack {
    /// The stack applied to `x`: `[batch, in]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.layers.iter().fold(x, |x, layer| layer.forward(x, None))
    }

    /// The stack applied to `x`, and the derivative `f′(a)` of each layer's activation, first layer first.
    ///
    /// The Jacobian of layer `l` is `diag(f′(a_l)) W_l`; that of the stack is their product. Not for tied stacks.
    pub fn forward_with_derivatives(&self, x: Tensor<2>) -> (Tensor<2>, Vec<Tensor<2>>) {
        let mut derivatives = Vec::with_capacity(self.layers.len());
        let y = self.layers.iter().fold(x, |x, layer| {
            let (y, derivative) = layer.forward_with_derivative(x);
            derivatives.push(derivative);
            y
        });
        (y, derivatives)
    }

    /// The stack applied to `x`, with `between` applied to what every layer but the last returns.
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
    pub fn forward_tied(&self, x: Tensor<2>, encoder: &DenseStack) -> Tensor<2> {
        let weights = encoder.layers.iter().rev().map(|l| l.weight.as_ref().map(Param::val));
        self.layers.iter().zip(weights).fold(x, |x, (layer, weight)| layer.forward(x, weight))
    }
}
