use super::order::Order;
use super::{Cell, Layer};
use crate::gemm::Shared;
use crate::scratch::Line;

/// Floats on a boundary of 64 bytes, kept from call to call.
#[derive(Default)]
pub(super) struct Buffer(Vec<Line>);

impl Buffer {
    /// At least `len` floats; their contents are left over from earlier use.
    pub(super) fn need(&mut self, len: usize) {
        let lines = len.div_ceil(16);
        if self.0.len() < lines {
            // The old contents are of no use: drop them before asking for more.
            self.0 = Vec::new();
            self.0.resize(lines, Line([0.0; 16]));
        }
    }

    pub(super) fn floats(&self) -> &[f32] {
        // SAFETY: `Line` is an array of floats without padding.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * 16) }
    }

    pub(super) fn floats_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.0.len() * 16) }
    }

    pub(super) fn shared(&mut self) -> Shared {
        Shared(self.0.as_mut_ptr().cast())
    }
}

/// Floats from one row of `[h x]` to the next: whole lines, so that no vector of a state lies on two of them where H is
/// a multiple of the vector.
pub(super) fn row_len(inputs: usize, hidden: usize) -> usize {
    spread((hidden + inputs).next_multiple_of(16))
}

/// Floats from one row of gates to the next.
pub(super) fn gate_len(gates: usize, hidden: usize) -> usize {
    spread(gates * hidden)
}

/// Rows that are read side by side would crowd a few sets of the nearest cache where they lie a multiple of 2 KiB apart: then one
/// line more.
fn spread(len: usize) -> usize {
    if len.is_multiple_of(512) { len + 16 } else { len }
}

/// What [`forward`](super::forward) keeps for [`backward`](super::backward), and the memory both work in: nothing is
/// allocated again while shapes do not grow.
#[derive(Default)]
pub struct Workspace {
    pub(super) order: Order,
    /// Of the last forward pass, until a backward pass has used it up.
    pub(super) kept: Option<(Cell, usize, usize)>,
    /// `[N, G·H]`, rows [`gate_len`] apart, N the rows of all steps: the gates, after backward the gradients of their pre-activations.
    pub(super) gates: Buffer,
    /// `[N, H + I]`, rows [`row_len`] apart: the state before each step beside its input, so that both weights' gradients are
    /// one product.
    pub(super) rows: Buffer,
    /// `[B, H]`: the initial states, then the last ones.
    pub(super) last: Buffer,
    /// `[B + N, H]`: the LSTM's cell states, the initial ones first, or what the GRU needs again.
    pub(super) memory: Buffer,
    /// `[B, H]`: gradients on their way back through time.
    pub(super) dh: Buffer,
    pub(super) dmemory: Buffer,
    /// `[B, G·H]`, packed: what a GRU's backward product takes in two steps that follow each other.
    pub(super) operands: [Buffer; 2],
    pub(super) panels: Buffer,
    /// `[G·H]` for the input's share, then `[H]` for the recurrent one; in backward the sums.
    pub(super) bias: Buffer,
    /// Rows of dx in the order they are worked on, where that is not the caller's.
    pub(super) dx: Buffer,
}

impl Workspace {
    /// An empty one; it grows with its first use.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for a pass over the sequences in `order`.
    pub(super) fn need(&mut self, layer: &Layer) {
        let (gates, hidden) = (layer.cell.gates(), layer.hidden);
        let (batch, total) = (self.order.batch(), self.order.total());
        self.gates.need(total * gate_len(gates, hidden));
        self.rows.need(total * row_len(layer.inputs, hidden));
        self.last.need(batch * hidden);
        self.memory.need(if layer.cell.has_memory() { (batch + total) * hidden } else { 0 });
        let packed = layer.cell == Cell::Gru { reset_before: false };
        for operand in &mut self.operands {
            operand.need(if packed { batch * gates * hidden } else { 0 });
        }
        self.bias.need((gates + 1) * hidden);
    }
}
