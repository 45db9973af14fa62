use super::cell::Pointwise;
use super::forward::{check_states, gather_states, scatter_states};
use super::share::{pass_threads, split};
use super::steps::{BackwardShare, Pass};
use super::workspace::{gate_len, row_len};
use super::{Cell, Layer, Workspace, for_cell, panels};
use crate::dense;
use crate::gemm::gemm;
use crate::{Activation, MatMut, MatRef, scratch, simd, threads};

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

/// Gradients by backpropagation through time (Werbos 1990) after [`forward`](super::forward) with the same layer
/// and workspace, which keeps the sequences. A forward pass serves one backward pass: the gates turn into their gradients in place. Gradients
/// of gates and states below [`NEGLIGIBLE`](crate::math::vector::NEGLIGIBLE) count as zero.
///
/// # Panics
/// If a shape does not fit, or `workspace` holds no forward pass of this layer's shape.
#[track_caller]
pub fn backward(layer: &Layer, outputs: OutputGradients, gradients: Gradients, workspace: &mut Workspace) {
    layer.check();
    let (cell, hidden, inputs) = (layer.cell, layer.hidden, layer.inputs);
    let kept = workspace.kept.take();
    assert!(
        kept == Some((cell, inputs, hidden)),
        "recurrent backward: the workspace holds no forward pass of this layer"
    );
    let (steps, batch) = (workspace.order.steps(), workspace.order.batch());
    let rows = cell.gates() * hidden;
    check_states(cell, [outputs.dh, outputs.dc], batch * hidden);
    check_states(cell, [gradients.dh0.as_deref(), gradients.dc0.as_deref()], batch * hidden);
    for (name, have, need) in [
        ("dy is [T, B, H]", outputs.dy.map(<[f32]>::len), steps * batch * hidden),
        ("dx is [T, B, I]", gradients.dx.as_ref().map(|g| g.len()), steps * batch * inputs),
        ("weight_ih is [G·H, I]", gradients.weight_ih.as_ref().map(|g| g.len()), rows * inputs),
        ("weight_hh is [G·H, H]", gradients.weight_hh.as_ref().map(|g| g.len()), rows * hidden),
        ("bias_ih is [G·H]", gradients.bias_ih.as_ref().map(|g| g.len()), rows),
        ("bias_hh is [G·H]", gradients.bias_hh.as_ref().map(|g| g.len()), rows),
    ] {
        assert!(have.is_none_or(|have| have == need), "recurrent backward: {name}");
    }
    let threads = pass_threads(&workspace.order, cell.gates(), hidden, inputs);
    threads::with_limit(threads, || pass(layer, outputs, gradients, workspace));
}

/// The backward pass over the sequences that the workspace keeps.
fn pass(layer: &Layer, outputs: OutputGradients, mut gradients: Gradients, workspace: &mut Workspace) {
    let Layer { cell, inputs, hidden, .. } = *layer;
    let batch = workspace.order.batch();
    for buffer in [&mut workspace.dh, &mut workspace.dmemory] {
        buffer.need(batch * hidden);
    }
    workspace.panels.need(panels::panels_len(cell.gates(), hidden, hidden));
    let order = &workspace.order;
    gather_states(order, outputs.dh, hidden, &mut workspace.dh);
    gather_states(order, outputs.dc, hidden, &mut workspace.dmemory);
    for_cell!(cell, recur(_, (inputs, hidden), layer.weight_hh, outputs.dy, workspace));
    let order = &workspace.order;
    scatter_states(order, &workspace.dh, hidden, gradients.dh0.take());
    scatter_states(order, &workspace.dmemory, hidden, gradients.dc0.take());

    weights(layer, gradients, workspace);
}

fn recur<C: Pointwise>(
    cell: C,
    (inputs, hidden): (usize, usize),
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
        panels: workspace.panels.shared(),
        gates: workspace.gates.shared(),
        gate_len: gate_len(C::GATES, hidden),
        rows: workspace.rows.shared(),
        row_len: row_len(inputs, hidden),
        memory: workspace.memory.shared(),
    };
    let (dh, dmemory) = (workspace.dh.shared(), workspace.dmemory.shared());
    let operands = [first.shared(), second.shared()];
    let level = simd::level();
    threads::team(members, |member| {
        simd::dispatch_at(level, BackwardShare { pass, member, weight, dy, dh, dmemory, operands });
    });
}

