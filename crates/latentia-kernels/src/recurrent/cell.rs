//! One step of one unit, on vectors of units: what tells the cells apart.

use crate::Activation;
use crate::math::vector::{sigmoid, tanh};
use crate::simd::Simd;
use std::ops::Range;

/// A vector of units in the forward pass.
#[derive(Clone, Copy)]
pub(super) struct Forward<F> {
    /// In: the input's share of each gate with its bias. Out: the gates, the last one only where it is not
    /// [`LATE`](Pointwise::LATE).
    pub(super) gates: [F; 4],
    /// The state before the step.
    pub(super) h: F,
    /// In: the memory before the step, or what an earlier phase left. Out: the memory after it.
    pub(super) memory: F,
}

/// What the last phase of a step ends with.
pub(super) struct Finished<F> {
    /// The state after the step.
    pub(super) h: F,
    /// The last gate.
    pub(super) gate: F,
}

/// What the recurrent product adds.
pub(super) struct Recurrent<F> {
    /// The share of the gates of this phase.
    pub(super) sums: [F; 4],
    /// The bias of the last gate where it is not part of the input's share.
    pub(super) bias: F,
}

/// A vector of units in the backward pass.
pub(super) struct Backward<F> {
    /// In: the gates, or their gradients from an earlier phase. Out: gradients of the pre-activations.
    pub(super) gates: [F; 4],
    /// What the product of this phase gives.
    pub(super) sum: F,
    /// In: the gradient that reached the state past all products. Out: that of the state before. Zero without
    /// [`CARRY`](Pointwise::CARRY).
    pub(super) carry: F,
    /// Gradient of this step's output.
    pub(super) dy: F,
    /// The state before the step.
    pub(super) h: F,
    /// In: the memory after the step. Out: see [`Pointwise::SPLIT_GATE`].
    pub(super) memory: F,
    /// The memory before the step.
    pub(super) before: F,
    /// In: gradient of the memory after the step. Out: of the memory before it.
    pub(super) dmemory: F,
}

/// The element-wise part of a cell. Mark implementations `#[inline(always)]`.
pub(super) trait Pointwise: Copy + Send + Sync {
    /// Gates, in PyTorch's order.
    const GATES: usize;
    /// Vectors of units whose gates are computed together: gates times vectors fill the register tile in pairs.
    const VECTORS: usize;
    /// Products a step, each needing the result of the one before.
    const PHASES: usize = 1;
    /// Whether a second vector per unit is kept of every step.
    const MEMORY: bool = false;
    /// Whether that vector goes from step to step.
    const CARRIED: bool = false;
    /// Whether the last gate's recurrent share has a gradient of its own, left in the memory's place.
    const SPLIT_GATE: bool = false;
    /// Whether the last gate is known only when a step is finished.
    const LATE: bool = true;
    /// Whether a gradient reaches the state before a step past all products.
    const CARRY: bool = true;
    /// What the second half of the last phase takes from the first.
    type Held<F: Copy>: Copy;

    /// Whether the shares of state and input in the last gate of a phase do not add up, or lie far from each other.
    #[inline(always)]
    fn is_apart(_phase: usize) -> bool {
        Self::SPLIT_GATE
    }

    /// The gates of a phase; phase 0 sums over the state, phase 1 over the memory.
    #[inline(always)]
    fn gates(_phase: usize) -> Range<usize> {
        0..Self::GATES
    }

    /// A phase, the last one but for its second half.
    fn forward<S: Simd>(
        self,
        s: S,
        phase: usize,
        recurrent: Recurrent<S::F>,
        v: &mut Forward<S::F>,
    ) -> Self::Held<S::F>;

    /// The second half of the last phase: what needs a long chain of the first, run when other rows have had theirs, so that the
    /// processor always has independent work.
    fn finish<S: Simd>(self, s: S, held: Self::Held<S::F>) -> Finished<S::F>;

    /// The gates whose gradients a phase of the backward pass gives; others may be read by other threads meanwhile.
    #[inline(always)]
    fn given(_phase: usize) -> Range<usize> {
        0..Self::GATES
    }

