//! A dense layer.

use burn::{
    module::{Module, Param},
    tensor::Tensor,
};
use latentia_ops::{Orientation, activate_composed, dense};

use super::ActivationKind;

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
    pub(super) activation: ActivationKind,
}

impl Dense {
    /// The layer applied to `x`: `[batch, in]`; `tied` is `[in, out]` and used when the layer has no weight.
    pub(super) fn forward(&self, x: Tensor<2>, tied: Option<Tensor<2>>) -> Tensor<2> {
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
    pub(super) fn forward_with_derivative(&self, x: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let a = self.forward_as(x, None, ActivationKind::Identity);
        let y = activate_composed(a.clone(), self.activation.function());
        (y.clone(), self.activation.derivative(y, || a))
    }
}
