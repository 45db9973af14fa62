use super::cell::Pointwise;
use super::order::Order;
use super::share::{pass_threads, split};
use super::steps::{ForwardShare, Pass};
use super::workspace::{Buffer, gate_len, row_len};
use super::{Cell, Layer, Sequences, Workspace, for_cell, panels};
use crate::gemm::{Shared, gemm};
use crate::simd::{self, Level};
use crate::{MatMut, MatRef, threads};

/// States to start from; zeros where there are none.
#[derive(Clone, Copy, Default)]
pub struct States<'a> {
    /// `[B, H]`
    pub h: Option<&'a [f32]>,
    /// `[B, H]`, the LSTM's cell states.
    pub c: Option<&'a [f32]>,
}

/// Where the states after the last step go.
#[derive(Default)]
pub struct LastStates<'a> {
    /// `[B, H]`
    pub h: Option<&'a mut [f32]>,
    /// `[B, H]`, the LSTM's cell states.
    pub c: Option<&'a mut [f32]>,
}

/// Runs a layer over sequences: all states to `y [T, B, H]`, the last ones to `last`; `workspace` keeps what
/// [`backward`](super::backward) needs.
///
/// # Panics
/// If a shape does not fit, or cell states are given to a cell without them.
#[track_caller]
pub fn forward(
    layer: &Layer,
    sequences: Sequences,
    initial: States,
    y: &mut [f32],
    last: LastStates,
    workspace: &mut Workspace,
) {
    // Whatever stops this pass, the one before is no longer whole.
    workspace.kept = None;
    layer.check();
    let Sequences { x, steps, batch, lengths, reverse } = sequences;
    let (hidden, inputs) = (layer.hidden, layer.inputs);
    assert_eq!(x.len(), steps * batch * inputs, "recurrent: x is [T, B, I]");
    assert_eq!(y.len(), steps * batch * hidden, "recurrent: y is [T, B, H]");
    check_states(layer.cell, [initial.h, initial.c], batch * hidden);
    check_states(layer.cell, [last.h.as_deref(), last.c.as_deref()], batch * hidden);
    let order = &mut workspace.order;
    order.set(steps, batch, lengths, reverse);
    if order.total() < steps * batch {
        y.fill(0.0);
    }
    let threads = pass_threads(order, layer.cell.gates(), hidden, inputs);
    threads::with_limit(threads, || pass(layer, x, initial, y, last, workspace));
    workspace.kept = Some((layer.cell, inputs, hidden));
}

/// The forward pass over the sequences that the order holds.
fn pass(
    layer: &Layer,
    x: &[f32],
    initial: States,
    y: &mut [f32],
    last: LastStates,
    workspace: &mut Workspace,
) {
    let (hidden, inputs, rows) = (layer.hidden, layer.inputs, layer.cell.gates() * layer.hidden);
    workspace.need(layer);
    workspace.panels.need(panels::panels_len(layer.cell.gates(), hidden, hidden));
    let order = &workspace.order;
    gather_states(order, initial.h, hidden, &mut workspace.last);
    if layer.cell == Cell::Lstm {
        gather_states(order, initial.c, hidden, &mut workspace.memory);
    }
    fill_rows(order, x, workspace.last.floats(), (inputs, hidden), &mut workspace.rows);
    layer.fill_bias(workspace.bias.floats_mut());
    // One product for all steps: with the inputs as part of the steps an LSTM's training step took up to 13 % longer on one
    // machine, at most 2 % less on another.
    let total = order.total();
    let inputs_of = workspace.rows.floats().get(hidden..).unwrap_or_default();
    let input = MatRef::with_strides(inputs_of, total, inputs, row_len(inputs, hidden), 1);
    let gate_len = gate_len(layer.cell.gates(), hidden);
    let gates = MatMut::with_row_stride(workspace.gates.floats_mut(), total, rows, gate_len);
    gemm(input, MatRef::new(layer.weight_ih, rows, inputs).t(), gates, false);

    let weights = Some([layer.weight_ih, layer.weight_hh]);
    let run = Run { inputs, inner: 0, hidden, weights, level: simd::level(), y: Shared(y.as_mut_ptr()) };
    let panels = workspace.panels.shared();
    for_cell!(layer.cell, recur(_, run, workspace, panels));

    let order = &workspace.order;
    scatter_states(order, &workspace.last, hidden, last.h);
    if let Some(c) = last.c {
        for (place, &row) in order.rows().iter().enumerate() {
            let from = (order.memory(order.length(place)) + place) * hidden;
            c[row * hidden..][..hidden].copy_from_slice(&workspace.memory.floats()[from..][..hidden]);
        }
    }
}