    fn backward<S: Simd>(self, s: S, phase: usize, v: &mut Backward<S::F>);
}

#[derive(Clone, Copy)]
pub(super) struct Rnn(pub(super) Activation);

impl Pointwise for Rnn {
    const GATES: usize = 1;
    const VECTORS: usize = 2;
    const CARRY: bool = false;
    type Held<F: Copy> = F;

    #[inline(always)]
    fn forward<S: Simd>(
        self,
        s: S,
        _phase: usize,
        recurrent: Recurrent<S::F>,
        v: &mut Forward<S::F>,
    ) -> S::F {
        s.add(v.gates[0], recurrent.sums[0])
    }

    #[inline(always)]
    fn finish<S: Simd>(self, s: S, sum: S::F) -> Finished<S::F> {
        let h = self.0.apply(s, sum);
        Finished { h, gate: h }
    }

    #[inline(always)]
    fn backward<S: Simd>(self, s: S, _phase: usize, v: &mut Backward<S::F>) {
        v.gates[0] = self.0.pull_back(s, v.gates[0], s.add(v.dy, v.sum));
    }
}

#[derive(Clone, Copy)]
pub(super) struct Lstm;

impl Pointwise for Lstm {
    const GATES: usize = 4;
    const VECTORS: usize = 1;
    const MEMORY: bool = true;
    const CARRIED: bool = true;
    const LATE: bool = false;
    const CARRY: bool = false;
    type Held<F: Copy> = [F; 2];

    #[inline(always)]
    fn forward<S: Simd>(
        self,
        s: S,
        _phase: usize,
        recurrent: Recurrent<S::F>,
        v: &mut Forward<S::F>,
    ) -> [S::F; 2] {
        let i = sigmoid(s, s.add(v.gates[0], recurrent.sums[0]));
        let f = sigmoid(s, s.add(v.gates[1], recurrent.sums[1]));
        let g = tanh(s, s.add(v.gates[2], recurrent.sums[2]));
        let o = sigmoid(s, s.add(v.gates[3], recurrent.sums[3]));
        v.gates = [i, f, g, o];
        v.memory = s.mul_add(f, v.memory, s.mul(i, g));
        [o, v.memory]
    }

    #[inline(always)]
    fn finish<S: Simd>(self, s: S, [o, memory]: [S::F; 2]) -> Finished<S::F> {
        Finished { h: s.mul(o, tanh(s, memory)), gate: o }
    }

    #[inline(always)]
    fn backward<S: Simd>(self, s: S, _phase: usize, v: &mut Backward<S::F>) {
        let [i, f, g, o] = v.gates;
        let one = s.splat(1.0);
        let dh = s.add(v.dy, v.sum);
        let squashed = tanh(s, v.memory);
        let dc = s.mul_add(s.mul(dh, o), s.neg_mul_add(squashed, squashed, one), v.dmemory);
        v.gates = [
            s.mul(s.mul(dc, g), s.neg_mul_add(i, i, i)),
            s.mul(s.mul(dc, v.before), s.neg_mul_add(f, f, f)),
            s.mul(s.mul(dc, i), s.neg_mul_add(g, g, one)),
            s.mul(s.mul(dh, squashed), s.neg_mul_add(o, o, o)),
        ];
        v.dmemory = s.mul(dc, f);
    }
}

/// Reset after the product. The memory is `W_hn h + b_hn`, in the backward pass its gradient.
#[derive(Clone, Copy)]
pub(super) struct Gru;

impl Pointwise for Gru {
    const GATES: usize = 3;
    const VECTORS: usize = 2;
    const MEMORY: bool = true;
    const SPLIT_GATE: bool = true;
    type Held<F: Copy> = [F; 3];

    #[inline(always)]
    fn forward<S: Simd>(
        self,
        s: S,
        _phase: usize,
        recurrent: Recurrent<S::F>,
        v: &mut Forward<S::F>,
    ) -> [S::F; 3] {
        let r = sigmoid(s, s.add(v.gates[0], recurrent.sums[0]));
        let z = sigmoid(s, s.add(v.gates[1], recurrent.sums[1]));
        v.memory = s.add(recurrent.sums[2], recurrent.bias);
        (v.gates[0], v.gates[1]) = (r, z);
        [s.mul_add(r, v.memory, v.gates[2]), z, v.h]
    }

