use super::cell::Pointwise;
use super::order::Order;
use super::share::split;
use super::steps::{ForwardShare, Pass};
use super::workspace::Buffer;
use super::{Cell, Layer, Sequences, Workspace, for_cell, product};
use crate::gemm::{Epilogue, Shared, gemm_with};
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
    layer.check();
    let Sequences { x, steps, batch, lengths, reverse } = sequences;
    let (hidden, inputs, rows) = (layer.hidden, layer.inputs, layer.cell.gates() * layer.hidden);
    assert_eq!(x.len(), steps * batch * inputs, "recurrent: x is [T, B, I]");
    assert_eq!(y.len(), steps * batch * hidden, "recurrent: y is [T, B, H]");
    check_states(layer.cell, [initial.h, initial.c], batch * hidden);
    check_states(layer.cell, [last.h.as_deref(), last.c.as_deref()], batch * hidden);
    let order = &mut workspace.order;
    order.set(steps, batch, lengths, reverse);
    if order.total() < steps * batch {
        y.fill(0.0);
    }
    workspace.need(layer);
    workspace.panels.need(product::panels_len(layer.cell.gates(), hidden));
    let order = &workspace.order;
    gather_states(order, initial.h, hidden, &mut workspace.states);
    if layer.cell == Cell::Lstm {
        gather_states(order, initial.c, hidden, &mut workspace.memory);
    }

    layer.fill_bias(workspace.bias.floats_mut());
    let total = order.total();
    let input = in_order(order, x, inputs, &mut workspace.rows);
    let epilogue = Epilogue { bias: Some(&workspace.bias.floats()[..rows]), ..Epilogue::default() };
    let gates = MatMut::new(workspace.gates.floats_mut(), total, rows);
    let weight = MatRef::new(layer.weight_ih, rows, inputs);
    gemm_with(MatRef::new(input, total, inputs), weight.t(), gates, false, epilogue);

    let run = Run { hidden, weight: Some(layer.weight_hh), level: simd::level(), y: Shared(y.as_mut_ptr()) };
    let panels = workspace.panels.shared();
    for_cell!(layer.cell, recur(_, run, workspace, panels));

    let order = &workspace.order;
    scatter_last(order, &workspace.states, hidden, last.h);
    scatter_last(order, &workspace.memory, hidden, last.c);
    workspace.kept = Some((layer.cell, inputs, hidden));
}

#[track_caller]
pub(super) fn check_states(cell: Cell, [h, c]: [Option<&[f32]>; 2], len: usize) {
    for state in [h, c].into_iter().flatten() {
        assert_eq!(state.len(), len, "recurrent: states are [B, H]");
    }
    assert!(c.is_none() || cell == Cell::Lstm, "recurrent: {cell:?} has no cell states");
}

/// A forward recurrence whose input share already stands in the gates.
pub(super) struct Run<'a> {
    pub(super) hidden: usize,
    pub(super) weight: Option<&'a [f32]>,
    pub(super) level: Level,
    pub(super) y: Shared,
}

pub(super) fn recur<C: Pointwise>(cell: C, run: Run, workspace: &mut Workspace, panels: Shared) {
    let Run { hidden, weight, level, y } = run;
    let [first, second] = &mut workspace.operands;
    let order = &workspace.order;
    let (split, members) = split(order, C::GATES, hidden, threads::count());
    let pass = Pass {
        cell,
        hidden,
        order,
        split,
        weight,
        panels,
        operands: [first.shared(), second.shared()],
        gates: workspace.gates.shared(),
        states: workspace.states.shared(),
        memory: workspace.memory.shared(),
    };
    let bias = Shared(workspace.bias.floats_mut()[C::GATES * hidden..].as_mut_ptr());
    threads::team(members, |member| {
        simd::dispatch_at(level, ForwardShare { pass, member, bias, y });
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

/// The states after each row's last step, in the caller's order.
fn scatter_last(order: &Order, src: &Buffer, width: usize, dst: Option<&mut [f32]>) {
    let Some(dst) = dst else { return };
    for (place, &row) in order.rows().iter().enumerate() {
        let from = (order.states(order.length(place)) + place) * width;
        dst[row * width..][..width].copy_from_slice(&src.floats()[from..][..width]);
    }
}

/// Rows of `[T·B, width]` in the order they are worked on: as they are, or a copy.
pub(super) fn in_order<'a>(order: &Order, src: &'a [f32], width: usize, copy: &'a mut Buffer) -> &'a [f32] {
    if order.is_plain() {
        return src;
    }
    let len = order.total() * width;
    copy.need(len);
    let copy = &mut copy.floats_mut()[..len];
    for (row, dst) in copy.chunks_exact_mut(width.max(1)).enumerate() {
        dst.copy_from_slice(&src[order.place(row) * width..][..width]);
    }
    copy
}