/// Rows copied at a time.
const BLOCK_ROWS: usize = 256;

/// Puts the inputs of all steps, and the states before the first, in the order they are worked on.
fn fill_rows(order: &Order, x: &[f32], h: &[f32], (inputs, hidden): (usize, usize), rows: &mut Buffer) {
    let width = row_len(inputs, hidden);
    let rows = &mut rows.floats_mut()[..order.total() * width];
    let blocks = rows.chunks_mut(BLOCK_ROWS * width).enumerate().collect();
    threads::for_each(blocks, |(block, rows): (usize, &mut [f32])| {
        for (i, row) in rows.chunks_exact_mut(width).enumerate() {
            let from = order.place(block * BLOCK_ROWS + i);
            row[hidden..][..inputs].copy_from_slice(&x[from * inputs..][..inputs]);
        }
    });
    for (row, h) in rows.chunks_exact_mut(width).zip(h.chunks_exact(hidden)).take(order.active(0)) {
        row[..hidden].copy_from_slice(h);
    }
}

#[track_caller]
pub(super) fn check_states(cell: Cell, [h, c]: [Option<&[f32]>; 2], len: usize) {
    for state in [h, c].into_iter().flatten() {
        assert_eq!(state.len(), len, "recurrent: states are [B, H]");
    }
    assert!(c.is_none() || cell == Cell::Lstm, "recurrent: {cell:?} has no cell states");
}

/// A forward recurrence.
pub(super) struct Run<'a> {
    pub(super) inputs: usize,
    /// Inputs whose product is part of it; without them their share already stands in the gates.
    pub(super) inner: usize,
    pub(super) hidden: usize,
    /// weight_ih and weight_hh, unless the panels hold them already.
    pub(super) weights: Option<[&'a [f32]; 2]>,
    pub(super) level: Level,
    pub(super) y: Shared,
}

pub(super) fn recur<C: Pointwise>(cell: C, run: Run, workspace: &mut Workspace, panels: Shared) {
    let Run { inputs, inner, hidden, weights, level, y } = run;
    let order = &workspace.order;
    let (split, members) = split(order, C::GATES, hidden, threads::count());
    let pass = Pass {
        cell,
        hidden,
        order,
        split,
        panels,
        gates: workspace.gates.shared(),
        gate_len: gate_len(C::GATES, hidden),
        rows: workspace.rows.shared(),
        row_len: row_len(inputs, hidden),
        memory: workspace.memory.shared(),
    };
    let (bias, last) = (workspace.bias.shared(), workspace.last.shared());
    threads::team(members, |member| {
        simd::dispatch_at(level, ForwardShare { pass, member, weights, inner, bias, last, y });
    });
}

/// States in the order the rows are worked on, in front of `dst`.
pub(super) fn gather_states(order: &Order, src: Option<&[f32]>, width: usize, dst: &mut Buffer) {
    let dst = &mut dst.floats_mut()[..order.batch() * width];
    match src {
        Some(src) => {
            for (dst, &row) in dst.chunks_exact_mut(width).zip(order.rows()) {
                dst.copy_from_slice(&src[row * width..][..width]);
            }
        }
        None => dst.fill(0.0),
    }
}

/// Rows of `[B, H]` in the caller's order.
pub(super) fn scatter_states(order: &Order, src: &Buffer, width: usize, dst: Option<&mut [f32]>) {
    let Some(dst) = dst else { return };
    for (src, &row) in src.floats().chunks_exact(width).zip(order.rows()) {
        dst[row * width..][..width].copy_from_slice(src);
    }
}
