//! Forward in time.

use super::super::cell::{Forward, Pointwise, Recurrent};
use super::super::panels::{forward_panel, pack_forward, segments};
use super::super::product::{Few, Sums, TOGETHER, multiply_all, pack_rows, together};
use super::super::share::{Share, Split, Task, by_one};
use super::{Pass, load, store};
use crate::gemm::Shared;
use crate::simd::{Kernel, Simd};
use crate::threads::Member;
use std::ops::Range;

/// Rows, or vectors of units of one row, whose first halves are computed before their second ones.
const BLOCK: usize = 4;

/// A vector of units of a row after the first half of its step.
#[derive(Clone, Copy)]
struct Half<F> {
    v: Forward<F>,
    place: usize,
    unit: usize,
}

#[inline(always)]
fn empty_block<S: Simd>(s: S) -> [Half<S::F>; BLOCK] {
    let zero = s.splat(0.0);
    let v = Forward { gates: [zero; 4], h: zero, memory: zero };
    [Half { v, place: 0, unit: 0 }; BLOCK]
}

/// The forward pass of one member.
pub(in super::super) struct ForwardShare<'a, C> {
    pub(in super::super) pass: Pass<'a, C>,
    pub(in super::super) member: Member<'a>,
    /// weight_ih and weight_hh, unless the panels hold them already.
    pub(in super::super) weights: Option<[&'a [f32]; 2]>,
    /// Inputs whose product is part of the steps: all, or none where the gates hold it already.
    pub(in super::super) inner: usize,
    /// `[G·H]` of the input's share, then `[H]` of the recurrent share of the last gate.
    pub(in super::super) bias: Shared,
    /// Last states `[B, H]`.
    pub(in super::super) last: Shared,
    /// Outputs `[T·B, H]` in the caller's order.
    pub(in super::super) y: Shared,
}