/// `dx`, and the gradients of weights and biases as products over all rows of all steps.
fn weights(layer: &Layer, gradients: Gradients, workspace: &mut Workspace) {
    let Layer { cell, inputs, hidden, .. } = *layer;
    let gate_rows = cell.gates() * hidden;
    let Workspace { order, gates, memory, bias, rows, dx: copy, .. } = workspace;
    let total = order.total();
    let Gradients { dx, weight_ih, weight_hh, bias_ih, bias_hh, accumulate, .. } = gradients;
    let (gates, gate_len) = (gates.floats(), gate_len(cell.gates(), hidden));
    // Columns from `first` on.
    let part = |data, first: usize, cols, width| {
        let data: &[f32] = if total > 0 { data } else { &[] };
        MatRef::with_strides(data.get(first..).unwrap_or_default(), total, cols, width, 1)
    };
    let da = part(gates, 0, gate_rows, gate_len);
    if let Some(dx) = dx {
        let weight = MatRef::new(layer.weight_ih, gate_rows, inputs);
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

    // The last gate's recurrent share: a gradient of its own (reset after) or an operand of its own (reset before).
    let after = cell == Cell::Gru { reset_before: false };
    let before = cell == Cell::Gru { reset_before: true };
    let first = if after || before { gate_rows - hidden } else { gate_rows };
    let (width, stride) = (hidden + inputs, row_len(inputs, hidden));
    let rows = rows.floats();
    let (h, x) = (part(rows, 0, hidden, stride), part(rows, hidden, inputs, stride));
    let kept = if after || before { &memory.floats()[order.batch() * hidden..] } else { &[] };
    let kept = part(kept, 0, if after || before { hidden } else { 0 }, hidden);
    let da_first = part(gates, 0, first, gate_len);
    let da_last = part(gates, first, gate_rows - first, gate_len);
    match (weight_ih, weight_hh) {
        // Worth the copy of the result where the sum is longer than the result is wide.
        (Some(dw_ih), Some(dw_hh)) if total > width && inputs > 0 => {
            let (ih, ih_last) = dw_ih.split_at_mut(first * inputs);
            let (hh, hh_last) = dw_hh.split_at_mut(first * hidden);
            both(da_first, part(rows, 0, width, stride), ih, hh, accumulate);
            if first < gate_rows {
                gemm(da_last.t(), x, MatMut::new(ih_last, hidden, inputs), accumulate);
                recurrent_last(after, da_last, kept, h, MatMut::new(hh_last, hidden, hidden), accumulate);
            }
        }
        (dw_ih, dw_hh) => {
            if let Some(dw) = dw_ih {
                gemm(da.t(), x, MatMut::new(dw, gate_rows, inputs), accumulate);
            }
            if let Some(dw) = dw_hh {
                let (hh, last) = dw.split_at_mut(first * hidden);
                gemm(da_first.t(), h, MatMut::new(hh, first, hidden), accumulate);
                if first < gate_rows {
                    recurrent_last(after, da_last, kept, h, MatMut::new(last, hidden, hidden), accumulate);
                }
            }
        }
    }

    let (db, db_last) = bias.floats_mut().split_at_mut(gate_rows);
    let db_last = &mut db_last[..hidden];
    if bias_ih.is_some() || bias_hh.is_some() {
        sum_rows(da, db);
    }
    if after && bias_hh.is_some() {
        sum_rows(kept, db_last);
    }
    put(bias_ih, db.iter(), accumulate);
    if after {
        put(bias_hh, db[..first].iter().chain(&*db_last), accumulate);
    } else {
        put(bias_hh, db.iter(), accumulate);
    }
}

/// Gradient of the last gate's recurrent weight where a reset gate is involved.
fn recurrent_last(after: bool, da: MatRef, kept: MatRef, h: MatRef, dw: MatMut, accumulate: bool) {
    let (da, operand) = if after { (kept, h) } else { (da, kept) };
    gemm(da.t(), operand, dw, accumulate);
}

/// Rows of weights copied at a time.
const BLOCK_ROWS: usize = 64;

/// `dW_ih` and `dW_hh` as one product with `[h x]`, so that `da` is packed once.
fn both(da: MatRef, rows: MatRef, ih: &mut [f32], hh: &mut [f32], accumulate: bool) {
    let (outputs, width) = (da.cols(), rows.cols());
    let (inputs, hidden) = (ih.len() / outputs, hh.len() / outputs);
    scratch::with(outputs * width, |dw| {
        gemm(da.t(), rows, MatMut::new(dw, outputs, width), false);
        let blocks = ih.chunks_mut(BLOCK_ROWS * inputs).zip(hh.chunks_mut(BLOCK_ROWS * hidden));
        let blocks = blocks.zip(dw.chunks(BLOCK_ROWS * width)).collect();
        threads::for_each(blocks, |((ih, hh), dw): ((&mut [f32], &mut [f32]), &[f32])| {
            let rows = ih.chunks_exact_mut(inputs).zip(hh.chunks_exact_mut(hidden));
            for ((ih, hh), dw) in rows.zip(dw.chunks_exact(width)) {
                put(Some(hh), dw[..hidden].iter(), accumulate);
                put(Some(ih), dw[hidden..].iter(), accumulate);
            }
        });
    });
}

/// `db = Σ_rows da`
fn sum_rows(da: MatRef, db: &mut [f32]) {
    let gradients = dense::Gradients { db: Some(db), ..dense::Gradients::default() };
    let (x, weight) = (MatRef::new(&[], da.rows(), 0), MatRef::new(&[], da.cols(), 0));
    dense::backward(x, weight, Activation::Identity, da, da, gradients);
}

/// Writes or adds.
fn put<'a>(dst: Option<&mut [f32]>, src: impl Iterator<Item = &'a f32>, accumulate: bool) {
    let Some(dst) = dst else { return };
    for (dst, &src) in dst.iter_mut().zip(src) {
        *dst = if accumulate { *dst + src } else { src };
    }
}
