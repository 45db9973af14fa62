use super::cell::Pointwise;
use super::forward::{check_states, gather_states, in_order};
use super::order::Order;
use super::share::split;
use super::steps::{BackwardShare, Pass};
use super::workspace::Buffer;
use super::{Cell, Layer, Sequences, Workspace, for_cell, product};
use crate::dense;
use crate::gemm::gemm;
use crate::{Activation, MatMut, MatRef, simd, threads};

/// Gradients of what [`forward`](super::forward) gave; zeros where there are none.
#[derive(Clone, Copy, Default)]
pub struct OutputGradients<'a> {
    /// Of y, `[T, B, H]`; what it holds past a row's end is not read.
    pub dy: Option<&'a [f32]>,
    /// Of the last states, `[B, H]`.
    pub dh: Option<&'a [f32]>,
    /// Of the LSTM's last cell states, `[B, H]`.
    pub dc: Option<&'a [f32]>,
}

/// Where [`backward`] writes; what is `None` is not computed.
#[derive(Default)]
pub struct Gradients<'a> {
    /// `[T, B, I]`, overwritten; zero past a row's end.
    pub dx: Option<&'a mut [f32]>,
    /// Of the initial states, `[B, H]`, overwritten.
    pub dh0: Option<&'a mut [f32]>,
    /// Of the LSTM's initial cell states, `[B, H]`, overwritten.
    pub dc0: Option<&'a mut [f32]>,
    /// `[G·H, I]`
    pub weight_ih: Option<&'a mut [f32]>,
    /// `[G·H, H]`
    pub weight_hh: Option<&'a mut [f32]>,
    /// `[G·H]`
    pub bias_ih: Option<&'a mut [f32]>,
    /// `[G·H]`
    pub bias_hh: Option<&'a mut [f32]>,
    /// Add to the gradients of weights and biases instead of overwriting them.
    pub accumulate: bool,
}

/// Gradients by backpropagation through time (Werbos 1990) after [`forward`](super::forward) with the same layer,
/// sequences and workspace. A forward pass serves one backward pass: the gates turn into their gradients in place.
///
/// # Panics
/// If a shape does not fit, or `workspace` does not hold a forward pass of this shape.
#[track_caller]
pub fn backward(
    layer: &Layer,
    sequences: Sequences,
    outputs: OutputGradients,
    mut gradients: Gradients,
    workspace: &mut Workspace,
) {
    layer.check();
    let Sequences { x, steps, batch, .. } = sequences;
    let (cell, hidden, inputs) = (layer.cell, layer.hidden, layer.inputs);
    let kept = workspace.kept.take();
    assert!(
        kept == Some((cell, inputs, hidden))
            && (workspace.order.steps(), workspace.order.batch()) == (steps, batch),
        "recurrent backward: the workspace holds no forward pass of this shape"
    );
    let rows = cell.gates() * hidden;
    check_states(cell, [outputs.dh, outputs.dc], batch * hidden);
    check_states(cell, [gradients.dh0.as_deref(), gradients.dc0.as_deref()], batch * hidden);
    for (name, have, need) in [
        ("x is [T, B, I]", Some(x.len()), steps * batch * inputs),
        ("dy is [T, B, H]", outputs.dy.map(<[f32]>::len), steps * batch * hidden),
        ("dx is [T, B, I]", gradients.dx.as_ref().map(|g| g.len()), steps * batch * inputs),
        ("weight_ih is [G·H, I]", gradients.weight_ih.as_ref().map(|g| g.len()), rows * inputs),
        ("weight_hh is [G·H, H]", gradients.weight_hh.as_ref().map(|g| g.len()), rows * hidden),
        ("bias_ih is [G·H]", gradients.bias_ih.as_ref().map(|g| g.len()), rows),
        ("bias_hh is [G·H]", gradients.bias_hh.as_ref().map(|g| g.len()), rows),
    ] {
        assert!(have.is_none_or(|have| have == need), "recurrent backward: {name}");
    }

    for buffer in [&mut workspace.dh, &mut workspace.dmemory] {
        buffer.need(batch * hidden);
    }
    workspace.panels.need(product::panels_len(cell.gates(), hidden));
    let order = &workspace.order;
    gather_states(order, outputs.dh, hidden, &mut workspace.dh);
    gather_states(order, outputs.dc, hidden, &mut workspace.dmemory);
    for_cell!(cell, recur(_, hidden, layer.weight_hh, outputs.dy, workspace));
    let order = &workspace.order;
    scatter_states(order, &workspace.dh, hidden, gradients.dh0.take());
    scatter_states(order, &workspace.dmemory, hidden, gradients.dc0.take());

    weights(layer, x, gradients, workspace);
}

fn recur<C: Pointwise>(
    cell: C,
    hidden: usize,
    weight: &[f32],
    dy: Option<&[f32]>,
    workspace: &mut Workspace,
) {
    let [first, second] = &mut workspace.operands;
    let order = &workspace.order;
    let (split, members) = split(order, C::GATES, hidden, threads::count());
    let pass = Pass {
        cell,
        hidden,
        order,
        split,
        weight: Some(weight),
        panels: workspace.panels.shared(),
        operands: [first.shared(), second.shared()],
        gates: workspace.gates.shared(),
        states: workspace.states.shared(),
        memory: workspace.memory.shared(),
    };
    let (dh, dmemory) = (workspace.dh.shared(), workspace.dmemory.shared());
    let level = simd::level();
    threads::team(members, |member| {
        simd::dispatch_at(level, BackwardShare { pass, member, dy, dh, dmemory });
    });
}

