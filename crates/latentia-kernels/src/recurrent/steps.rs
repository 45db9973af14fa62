//! The loops over time: products of the recurrent weights, the element-wise part while the sums are in the nearest cache,
//! the operand of the next product packed by whoever computed it.

use super::cell::{Backward, Forward, Pointwise};
use super::order::Order;
use super::product::{
    Sums, backward_panel, forward_panel, multiply_all, pack_backward, pack_forward, pack_rows,
};
use super::share::{Share, Split, Task};
use crate::gemm::Shared;
use crate::simd::{Kernel, Simd};
use crate::threads::Member;

/// Rows whose first halves are computed before their second ones.
const BLOCK: usize = 4;

/// What the threads of one pass share. Elements of a unit and row are written by one member, and read by another only in
/// the packed operands, which a barrier separates.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a, C> {
    pub(super) cell: C,
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    pub(super) order: &'a Order,
    pub(super) split: Split,
    /// weight_hh, unless the panels hold it already.
    pub(super) weight: Option<&'a [f32]>,
    pub(super) panels: Shared,
    /// Packed operands of two products that follow each other.
    pub(super) operands: [Shared; 2],
    /// `[N, G·H]`, N the rows of all steps.
    pub(super) gates: Shared,
    /// `[N, I + H]`: inputs, and the states before each step.
    pub(super) rows: Shared,
    /// `[B + N, H]`, the initial ones first.
    pub(super) memory: Shared,
}

impl<C> Pass<'_, C> {
    /// Where the state of a row before step `t` lies.
    #[inline(always)]
    fn state(&self, t: usize, place: usize, unit: usize) -> *mut f32 {
        let row = self.order.first(t) + place;
        self.rows.0.wrapping_add(row * (self.inputs + self.hidden) + self.inputs + unit)
    }
}

/// The forward pass of one member.
pub(super) struct ForwardShare<'a, C> {
    pub(super) pass: Pass<'a, C>,
    pub(super) member: Member<'a>,
    /// `[G·H]` of the input's share, then `[H]` of the recurrent share of the last gate.
    pub(super) bias: Shared,
    /// Last states `[B, H]`.
    pub(super) last: Shared,
    /// Outputs `[T·B, H]` in the caller's order.
    pub(super) y: Shared,
}

/// The backward pass of one member.
pub(super) struct BackwardShare<'a, C> {
    pub(super) pass: Pass<'a, C>,
    pub(super) member: Member<'a>,
    /// Gradients of the outputs `[T·B, H]` in the caller's order.
    pub(super) dy: Option<&'a [f32]>,
    /// `[B, H]`: in, gradients of the last states; out, of the initial ones. The memory's likewise.
    pub(super) dh: Shared,
    pub(super) dmemory: Shared,
}

#[inline(always)]
unsafe fn load<S: Simd>(s: S, p: *const f32, lanes: usize) -> S::F {
    // SAFETY: the caller's contract.
    unsafe { if lanes == S::LANES { s.load(p) } else { s.load_partial(p, lanes) } }
}

#[inline(always)]
unsafe fn store<S: Simd>(s: S, p: *mut f32, lanes: usize, v: S::F) {
    // SAFETY: the caller's contract.
    unsafe { if lanes == S::LANES { s.store(p, v) } else { s.store_partial(p, lanes, v) } }
}

impl<C: Pointwise> Kernel for ForwardShare<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let &Pass { hidden, order, split, operands, panels: Shared(panels), .. } = &self.pass;
        let member = self.member;
        if let Some(weight) = self.pass.weight {
            let groups = member.share(hidden.div_ceil(C::VECTORS * S::LANES));
            // SAFETY: each member packs its own groups, and nobody reads them before the barrier.
            unsafe { pack_forward::<S, C>(s, weight, hidden, groups, self.pass.panels) };
        }
        let share = Share::new::<S>(order, split, member, hidden, C::VECTORS);
        for i in share.tasks() {
            self.pack::<S>(s, share.task::<S>(i), 0, 0, operands[0]);
        }
        member.wait();
        let mut sums = Sums::new();
        for t in 0..order.steps() {
            for phase in 0..C::PHASES {
                let stage = t * C::PHASES + phase;
                let Shared(operand) = operands[stage % 2];
                let (next_t, next_phase) = ((stage + 1) / C::PHASES, (stage + 1) % C::PHASES);
                for i in share.tasks() {
                    let task = share.task::<S>(i);
                    let rows = task.running(order.active(t));
                    if rows == 0 {
                        continue;
                    }
                    let panel = panels.wrapping_add(forward_panel::<S, C>(hidden, phase, task.unit));
                    let vectors = task.vectors * C::gates(phase).len();
                    let a = (operand.wrapping_add(task.row * hidden).cast_const(), task.height, rows);
                    self.prefetch::<S>(s, task, rows, t, phase);
                    // SAFETY: the operand of this stage was packed before the last barrier (or by this member).
                    unsafe { multiply_all(s, hidden, a, (panel, vectors), &mut sums) };
                    for w in 0..task.vectors {
                        self.pointwise::<S>(s, task, rows, w, t, phase, &sums);
                    }
                    self.pack::<S>(s, task, next_t, next_phase, operands[(stage + 1) % 2]);
                }
                if split == Split::Units {
                    member.wait();
                }
            }
        }
    }
}