    #[inline(always)]
    fn finish<S: Simd>(self, s: S, held: [S::F; 3]) -> Finished<S::F> {
        next_state(s, held)
    }

    #[inline(always)]
    fn backward<S: Simd>(self, s: S, _phase: usize, v: &mut Backward<S::F>) {
        let dh = s.add(s.add(v.dy, v.sum), v.carry);
        let r = v.gates[0];
        let (dz, dn, carry) = update(s, v.gates[1], v.gates[2], v.h, dh);
        let dr = s.mul(s.mul(dn, v.memory), s.neg_mul_add(r, r, r));
        v.memory = s.mul(dn, r);
        v.gates = [dr, dz, dn, dn];
        v.carry = carry;
    }
}

/// Reset before the product: two products a step. The memory is `r h`.
#[derive(Clone, Copy)]
pub(super) struct GruResetBefore;

impl Pointwise for GruResetBefore {
    const GATES: usize = 3;
    const VECTORS: usize = 2;
    const PHASES: usize = 2;
    const MEMORY: bool = true;
    type Held<F: Copy> = [F; 3];

    #[inline(always)]
    fn is_apart(phase: usize) -> bool {
        phase == 1
    }

    #[inline(always)]
    fn gates(phase: usize) -> Range<usize> {
        if phase == 0 { 0..2 } else { 2..3 }
    }

    #[inline(always)]
    fn given(phase: usize) -> Range<usize> {
        if phase == 0 { 1..3 } else { 0..1 }
    }

    #[inline(always)]
    fn forward<S: Simd>(
        self,
        s: S,
        phase: usize,
        recurrent: Recurrent<S::F>,
        v: &mut Forward<S::F>,
    ) -> [S::F; 3] {
        if phase == 0 {
            v.gates[0] = sigmoid(s, s.add(v.gates[0], recurrent.sums[0]));
            v.gates[1] = sigmoid(s, s.add(v.gates[1], recurrent.sums[1]));
            v.memory = s.mul(v.gates[0], v.h);
        }
        [s.add(v.gates[2], recurrent.sums[2]), v.gates[1], v.h]
    }

    #[inline(always)]
    fn finish<S: Simd>(self, s: S, held: [S::F; 3]) -> Finished<S::F> {
        next_state(s, held)
    }

    #[inline(always)]
    fn backward<S: Simd>(self, s: S, phase: usize, v: &mut Backward<S::F>) {
        if phase == 0 {
            let dh = s.add(s.add(v.dy, v.sum), v.carry);
            let (dz, dn, carry) = update(s, v.gates[1], v.gates[2], v.h, dh);
            (v.gates[1], v.gates[2], v.carry) = (dz, dn, carry);
        } else {
            let r = v.gates[0];
            v.carry = s.mul_add(v.sum, r, v.carry);
            v.gates[0] = s.mul(s.mul(v.sum, v.h), s.neg_mul_add(r, r, r));
        }
    }
}

/// `h' = z h + (1 - z) n` with `n = tanh(sum)`.
#[inline(always)]
fn next_state<S: Simd>(s: S, [sum, z, h]: [S::F; 3]) -> Finished<S::F> {
    let n = tanh(s, sum);
    Finished { h: s.mul_add(z, s.sub(h, n), n), gate: n }
}

/// Gradients of `h' = z h + (1 - z) n`: those of the pre-activations of z and n, and `dh' z`.
#[inline(always)]
fn update<S: Simd>(s: S, z: S::F, n: S::F, h: S::F, dh: S::F) -> (S::F, S::F, S::F) {
    let one = s.splat(1.0);
    let carry = s.mul(dh, z);
    let dn = s.mul(s.sub(dh, carry), s.neg_mul_add(n, n, one));
    let dz = s.mul(s.mul(carry, s.sub(one, z)), s.sub(h, n));
    (dz, dn, carry)
}
