//! Forward in time.

use super::super::cell::{Finished, Forward, Pointwise, Recurrent};
use super::super::panels::{forward_panel, pack_forward, segments};
use super::super::product::{Few, Left, Sums, TOGETHER, multiply_all, together};
use super::super::share::{Share, Split, Task, by_one};
use super::super::wanted::Wanted;
use super::{Pass, load, store};
use crate::gemm::Shared;
use crate::simd::{Kernel, Simd};
use crate::threads::Member;
use std::mem::MaybeUninit;

/// Rows, or vectors of units of one row, whose first halves are computed before their second ones.
const BLOCK: usize = 4;

/// A vector of units of a row after the first half of its last phase.
#[derive(Clone, Copy)]
struct Half<H> {
    held: H,
    lanes: usize,
    /// Where the last gate goes, the state to go on with, and the output.
    gate: *mut f32,
    state: *mut f32,
    y: *mut f32,
}

/// Room for one.
type Waiting<H> = MaybeUninit<Half<H>>;

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
        let &Pass { hidden, order, split, panels: Shared(panels), .. } = &self.pass;
        let member = self.member;
        let width = self.inner + hidden;
        if let Some(weights) = self.weights {
            let groups = member.share(hidden.div_ceil(C::VECTORS * S::LANES));
            // SAFETY: each member packs its own groups, and nobody reads them before the barrier.
            unsafe { pack_forward::<S, C>(s, weights, (self.inner, hidden), groups, self.pass.panels) };
        }
        let share = Share::new::<S>(order, split, member, hidden, C::VECTORS);
        member.wait();
        let sums = [(); TOGETHER].map(|()| Sums::new());
        let mut block = [MaybeUninit::uninit(); BLOCK];
        let mut wanted = Wanted::new();
        let cut = by_one(order.batch(), C::GATES, hidden);
        for t in 0..order.steps() {
            for phase in 0..C::PHASES {
                let at_once = together(share.tiles(), order.active(t));
                for tasks in share.groups(at_once) {
                    let task = share.task::<S>(tasks.start);
                    let rows = task.running(order.active(t));
                    if rows == 0 {
                        continue;
                    }
                    // Of a few rows the processor finds what follows by itself.
                    if at_once == 1 {
                        self.want::<S>(task, rows, t, phase, &mut wanted);
                    }
                    let (mut skip, mut pair) = (0, 0);
                    for segment in segments::<C>(phase, self.inner) {
                        let k = segment.depth(hidden);
                        let side = self.left(task.row, rows, t, phase, segment.state);
                        let mut few = Few::new(k, side, cut);
                        for (i, sums) in tasks.clone().zip(&sums) {
                            let task = share.task::<S>(i);
                            let vectors = task.vectors * segment.gates.len();
                            let panel = forward_panel::<S, C>(width, hidden, phase, task.unit);
                            let panel = panels.wrapping_add(panel + skip * task.vectors * S::LANES);
                            let pair = (pair * task.vectors).div_ceil(2);
                            // SAFETY: what the step takes was written before the last barrier (or by this member).
                            unsafe {
                                if at_once > 1 {
                                    few.multiply(s, (panel, vectors), pair, sums, &mut wanted);
                                } else {
                                    multiply_all(s, k, side, (panel, vectors), pair, sums, &mut wanted);
                                }
                            }
                        }
                        // SAFETY: as above.
                        unsafe { few.finish(s) };
                        skip += k * segment.gates.len();
                        pair += segment.gates.len();
                    }
                    wanted.finish(s);
                    let computed = tasks.clone().map(|i| share.task::<S>(i)).zip(&sums);
                    self.pointwise::<S>(s, computed, rows, t, phase, &mut block);
                }
                if split == Split::Units {
                    member.wait();
                }
            }
        }
    }
}