impl<C: Pointwise> ForwardShare<'_, C> {
    /// Packs a task's part of the operand of a product.
    #[inline(always)]
    fn pack<S: Simd>(&self, s: S, task: Task, t: usize, phase: usize, Shared(operand): Shared) {
        let &Pass { inputs, hidden, order, memory: Shared(memory), .. } = &self.pass;
        let rows = task.running(order.active(t));
        if rows == 0 {
            return;
        }
        let (src, stride) = if phase == 0 {
            (self.pass.state(t, task.row, task.unit), inputs + hidden)
        } else {
            (memory.wrapping_add((order.memory(t + 1) + task.row) * hidden + task.unit), hidden)
        };
        let units = (hidden - task.unit).min(task.vectors * S::LANES);
        let dst = operand.wrapping_add(task.row * hidden + task.unit * task.height);
        // SAFETY: the rows lie within the arrays; the units of these rows are this member's.
        unsafe { pack_rows(s, src, stride, rows, units, dst, task.height) };
    }

    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn pointwise<S: Simd>(
        &self,
        s: S,
        task: Task,
        rows: usize,
        w: usize,
        t: usize,
        phase: usize,
        sums: &Sums,
    ) {
        let &Pass { cell, hidden, order, gates: Shared(gates), memory: Shared(memory), .. } = &self.pass;
        let (Shared(bias), Shared(last), Shared(y)) = (self.bias, self.last, self.y);
        let unit = task.unit + w * S::LANES;
        let lanes = (hidden - unit).min(S::LANES);
        let zero = s.splat(0.0);
        let gate = |row: usize, q: usize| gates.wrapping_add((row * C::GATES + q) * hidden + unit);
        let running = order.active(t + 1);
        // SAFETY: units and rows lie within the arrays and are this member's.
        unsafe {
            let mut biases = [zero; 5];
            for (q, bias_q) in biases.iter_mut().enumerate().take(C::GATES + 1) {
                *bias_q = load(s, bias.add(q * hidden + unit), lanes);
            }
            let empty =
                Forward { gates: [zero; 4], sums: [zero; 4], h: zero, memory: zero, bias: biases[C::GATES] };
            let mut block = [empty; BLOCK];
            for first in (0..rows).step_by(BLOCK) {
                let block = &mut block[..(rows - first).min(BLOCK)];
                for (i, v) in block.iter_mut().enumerate() {
                    let place = task.row + first + i;
                    let row = order.first(t) + place;
                    for q in 0..C::GATES {
                        v.gates[q] = load(s, gate(row, q), lanes);
                    }
                    for (n, q) in C::gates(phase).enumerate() {
                        v.gates[q] = s.add(v.gates[q], biases[q]);
                        v.sums[q] = s.load(sums.at::<S>(n * task.vectors + w, first + i));
                    }
                    v.h = load(s, self.pass.state(t, place, unit), lanes);
                    if C::CARRIED {
                        v.memory = load(s, memory.add((order.memory(t) + place) * hidden + unit), lanes);
                    }
                    cell.forward(s, phase, v);
                }
                for (i, v) in block.iter_mut().enumerate() {
                    let place = task.row + first + i;
                    let row = order.first(t) + place;
                    cell.finish(s, phase, v);
                    for q in C::gates(phase) {
                        store(s, gate(row, q), lanes, v.gates[q]);
                    }
                    if C::MEMORY && phase == 0 {
                        store(s, memory.add((order.batch() + row) * hidden + unit), lanes, v.memory);
                    }
                    if phase + 1 == C::PHASES {
                        let after = if place < running {
                            self.pass.state(t + 1, place, unit)
                        } else {
                            last.add(place * hidden + unit)
                        };
                        store(s, after, lanes, v.h);
                        store(s, y.add(order.place(row) * hidden + unit), lanes, v.h);
                    }
                }
            }
        }
    }

    /// Asks for what the element-wise part of a task will read, to arrive during its product.
    #[inline(always)]
    fn prefetch<S: Simd>(&self, s: S, task: Task, rows: usize, t: usize, phase: usize) {
        let &Pass { hidden, order, gates: Shared(gates), .. } = &self.pass;
        for row in order.first(t) + task.row..order.first(t) + task.row + rows {
            for q in C::gates(phase) {
                for w in 0..task.vectors {
                    s.prefetch(gates.wrapping_add((row * C::GATES + q) * hidden + task.unit + w * S::LANES));
                }
            }
        }
    }
}

