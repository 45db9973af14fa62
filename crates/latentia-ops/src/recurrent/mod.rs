//! Recurrent layers over whole sequences as one operation.

mod composed;
mod fused;
mod workspaces;

use std::sync::Arc;

use burn::tensor::Tensor;
use latentia_kernels::recurrent as kernel;
pub use latentia_kernels::recurrent::Cell;

pub use composed::recurrent_composed;
pub use workspaces::Workspaces;

use crate::flex;

/// Weights and biases of one layer in one direction, in PyTorch's layout and gate order.
#[derive(Debug, Clone)]
pub struct RecurrentWeights {
    /// `[G·H, I]`; I is D·H from the second layer on.
    pub weight_ih: Tensor<2>,
    /// `[G·H, H]`
    pub weight_hh: Tensor<2>,
    /// `bias_ih` and `bias_hh`, `[G·H]` each.
    pub biases: Option<[Tensor<1>; 2]>,
}

/// The states of all layers and directions, `[L·D, B, H]` each: layer 0 forward, layer 0 reverse, layer 1 forward and so on.
#[derive(Debug, Clone)]
pub struct RecurrentStates {
    /// Hidden states.
    pub h: Tensor<3>,
    /// Memory cells; an LSTM has them, other cells do not.
    pub c: Option<Tensor<3>>,
}

impl RecurrentStates {
    /// The same values, through which no gradient flows: where backpropagation through time is truncated.
    pub fn detach(self) -> Self {
        Self { h: self.h.detach(), c: self.c.map(Tensor::detach) }
    }
}

/// Factors of the states between two layers: 0 where a unit is dropped, `1 / (1 - p)` where it is kept.
#[derive(Debug, Clone, Default)]
pub enum RecurrentDropout {
    /// Nothing is dropped.
    #[default]
    None,
    /// `[L - 1, T, B, D·H]`: anew at every step (Zaremba, Sutskever & Vinyals 2014).
    Steps(Arc<[f32]>),
    /// `[L - 1, B, D·H]`: the same at every step of a sequence (Gal & Ghahramani 2016).
    Sequences(Arc<[f32]>),
}

impl RecurrentDropout {
    fn masks(&self) -> kernel::Dropout<'_> {
        match self {
            Self::None => kernel::Dropout::None,
            Self::Steps(mask) => kernel::Dropout::Steps(mask),
            Self::Sequences(mask) => kernel::Dropout::Sequences(mask),
        }
    }
}

/// How the layers of [`recurrent`] are put together and what they are run over.
#[derive(Debug, Clone)]
pub struct Recurrence {
    /// The recurrent unit.
    pub cell: Cell,
    /// Whether every layer runs in both directions: D is 2.
    pub bidirectional: bool,
    /// Steps of each row of the batch, at most T; all T without it.
    pub lengths: Option<Arc<[usize]>>,
    /// Dropout between layers.
    pub dropout: RecurrentDropout,
    /// Where working memory is kept from call to call.
    pub workspaces: Workspaces,
}

/// Most layers times directions of one call: one operation has a fixed number of parents in the graph.
pub const MOST_LAYERS: usize = 32;

/// Runs recurrent layers over sequences, differentiable in `x`, the initial states and all weights.
///
/// `x`: `[T, B, I]` to all states of the last layer, `y`: `[T, B, D·H]`, and the last states of every layer and direction,
/// `[L·D, B, H]`. `weights` has an element for each layer and direction, in the order of the states; states start from zero
/// where there are no `initial` ones. The equations are those of [`latentia_kernels::recurrent`]; past a row's length `y` is
/// zero, and its last states are those at its length.
///
/// On the CPU backend all layers are one operation; elsewhere this is [`recurrent_composed`].
///
/// # Panics
/// If a shape does not fit, or there are more than [`MOST_LAYERS`] layers and directions.
pub fn recurrent(
    settings: &Recurrence,
    x: Tensor<3>,
    weights: &[RecurrentWeights],
    initial: Option<RecurrentStates>,
) -> (Tensor<3>, RecurrentStates) {
    assert!(weights.len() <= MOST_LAYERS, "recurrent: {} layers, at most {MOST_LAYERS}", weights.len());
    if flex::on_cpu(&x) {
        fused::recurrent(settings, x, weights, initial)
    } else {
        recurrent_composed(settings, x, weights, initial)
    }
}