impl<C: Pointwise> Kernel for ForwardShare<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let &Pass { hidden, order, split, operands, panels: Shared(panels), .. } = &self.pass;
        let member = self.member;
        let width = self.inner + hidden;
        if let Some(weights) = self.weights {
            let groups = member.share(hidden.div_ceil(C::VECTORS * S::LANES));
            // SAFETY: each member packs its own groups, and nobody reads them before the barrier.
            unsafe { pack_forward::<S, C>(s, weights, (self.inner, hidden), groups, self.pass.panels) };
        }
        let share = Share::new::<S>(order, split, member, hidden, C::VECTORS);
        let columns = share.columns::<S>(split, member, self.inner);
        self.pack_inputs::<S>(s, &share, columns.clone(), 0, operands[0]);
        for i in share.tasks() {
            self.pack::<S>(s, share.task::<S>(i), 0, 0, operands[0]);
        }
        member.wait();
        let sums = [(); TOGETHER].map(|()| Sums::new());
        let mut block = empty_block::<S>(s);
        let cut = by_one(order.batch(), C::GATES, hidden);
        for t in 0..order.steps() {
            for phase in 0..C::PHASES {
                let stage = t * C::PHASES + phase;
                let Shared(operand) = operands[stage % 2];
                let (next_t, next_phase) = ((stage + 1) / C::PHASES, (stage + 1) % C::PHASES);
                let next = operands[(stage + 1) % 2];
                let at_once = together(share.tiles(), order.active(t));
                for tasks in share.groups(at_once) {
                    let task = share.task::<S>(tasks.start);
                    let rows = task.running(order.active(t));
                    if rows == 0 {
                        continue;
                    }
                    for i in tasks.clone() {
                        self.prefetch::<S>(s, share.task::<S>(i), rows, t, phase);
                    }
                    let (mut skip, mut pair) = (0, 0);
                    for segment in segments::<C>(phase, self.inner, hidden) {
                        let k = segment.depth.len();
                        let a = operand.wrapping_add(task.row * width + segment.depth.start * task.height);
                        let a = (a.cast_const(), task.height, rows);
                        let mut few = Few::new(k, a, cut);
                        for (i, sums) in tasks.clone().zip(&sums) {
                            let task = share.task::<S>(i);
                            let vectors = task.vectors * segment.gates.len();
                            let panel = forward_panel::<S, C>(width, hidden, phase, task.unit);
                            let panel = panels.wrapping_add(panel + skip * task.vectors * S::LANES);
                            let pair = (pair * task.vectors).div_ceil(2);
                            // SAFETY: the operand of this stage was packed before the last barrier (or by this member).
                            unsafe {
                                if at_once > 1 {
                                    few.multiply(s, (panel, vectors), pair, sums);
                                } else {
                                    multiply_all(s, k, a, (panel, vectors), pair, sums);
                                }
                            }
                        }
                        // SAFETY: as above.
                        unsafe { few.finish(s) };
                        skip += k * segment.gates.len();
                        pair += segment.gates.len();
                    }
                    let computed = tasks.clone().map(|i| share.task::<S>(i)).zip(&sums);
                    self.pointwise::<S>(s, computed, rows, t, phase, &mut block);
                    for i in tasks {
                        self.pack::<S>(s, share.task::<S>(i), next_t, next_phase, next);
                    }
                }
                self.pack_inputs::<S>(s, &share, columns.clone(), next_t, next);
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
        let &Pass { hidden, order, row_len, memory: Shared(memory), .. } = &self.pass;
        let rows = task.running(order.active(t));
        if rows == 0 {
            return;
        }
        let (src, stride) = if phase == 0 {
            (self.pass.state(t, task.row, task.unit), row_len)
        } else {
            (memory.wrapping_add((order.memory(t + 1) + task.row) * hidden + task.unit), hidden)
        };
        let units = (hidden - task.unit).min(task.vectors * S::LANES);
        let place = task.row * (self.inner + hidden) + (self.inner + task.unit) * task.height;
        // SAFETY: the rows lie within the arrays; the units of these rows are this member's.
        unsafe { pack_rows(s, src, stride, rows, units, operand.wrapping_add(place), task.height) };
    }

    /// Packs this member's columns of the inputs of step `t`.
    #[inline(always)]
    fn pack_inputs<S: Simd>(
        &self,
        s: S,
        share: &Share,
        columns: Range<usize>,
        t: usize,
        Shared(operand): Shared,
    ) {
        let &Pass { hidden, order, row_len, rows: Shared(from), .. } = &self.pass;
        if columns.is_empty() {
            return;
        }
        for i in 0..share.tiles() {
            let (first, height) = share.tile::<S>(i);
            let rows = order.active(t).saturating_sub(first).min(height);
            if rows == 0 {
                return;
            }
            let src = from.wrapping_add((order.first(t) + first) * row_len + hidden + columns.start);
            let dst = operand.wrapping_add(first * (self.inner + hidden) + columns.start * height);
            // SAFETY: the rows lie within the arrays; these columns of the operand are this member's.
            unsafe { pack_rows(s, src, row_len, rows, columns.len(), dst, height) };
        }
    }

    /// The element-wise part of step `t` for `rows` rows of some tasks; `block` is room to work in.
    #[inline(always)]
    fn pointwise<'a, S: Simd>(
        &self,
        s: S,
        tasks: impl Iterator<Item = (Task, &'a Sums)>,
        rows: usize,
        t: usize,
        phase: usize,
        block: &mut [Half<S::F>; BLOCK],
    ) {
        let &Pass { cell, hidden, order, gates: Shared(gates), memory: Shared(memory), .. } = &self.pass;
        let Shared(bias) = self.bias;
        let zero = s.splat(0.0);
        let mut waiting = 0;
        for (task, sums) in tasks {
            for w in 0..task.vectors {
                let unit = task.unit + w * S::LANES;
                let lanes = (hidden - unit).min(S::LANES);
                let gate = |row: usize, q: usize| gates.wrapping_add((row * C::GATES + q) * hidden + unit);
                let mut biases = [zero; 5];
                for (q, bias_q) in biases.iter_mut().enumerate().take(C::GATES + 1) {
                    // SAFETY: the bias has as many parts as that, each of all units.
                    *bias_q = unsafe { load(s, bias.add(q * hidden + unit), lanes) };
                }
                for i in 0..rows {
                    let place = task.row + i;
                    let row = order.first(t) + place;
                    let mut v = Forward { gates: [zero; 4], h: zero, memory: zero };
                    let mut recurrent = Recurrent { sums: [zero; 4], bias: biases[C::GATES] };
                    // SAFETY: units and rows lie within the arrays and are this member's.
                    unsafe {
                        for q in 0..C::GATES {
                            if self.inner == 0 || !C::gates(phase).contains(&q) {
                                v.gates[q] = load(s, gate(row, q), lanes);
                            }
                        }
                        if C::SPLIT_GATE && self.inner > 0 {
                            let place = (C::GATES * task.vectors).next_multiple_of(2) + w;
                            v.gates[C::GATES - 1] = s.load(sums.at::<S>(place, i));
                        }
                        for (n, q) in C::gates(phase).enumerate() {
                            v.gates[q] = s.add(v.gates[q], biases[q]);
                            recurrent.sums[q] = s.load(sums.at::<S>(n * task.vectors + w, i));
                        }
                        v.h = load(s, self.pass.state(t, place, unit), lanes);
                        if C::CARRIED {
                            v.memory = load(s, memory.add((order.memory(t) + place) * hidden + unit), lanes);
                        }
                    }
                    cell.forward(s, phase, recurrent, &mut v);
                    block[waiting] = Half { v, place, unit };
                    waiting += 1;
                    if waiting == BLOCK {
                        self.finish::<S>(s, block, t, phase);
                        waiting = 0;
                    }
                }
            }
        }
        self.finish::<S>(s, &mut block[..waiting], t, phase);
    }

    /// The second halves, and what they leave.
    #[inline(always)]
    fn finish<S: Simd>(&self, s: S, block: &mut [Half<S::F>], t: usize, phase: usize) {
        let &Pass { cell, hidden, order, gates: Shared(gates), memory: Shared(memory), .. } = &self.pass;
        let (Shared(last), Shared(y)) = (self.last, self.y);
        let running = order.active(t + 1);
        for Half { v, place, unit } in block {
            let (place, unit) = (*place, *unit);
            let lanes = (hidden - unit).min(S::LANES);
            let row = order.first(t) + place;
            cell.finish(s, phase, v);
            // SAFETY: units and rows lie within the arrays and are this member's.
            unsafe {
                for q in C::gates(phase) {
                    let gate = gates.wrapping_add((row * C::GATES + q) * hidden + unit);
                    store(s, gate, lanes, v.gates[q]);
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

    /// Asks for what the element-wise part of a task will read and write, to arrive during its product.
    #[inline(always)]
    fn prefetch<S: Simd>(&self, s: S, task: Task, rows: usize, t: usize, phase: usize) {
        let &Pass { hidden, order, gates: Shared(gates), memory: Shared(memory), .. } = &self.pass;
        let running = order.active(t + 1);
        for place in task.row..task.row + rows {
            let row = order.first(t) + place;
            for w in 0..task.vectors {
                let unit = task.unit + w * S::LANES;
                if C::MEMORY && phase == 0 {
                    s.prefetch(memory.wrapping_add((order.batch() + row) * hidden + unit));
                }
                if phase + 1 == C::PHASES {
                    s.prefetch(self.y.0.wrapping_add(order.place(row) * hidden + unit));
                    if place < running {
                        s.prefetch(self.pass.state(t + 1, place, unit));
                    }
                }
            }
            for q in C::gates(phase) {
                for w in 0..task.vectors {
                    s.prefetch(gates.wrapping_add((row * C::GATES + q) * hidden + task.unit + w * S::LANES));
                }
            }
        }
    }
}