/// Vectors of units a task of the backward pass has: one pair, the register tile's width.
const PAIR: usize = 2;

impl<C: Pointwise> Kernel for BackwardShare<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let &Pass { hidden, order, split, operands, panels: Shared(panels), .. } = &self.pass;
        let member = self.member;
        if let Some(weight) = self.pass.weight {
            let columns = member.share(hidden.div_ceil(PAIR * S::LANES));
            // SAFETY: each member packs its own panels, and nobody reads them before the barrier.
            unsafe { pack_backward::<S, C>(s, weight, hidden, columns, self.pass.panels) };
        }
        let share = Share::new::<S>(order, split, member, hidden, PAIR);
        member.wait();
        let mut sums = Sums::new();
        let mut stage = 0;
        // One more round than steps: the last one is the product that gives the gradient of the initial states.
        for left in (0..=order.steps()).rev() {
            for phase in 0..C::PHASES {
                let Shared(operand) = operands[stage % 2];
                let k = C::gates(phase).len() * hidden;
                // The operand of the first phase comes from the step after this one.
                let summed = if phase == 0 { order.active(left) } else { order.active(left - 1) };
                for i in share.tasks() {
                    let task = share.task::<S>(i);
                    let fed = task.running(summed);
                    if left > 0 {
                        self.prefetch::<S>(s, task, left - 1);
                    }
                    if fed > 0 {
                        let panel = panels.wrapping_add(backward_panel::<S, C>(hidden, phase, task.unit));
                        let a = (operand.wrapping_add(task.row * k).cast_const(), task.height, fed);
                        // SAFETY: the operand of this stage was packed before the last barrier (or by this member).
                        unsafe { multiply_all(s, k, a, (panel, task.vectors), &mut sums) };
                    }
                    for w in 0..task.vectors {
                        if left == 0 {
                            self.finish::<S>(s, task, fed, w, &sums);
                        } else {
                            self.pointwise::<S>(s, task, fed, w, left - 1, phase, &sums);
                        }
                    }
                    if left > 0 {
                        let next = operands[(stage + 1) % 2];
                        self.pack::<S>(s, task, left - 1, (phase + 1) % C::PHASES, next);
                    }
                }
                if left == 0 {
                    return;
                }
                if split == Split::Units {
                    member.wait();
                }
                stage += 1;
            }
        }
    }
}

