//! Recurrent layers over whole sequences, forward and by backpropagation through time.
//!
//! Sequences are time-major: `x [T, B, I]`, `y [T, B, H]`, states `[B, H]`; weights have PyTorch's layout
//! `weight_ih [G·H, I]`, `weight_hh [G·H, H]`, biases `[G·H]`, gates in the order of their rows. With σ the logistic
//! function, `h` the state before a step and `h'` after it, products and biases of the gates written `W_* x`, `b_*`:
//!
//! | cell | G | equations | source |
//! |---|---|---|---|
//! | [`Cell::Rnn`] | 1 | `h' = f(W_i x + b_i + W_h h + b_h)` | Elman 1990 |
//! | [`Cell::Lstm`] | 4 | `i, f, o = σ(W_i* x + b_i* + W_h* h + b_h*)`, `g = tanh(W_ig x + b_ig + W_hg h + b_hg)`, `c' = f c + i g`, `h' = o tanh(c')`; order i, f, g, o | Hochreiter and Schmidhuber 1997, forget gate Gers et al. 2000 |
//! | [`Cell::Gru`] | 3 | `r, z = σ(W_i* x + b_i* + W_h* h + b_h*)`, `n = tanh(W_in x + b_in + r (W_hn h + b_hn))`, `h' = (1 - z) n + z h`; order r, z, n | Cho et al. 2014, the reset after the product |
//! | `reset_before` | 3 | as above with `n = tanh(W_in x + b_in + W_hn (r h) + b_hn)` | Cho et al. 2014, equation 8 |
//!
//! Rows of a batch may have different lengths: they are worked on longest first, so that each step has only the rows that
//! still run, and come back in the caller's order. Outputs past a row's end are zero, its last state is that of its last
//! step. In the reverse direction each row starts at its own end.
//!
//! [`Stack`] puts layers and directions together.
//!
//! Truncated backpropagation is a call per piece, each starting from the last states of the one before.

mod backward;
mod cell;
mod forward;
mod order;
mod panels;
mod product;
mod share;
mod stack;
mod step;
mod steps;
mod wanted;
mod wavefront;
mod workspace;

pub use backward::{Gradients, OutputGradients, backward};
pub use forward::{LastStates, States, forward};
pub use stack::{Dropout, Stack, StackGradients, StackWorkspace, backward_stack, forward_stack};
pub use step::Stepper;
pub use workspace::Workspace;

use crate::Activation;

/// The recurrent unit: the equations are in the [module's documentation](self).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// The simple recurrent unit with any activation whose derivative needs only its output (not GELU).
    Rnn(Activation),
    /// Long short-term memory.
    Lstm,
    /// The gated recurrent unit.
    Gru {
        /// Reset the state before the recurrent product, as in the original paper, not after it, as PyTorch does.
        reset_before: bool,
    },
}

impl Cell {
    /// G: rows of the weights per hidden unit.
    pub fn gates(self) -> usize {
        match self {
            Self::Rnn(_) => 1,
            Self::Lstm => 4,
            Self::Gru { .. } => 3,
        }
    }

    fn has_memory(self) -> bool {
        !matches!(self, Self::Rnn(_))
    }
}

/// Calls a function with the element-wise part of a cell: `for_cell!(cell, f(_, args))`.
macro_rules! for_cell {
    ($cell:expr, $f:ident(_ $(, $arg:expr)* $(,)?)) => {
        match $cell {
            $crate::recurrent::Cell::Rnn(activation) => $f($crate::recurrent::cell::Rnn(activation) $(, $arg)*),
            $crate::recurrent::Cell::Lstm => $f($crate::recurrent::cell::Lstm $(, $arg)*),
            $crate::recurrent::Cell::Gru { reset_before: false } => $f($crate::recurrent::cell::Gru $(, $arg)*),
            $crate::recurrent::Cell::Gru { reset_before: true } => {
                $f($crate::recurrent::cell::GruResetBefore $(, $arg)*)
            }
        }
    };
}
use for_cell;

/// A layer in one direction.
#[derive(Clone, Copy)]
pub struct Layer<'a> {
    /// The recurrent unit.
    pub cell: Cell,
    /// I.
    pub inputs: usize,
    /// H.
    pub hidden: usize,
    /// `[G·H, I]`
    pub weight_ih: &'a [f32],
    /// `[G·H, H]`
    pub weight_hh: &'a [f32],
    /// `[G·H]`
    pub bias_ih: Option<&'a [f32]>,
    /// `[G·H]`
    pub bias_hh: Option<&'a [f32]>,
}

impl Layer<'_> {
    #[track_caller]
    fn check(&self) {
        let rows = self.cell.gates() * self.hidden;
        if let Cell::Rnn(activation) = self.cell {
            assert!(!activation.needs_input(), "recurrent: the derivative of {activation:?} needs its input");
        }
        assert!(self.hidden > 0, "recurrent: a layer without hidden units");
        assert_eq!(self.weight_ih.len(), rows * self.inputs, "recurrent: weight_ih is [G·H, I]");
        assert_eq!(self.weight_hh.len(), rows * self.hidden, "recurrent: weight_hh is [G·H, H]");
        for bias in [self.bias_ih, self.bias_hh].into_iter().flatten() {
            assert_eq!(bias.len(), rows, "recurrent: biases are [G·H]");
        }
    }

    /// Fills the bias of the product with the input, then that of the recurrent share of the last gate where a reset
    /// gate stands between the two.
    fn fill_bias(&self, bias: &mut [f32]) {
        let (rows, hidden) = (self.cell.gates() * self.hidden, self.hidden);
        let (input, recurrent) = bias.split_at_mut(rows);
        let apart = if self.cell == (Cell::Gru { reset_before: false }) { rows - hidden } else { rows };
        let value = |bias: Option<&[f32]>, i: usize| bias.map_or(0.0, |bias| bias[i]);
        for (i, v) in input.iter_mut().enumerate() {
            let second = if i < apart { value(self.bias_hh, i) } else { 0.0 };
            *v = value(self.bias_ih, i) + second;
        }
        for (i, v) in recurrent[..hidden].iter_mut().enumerate() {
            *v = if apart < rows { value(self.bias_hh, apart + i) } else { 0.0 };
        }
    }
}

/// The sequences of a batch.
#[derive(Clone, Copy)]
pub struct Sequences<'a> {
    /// `[T, B, I]`
    pub x: &'a [f32],
    /// T.
    pub steps: usize,
    /// B.
    pub batch: usize,
    /// Steps of each row, at most T, in any order; all T without it.
    pub lengths: Option<&'a [usize]>,
    /// From the last step of each row to its first.
    pub reverse: bool,
}

#[cfg(test)]
mod tests;
