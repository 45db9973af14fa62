//! Backward in time.

use super::super::cell::{Backward, Pointwise};
use super::super::panels::{backward_panel, pack_backward};
use super::super::product::{Few, Left, Sums, TOGETHER, multiply_all, pack_rows, together};
use super::super::share::{Share, Split, Task, by_one};
use super::super::wanted::Wanted;
use super::{Pass, load, store};
use crate::gemm::Shared;
use crate::math::vector::gradient;
use crate::simd::{Kernel, Simd};
use crate::threads::Member;

/// The backward pass of one member.
pub(in super::super) struct BackwardShare<'a, C> {
    pub(in super::super) pass: Pass<'a, C>,
    pub(in super::super) member: Member<'a>,
    /// weight_hh
    pub(in super::super) weight: &'a [f32],
    /// Gradients of the outputs `[T·B, H]` in the caller's order.
    pub(in super::super) dy: Option<&'a [f32]>,
    /// `[B, H]`: in, gradients of the last states; out, of the initial ones. The memory's likewise.
    pub(in super::super) dh: Shared,
    pub(in super::super) dmemory: Shared,
    /// Where the last gate has two gradients, those that the product takes do not lie side by side and are packed: of two steps
    /// that follow each other.
    pub(in super::super) operands: [Shared; 2],
}

/// Vectors of units a task of the backward pass has: one pair, the register tile's width.
const PAIR: usize = 2;