impl<C: Pointwise> BackwardShare<'_, C> {
    /// Packs a task's part of the gradients of step `t` that product `phase` takes.
    #[inline(always)]
    fn pack<S: Simd>(&self, s: S, task: Task, t: usize, phase: usize, Shared(operand): Shared) {
        let &Pass { hidden, order, gates, memory, .. } = &self.pass;
        let rows = task.running(order.active(t));
        if rows == 0 {
            return;
        }
        let units = (hidden - task.unit).min(task.vectors * S::LANES);
        let range = C::gates(phase);
        for q in range.clone() {
            let (Shared(from), row, width, gate) = if C::SPLIT_GATE && q + 1 == C::GATES {
                (memory, order.batch() + order.first(t), hidden, 0)
            } else {
                (gates, order.first(t), C::GATES * hidden, q * hidden)
            };
            let src = from.wrapping_add((row + task.row) * width + gate + task.unit);
            let place = (q - range.start) * hidden + task.unit;
            let dst = operand.wrapping_add(task.row * range.len() * hidden + place * task.height);
            // SAFETY: the rows lie within the arrays; the units of these rows are this member's.
            unsafe { pack_rows(s, src, width, rows, units, dst, task.height) };
        }
    }

    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn pointwise<S: Simd>(
        &self,
        s: S,
        task: Task,
        fed: usize,
        w: usize,
        t: usize,
        phase: usize,
        sums: &Sums,
    ) {
        let &Pass { cell, hidden, order, gates: Shared(gates), memory: Shared(memory), .. } = &self.pass;
        let unit = task.unit + w * S::LANES;
        let lanes = (hidden - unit).min(S::LANES);
        let zero = s.splat(0.0);
        for i in 0..task.running(order.active(t)) {
            let row = order.first(t) + task.row + i;
            let gate = gates.wrapping_add(row * C::GATES * hidden + unit);
            let before = (order.memory(t) + task.row + i) * hidden + unit;
            let after = (order.batch() + row) * hidden + unit;
            let carry = self.dh.0.wrapping_add((task.row + i) * hidden + unit);
            let dmemory = self.dmemory.0.wrapping_add((task.row + i) * hidden + unit);
            // SAFETY: units and rows lie within the arrays and are this member's.
            unsafe {
                let mut v = Backward {
                    gates: [zero; 4],
                    sum: if i < fed { s.load(sums.at::<S>(w, i)) } else { zero },
                    carry: load(s, carry, lanes),
                    dy: zero,
                    h: load(s, self.pass.state(t, task.row + i, unit), lanes),
                    memory: zero,
                    before: zero,
                    dmemory: zero,
                };
                if let (0, Some(dy)) = (phase, self.dy) {
                    v.dy = load(s, dy.as_ptr().wrapping_add(order.place(row) * hidden + unit), lanes);
                }
                for q in 0..C::GATES {
                    v.gates[q] = load(s, gate.wrapping_add(q * hidden), lanes);
                }
                if C::MEMORY {
                    v.memory = load(s, memory.wrapping_add(after), lanes);
                }
                if C::CARRIED {
                    v.before = load(s, memory.wrapping_add(before), lanes);
                    v.dmemory = load(s, dmemory, lanes);
                }
                cell.backward(s, phase, &mut v);
                for q in 0..C::GATES {
                    store(s, gate.wrapping_add(q * hidden), lanes, v.gates[q]);
                }
                if C::SPLIT_GATE {
                    store(s, memory.wrapping_add(after), lanes, v.memory);
                }
                if C::CARRIED {
                    store(s, dmemory, lanes, v.dmemory);
                }
                store(s, carry, lanes, v.carry);
            }
        }
    }

    /// Asks for what the element-wise part of a task will read, to arrive during its product.
    #[inline(always)]
    fn prefetch<S: Simd>(&self, s: S, task: Task, t: usize) {
        let &Pass { hidden, order, gates: Shared(gates), memory: Shared(memory), .. } = &self.pass;
        let rows = task.running(order.active(t));
        for i in 0..rows {
            let row = order.first(t) + task.row + i;
            for w in 0..task.vectors {
                let unit = task.unit + w * S::LANES;
                for q in 0..C::GATES {
                    s.prefetch(gates.wrapping_add((row * C::GATES + q) * hidden + unit));
                }
                if C::MEMORY {
                    s.prefetch(memory.wrapping_add((order.batch() + row) * hidden + unit));
                }
                if let Some(dy) = self.dy {
                    s.prefetch(dy.as_ptr().wrapping_add(order.place(row) * hidden + unit));
                }
            }
        }
    }

    /// Adds the last product to the gradient of the initial states.
    #[inline(always)]
    fn finish<S: Simd>(&self, s: S, task: Task, fed: usize, w: usize, sums: &Sums) {
        let hidden = self.pass.hidden;
        let unit = task.unit + w * S::LANES;
        let lanes = (hidden - unit).min(S::LANES);
        for i in 0..fed {
            let dh = self.dh.0.wrapping_add((task.row + i) * hidden + unit);
            // SAFETY: units and rows lie within the array and are this member's.
            unsafe { store(s, dh, lanes, s.add(load(s, dh, lanes), s.load(sums.at::<S>(w, i)))) };
        }
    }
}