impl<C: Pointwise> ForwardShare<'_, C> {
    /// What a segment of a phase of step `t` sums over, of some rows: the states, or the memory of an earlier phase, or the inputs.
    #[inline(always)]
    fn left(&self, row: usize, rows: usize, t: usize, phase: usize, state: bool) -> Left {
        let &Pass { hidden, order, row_len, memory: Shared(memory), .. } = &self.pass;
        let (a, row_len) = if phase == 0 || !state {
            (self.pass.state(t, row, if state { 0 } else { hidden }), row_len)
        } else {
            (memory.wrapping_add((order.memory(t + 1) + row) * hidden), hidden)
        };
        Left { a, row: row_len, step: 1, rows }
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
        block: &mut [Waiting<C::Held<S::F>>; BLOCK],
    ) {
        let &Pass { cell, hidden, order, gate_len, memory: Shared(memory), row_len, .. } = &self.pass;
        let (Shared(bias), Shared(last), Shared(y)) = (self.bias, self.last, self.y);
        let zero = s.splat(0.0);
        let is_last = phase + 1 == C::PHASES;
        let running = order.active(t + 1);
        let mut waiting = 0;
        for (task, sums) in tasks {
            let first = order.first(t) + task.row;
            for w in 0..task.vectors {
                let unit = task.unit + w * S::LANES;
                let lanes = (hidden - unit).min(S::LANES);
                let mut biases = [zero; 5];
                for (q, bias_q) in biases.iter_mut().enumerate().take(C::GATES + 1) {
                    // SAFETY: the bias has as many parts as that, each of all units.
                    *bias_q = unsafe { load(s, bias.add(q * hidden + unit), lanes) };
                }
                // The places of the first row; those of the others follow.
                let gate = self.pass.gate(first, 0, unit);
                let state = self.pass.state(t, task.row, unit);
                let next_state = self.pass.state(t + 1, task.row, unit);
                let before = memory.wrapping_add((order.memory(t) + task.row) * hidden + unit);
                let after = memory.wrapping_add((order.batch() + first) * hidden + unit);
                for i in 0..rows {
                    let gate = gate.wrapping_add(i * gate_len);
                    let mut v = Forward { gates: [zero; 4], h: zero, memory: zero };
                    let mut recurrent = Recurrent { sums: [zero; 4], bias: biases[C::GATES] };
                    // SAFETY: units and rows lie within the arrays and are this member's.
                    unsafe {
                        for q in 0..C::GATES {
                            if self.inner == 0 || !C::gates(phase).contains(&q) {
                                v.gates[q] = load(s, gate.wrapping_add(q * hidden), lanes);
                            }
                        }
                        if C::is_apart(phase) && self.inner > 0 {
                            let place = (C::gates(phase).len() * task.vectors).next_multiple_of(2) + w;
                            v.gates[C::GATES - 1] = s.load(sums.at::<S>(place, i));
                        }
                        for (n, q) in C::gates(phase).enumerate() {
                            v.gates[q] = s.add(v.gates[q], biases[q]);
                            recurrent.sums[q] = s.load(sums.at::<S>(n * task.vectors + w, i));
                        }
                        v.h = load(s, state.wrapping_add(i * row_len), lanes);
                        if C::CARRIED {
                            v.memory = load(s, before.wrapping_add(i * hidden), lanes);
                        }
                    }
                    let held = cell.forward(s, phase, recurrent, &mut v);
                    // SAFETY: as above.
                    unsafe {
                        for q in C::gates(phase) {
                            if !C::LATE || q + 1 < C::GATES {
                                store(s, gate.wrapping_add(q * hidden), lanes, v.gates[q]);
                            }
                        }
                        if C::MEMORY && phase == 0 {
                            store(s, after.wrapping_add(i * hidden), lanes, v.memory);
                        }
                    }
                    if !is_last {
                        continue;
                    }
                    let place = task.row + i;
                    let state = if place < running {
                        next_state.wrapping_add(i * row_len)
                    } else {
                        last.wrapping_add(place * hidden + unit)
                    };
                    let y = y.wrapping_add(order.place(first + i) * hidden + unit);
                    let gate = gate.wrapping_add((C::GATES - 1) * hidden);
                    block[waiting] = MaybeUninit::new(Half { held, lanes, gate, state, y });
                    waiting += 1;
                    if waiting == BLOCK {
                        // SAFETY: all halves have been written; units and rows lie within the arrays and are this member's.
                        unsafe { Self::finish::<S>(cell, s, block) };
                        waiting = 0;
                    }
                }
            }
        }
        // SAFETY: so many halves have been written; units and rows lie within the arrays and are this member's.
        unsafe { Self::finish::<S>(cell, s, &block[..waiting]) };
    }

    /// The second halves, and what they leave.
    ///
    /// # Safety
    /// The halves must have been written, and their places be this member's.
    #[inline(always)]
    unsafe fn finish<S: Simd>(cell: C, s: S, block: &[Waiting<C::Held<S::F>>]) {
        for half in block {
            // SAFETY: the caller's contract.
            unsafe {
                let Half { held, lanes, gate, state, y } = half.assume_init();
                let Finished { h, gate: last_gate } = cell.finish(s, held);
                if C::LATE {
                    store(s, gate, lanes, last_gate);
                }
                store(s, state, lanes, h);
                store(s, y, lanes, h);
            }
        }
    }

    /// What the element-wise part of a task will read and write.
    #[inline(always)]
    fn want<S: Simd>(&self, task: Task, rows: usize, t: usize, phase: usize, wanted: &mut Wanted) {
        let &Pass { hidden, order, memory: Shared(memory), .. } = &self.pass;
        let running = order.active(t + 1);
        for place in task.row..task.row + rows {
            let row = order.first(t) + place;
            for w in 0..task.vectors {
                let unit = task.unit + w * S::LANES;
                for q in C::gates(phase) {
                    wanted.push(self.pass.gate(row, q, unit));
                }
                if C::MEMORY && phase == 0 {
                    wanted.push(memory.wrapping_add((order.batch() + row) * hidden + unit));
                }
                if phase + 1 == C::PHASES {
                    wanted.push(self.y.0.wrapping_add(order.place(row) * hidden + unit));
                    if place < running {
                        wanted.push(self.pass.state(t + 1, place, unit));
                    }
                }
            }
        }
    }
}