impl<C: Pointwise> Kernel for BackwardShare<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let &Pass { hidden, order, split, gate_len, panels: Shared(panels), .. } = &self.pass;
        let member = self.member;
        let columns = member.share(hidden.div_ceil(PAIR * S::LANES));
        // SAFETY: each member packs its own panels, and nobody reads them before the barrier.
        unsafe { pack_backward::<S, C>(s, self.weight, hidden, columns, self.pass.panels) };
        let share = Share::new::<S>(order, split, member, hidden, PAIR);
        member.wait();
        let sums = [(); TOGETHER].map(|()| Sums::new());
        let cut = by_one(order.batch(), C::GATES, hidden);
        let mut wanted = Wanted::new();
        let mut stage = 0;
        // One more round than steps: the last one is the product that gives the gradient of the initial states.
        for left in (0..=order.steps()).rev() {
            for phase in 0..C::PHASES {
                let Shared(operand) = self.operands[stage % 2];
                let k = C::gates(phase).len() * hidden;
                // What the first phase sums over comes from the step after this one.
                let summed = if phase == 0 { order.active(left) } else { order.active(left - 1) };
                let at_once = together(share.tiles(), summed);
                for tasks in share.groups(at_once) {
                    let task = share.task::<S>(tasks.start);
                    let fed = task.running(summed);
                    // Of a few rows the processor finds what follows by itself.
                    if left > 0 && at_once == 1 {
                        self.want::<S>(task, left - 1, &mut wanted);
                    }
                    if fed > 0 {
                        let side = if C::SPLIT_GATE {
                            let a = operand.wrapping_add(task.row * k);
                            Left { a, row: 1, step: task.height, rows: fed }
                        } else {
                            let row = order.first(left - phase) + task.row;
                            let a = self.pass.gate(row, C::gates(phase).start, 0);
                            Left { a, row: gate_len, step: 1, rows: fed }
                        };
                        let mut few = Few::new(k, side, cut);
                        for (i, sums) in tasks.clone().zip(&sums) {
                            let task = share.task::<S>(i);
                            let panel = panels.wrapping_add(backward_panel::<S, C>(hidden, phase, task.unit));
                            // SAFETY: what the product takes was written before the last barrier (or by this member).
                            unsafe {
                                if at_once > 1 {
                                    few.multiply(s, (panel, task.vectors), 0, sums, &mut wanted);
                                } else {
                                    multiply_all(s, k, side, (panel, task.vectors), 0, sums, &mut wanted);
                                }
                            }
                        }
                        // SAFETY: as above.
                        unsafe { few.finish(s) };
                    }
                    wanted.finish(s);
                    for (i, sums) in tasks.zip(&sums) {
                        let task = share.task::<S>(i);
                        for w in 0..task.vectors {
                            if left == 0 {
                                self.finish::<S>(s, task, fed, w, sums);
                            } else {
                                self.pointwise::<S>(s, task, fed, w, left - 1, phase, sums);
                            }
                        }
                        if left > 0 && C::SPLIT_GATE {
                            let next = self.operands[(stage + 1) % 2];
                            self.pack::<S>(s, task, left - 1, next);
                        }
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
    /// Packs a task's part of the gradients of step `t` that the product takes: those of the gates but the last, and of the last
    /// gate's recurrent share.
    #[inline(always)]
    fn pack<S: Simd>(&self, s: S, task: Task, t: usize, Shared(operand): Shared) {
        let &Pass { hidden, order, gate_len, memory: Shared(memory), .. } = &self.pass;
        let rows = task.running(order.active(t));
        if rows == 0 {
            return;
        }
        let units = (hidden - task.unit).min(task.vectors * S::LANES);
        let first = order.first(t) + task.row;
        for q in 0..C::GATES {
            let (src, width) = if q + 1 == C::GATES {
                (memory.wrapping_add((order.batch() + first) * hidden + task.unit), hidden)
            } else {
                (self.pass.gate(first, q, task.unit), gate_len)
            };
            let place = q * hidden + task.unit;
            let dst = operand.wrapping_add(task.row * C::GATES * hidden + place * task.height);
            // SAFETY: the rows lie within the arrays; the units of these rows are this member's.
            unsafe { pack_rows(s, src, width, rows, units, dst, task.height) };
        }
    }

    #[inline(always)]
    #[allow(clippy::too_many_arguments, reason = "where in the sequence, and what is there")]
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
        let &Pass { cell, hidden, order, gate_len, memory: Shared(memory), row_len, .. } = &self.pass;
        let unit = task.unit + w * S::LANES;
        let lanes = (hidden - unit).min(S::LANES);
        let zero = s.splat(0.0);
        let first = order.first(t) + task.row;
        // The places of the first row; those of the others follow.
        let gate = self.pass.gate(first, 0, unit);
        let state = self.pass.state(t, task.row, unit);
        let before = memory.wrapping_add((order.memory(t) + task.row) * hidden + unit);
        let after = memory.wrapping_add((order.batch() + first) * hidden + unit);
        let carry = self.dh.0.wrapping_add(task.row * hidden + unit);
        let dmemory = self.dmemory.0.wrapping_add(task.row * hidden + unit);
        for i in 0..task.running(order.active(t)) {
            let gate = gate.wrapping_add(i * gate_len);
            let after = after.wrapping_add(i * hidden);
            let carry = carry.wrapping_add(i * hidden);
            let dmemory = dmemory.wrapping_add(i * hidden);
            // SAFETY: units and rows lie within the arrays and are this member's.
            unsafe {
                let mut v = Backward {
                    gates: [zero; 4],
                    sum: zero,
                    carry: zero,
                    dy: zero,
                    h: load(s, state.wrapping_add(i * row_len), lanes),
                    memory: zero,
                    before: zero,
                    dmemory: zero,
                };
                if i < fed {
                    v.sum = s.load(sums.at::<S>(w, i));
                } else if !C::CARRY {
                    // A row's last step: the gradient of the state that it left.
                    v.sum = load(s, carry, lanes);
                }
                if C::CARRY {
                    v.carry = load(s, carry, lanes);
                }
                if let (0, Some(dy)) = (phase, self.dy) {
                    let row = order.place(first + i);
                    v.dy = load(s, dy.as_ptr().wrapping_add(row * hidden + unit), lanes);
                }
                for q in 0..C::GATES {
                    v.gates[q] = load(s, gate.wrapping_add(q * hidden), lanes);
                }
                if C::MEMORY {
                    v.memory = load(s, after, lanes);
                }
                if C::CARRIED {
                    v.before = load(s, before.wrapping_add(i * hidden), lanes);
                    v.dmemory = load(s, dmemory, lanes);
                }
                cell.backward(s, phase, &mut v);
                // Gradients that vanish over many steps would pass through subnormal numbers on their way to zero.
                for q in C::given(phase) {
                    store(s, gate.wrapping_add(q * hidden), lanes, gradient(s, v.gates[q]));
                }
                if C::SPLIT_GATE {
                    store(s, after, lanes, gradient(s, v.memory));
                }
                if C::CARRIED {
                    store(s, dmemory, lanes, gradient(s, v.dmemory));
                }
                if C::CARRY {
                    store(s, carry, lanes, gradient(s, v.carry));
                }
            }
        }
    }

    /// What the element-wise part of a task will read.
    #[inline(always)]
    fn want<S: Simd>(&self, task: Task, t: usize, wanted: &mut Wanted) {
        let &Pass { hidden, order, memory: Shared(memory), .. } = &self.pass;
        let rows = task.running(order.active(t));
        for i in 0..rows {
            let row = order.first(t) + task.row + i;
            for w in 0..task.vectors {
                let unit = task.unit + w * S::LANES;
                for q in 0..C::GATES {
                    wanted.push(self.pass.gate(row, q, unit));
                }
                if C::CARRIED {
                    // What it leaves was read in the step after this one, as what was there before.
                    let before = order.memory(t) + task.row + i;
                    wanted.push(memory.wrapping_add(before * hidden + unit));
                } else if C::MEMORY {
                    wanted.push(memory.wrapping_add((order.batch() + row) * hidden + unit));
                    wanted.push(self.pass.state(t, task.row + i, unit));
                }
                if let Some(dy) = self.dy {
                    wanted.push(dy.as_ptr().wrapping_add(order.place(row) * hidden + unit));
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
            unsafe {
                let sum = s.load(sums.at::<S>(w, i));
                store(s, dh, lanes, if C::CARRY { s.add(load(s, dh, lanes), sum) } else { sum });
            }
        }
    }
}