/// `dx`, and the gradients of weights and biases as products over all rows of all steps.
fn weights(layer: &Layer, x: &[f32], gradients: Gradients, workspace: &mut Workspace) {
    let Layer { cell, inputs, hidden, .. } = *layer;
    let rows = cell.gates() * hidden;
    let Workspace { order, gates, states, memory, bias, rows: copy, .. } = workspace;
    let total = order.total();
    let Gradients { dx, weight_ih, weight_hh, bias_ih, bias_hh, accumulate, .. } = gradients;
    let da = MatRef::new(gates.floats(), total, rows);

    // Of both biases where no reset gate stands between them.
    let db = &mut bias.floats_mut()[..rows + hidden];
    let (db, db_last) = db.split_at_mut(rows);
    if let Some(dx) = dx {
        let weight = MatRef::new(layer.weight_ih, rows, inputs);
        if order.is_plain() {
            gemm(da, weight, MatMut::new(dx, total, inputs), false);
        } else {
            copy.need(total * inputs);
            gemm(da, weight, MatMut::new(copy.floats_mut(), total, inputs), false);
            dx.fill(0.0);
            for (row, src) in copy.floats()[..total * inputs].chunks_exact(inputs.max(1)).enumerate() {
                dx[order.place(row) * inputs..][..inputs].copy_from_slice(src);
            }
        }
    }
    let input = in_order(order, x, inputs, copy);
    let input = MatRef::new(input, total, inputs);
    let dw = weight_ih.map(|dw| MatMut::new(dw, rows, inputs));
    let wanted = bias_ih.is_some() || bias_hh.is_some();
    linear(input, da, dw, wanted.then_some(&mut *db), accumulate);

    // The last gate's recurrent share: the gradient of its own (reset after) or the operand of its own (reset before).
    let after = cell == Cell::Gru { reset_before: false };
    let before = cell == Cell::Gru { reset_before: true };
    let first = if after || before { rows - hidden } else { rows };
    let previous = MatRef::new(states_before(order, states, hidden, copy), total, hidden);
    let kept = if after || before { &memory.floats()[order.batch() * hidden..] } else { &[] };
    let (mut dw, mut dw_last) = (None, None);
    if let Some(weight_hh) = weight_hh {
        let (most, last) = weight_hh.split_at_mut(first * hidden);
        dw = Some(MatMut::new(most, first, hidden));
        dw_last = (first < rows).then(|| MatMut::new(last, hidden, hidden));
    }
    linear(previous, MatRef::with_strides(gates.floats(), total, first, rows, 1), dw, None, accumulate);
    if after {
        let da = MatRef::new(kept, total, hidden);
        linear(previous, da, dw_last, bias_hh.is_some().then_some(&mut *db_last), accumulate);
    } else if before {
        let last = if total > 0 { &gates.floats()[first..] } else { &[] };
        let da = MatRef::with_strides(last, total, hidden, rows, 1);
        linear(MatRef::new(kept, total, hidden), da, dw_last, None, accumulate);
    }

    put(bias_ih, [db, &[]], accumulate);
    if after {
        put(bias_hh, [&db[..first], &db_last[..hidden]], accumulate);
    } else {
        put(bias_hh, [db, &[]], accumulate);
    }
}

/// `dW (+)= daᵀ x` and `db = Σ_rows da`.
fn linear(x: MatRef, da: MatRef, dw: Option<MatMut>, db: Option<&mut [f32]>, accumulate: bool) {
    if let Some(dw) = dw {
        gemm(da.t(), x, dw, accumulate);
    }
    if db.is_some() {
        let nothing = MatRef::new(&[], da.rows(), 0);
        let gradients = dense::Gradients { db, ..dense::Gradients::default() };
        dense::backward(nothing, MatRef::new(&[], da.cols(), 0), Activation::Identity, da, da, gradients);
    }
}

/// Writes or adds two consecutive parts.
fn put(dst: Option<&mut [f32]>, parts: [&[f32]; 2], accumulate: bool) {
    let Some(dst) = dst else { return };
    for (dst, &src) in dst.iter_mut().zip(parts.into_iter().flatten()) {
        *dst = if accumulate { *dst + src } else { src };
    }
}

/// The states before each step, `[N, H]`: where rows end early they do not lie together.
fn states_before<'a>(order: &Order, states: &'a Buffer, width: usize, copy: &'a mut Buffer) -> &'a [f32] {
    let (total, steps) = (order.total(), order.steps());
    if total == steps * order.batch() {
        return states.floats();
    }
    copy.need(total * width);
    let dst = copy.floats_mut();
    for t in 0..steps {
        let len = order.active(t) * width;
        dst[order.first(t) * width..][..len]
            .copy_from_slice(&states.floats()[order.states(t) * width..][..len]);
    }
    copy.floats()
}

/// Rows of `[B, H]` in the caller's order.
fn scatter_states(order: &Order, src: &Buffer, width: usize, dst: Option<&mut [f32]>) {
    let Some(dst) = dst else { return };
    for (src, &row) in src.floats().chunks_exact(width).zip(order.rows()) {
        dst[row * width..][..width].copy_from_slice(src);
    }
}
