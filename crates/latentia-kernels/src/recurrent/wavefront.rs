//! Small layers on top of each other, at work at the same time.
//!
//! Where a step is too little work for two threads, a stack still has parallel work: layer `l` can do a piece of the sequence
//! as soon as layer `l - 1` has done it. With P pieces of a few steps, all pieces `(l, p)` of one diagonal `l + p` are done side
//! by side (Appleyard, Kočiský and Blunsom 2016), backwards in time likewise. Pieces depend on shapes alone, so bits do not
//! depend on the number of threads.

use super::share::PARALLEL_FROM;
use super::stack::{Dropout, StackGradients, multiply};
use super::workspace::Buffer;
use super::{
    Cell, Gradients, LastStates, Layer, OutputGradients, Sequences, Stack, States, Workspace, backward,
    forward,
};
use crate::threads;
use std::ops::Range;

/// Most pieces: each packs the weights and adds to their gradients once.
const PIECES: usize = 5;
/// Fewest steps of a piece. Tests make do with short sequences.
const STEPS: usize = if cfg!(test) { 2 } else { 16 };
/// Fewest multiplications of a piece: about ten times what handing it to another thread costs.
const WORK: usize = if cfg!(test) { 1 } else { 500_000 };

/// The layers of a stack and how their sequences are cut.
#[derive(Default)]
pub(super) struct Wavefront {
    levels: Vec<Level>,
    pieces: Vec<Piece>,
}

/// Steps of the sequences, and how many of them each row has.
#[derive(Default)]
struct Piece {
    steps: Range<usize>,
    lengths: Option<Vec<usize>>,
}

/// A layer: the states that go from piece to piece, and for every piece what its backward pass needs.
#[derive(Default)]
struct Level {
    h: [Vec<f32>; 2],
    c: [Vec<f32>; 2],
    workspaces: Vec<Workspace>,
    /// `[T, B, H]` in pieces: the output, after backward the gradient of the input `[T, B, I]`.
    out: Vec<Buffer>,
}

impl Level {
    fn start(&mut self, [h, c]: [Option<&[f32]>; 2], len: usize) {
        for (pair, from) in [(&mut self.h, h), (&mut self.c, c)] {
            pair.iter_mut().for_each(|v| v.resize(len, 0.0));
            match from {
                Some(from) => pair[0].copy_from_slice(from),
                None => pair[0].fill(0.0),
            }
        }
    }

    fn turn(&mut self) {
        self.h.swap(0, 1);
        self.c.swap(0, 1);
    }
}

/// Steps of a piece where a stack is worth cutting.
pub(super) fn piece(stack: &Stack, steps: usize, batch: usize) -> Option<usize> {
    let Layer { cell, hidden, .. } = stack.layers[0];
    let step = batch * cell.gates() * hidden * hidden;
    let piece = STEPS.max(WORK.div_ceil(step.max(1))).max(steps.div_ceil(PIECES));
    (!stack.bidirectional && stack.layers.len() > 1 && step < PARALLEL_FROM && steps >= 2 * piece)
        .then_some(piece)
}

impl Wavefront {
    fn need(&mut self, stack: &Stack, sequences: &Sequences, piece: usize) {
        let Sequences { steps, batch, lengths, reverse, .. } = *sequences;
        assert!(
            lengths.is_none_or(|lengths| lengths.len() == batch && lengths.iter().all(|&l| l <= steps)),
            "recurrent: lengths are [B], each at most T"
        );
        let cut = |first: usize| {
            let steps = first..(first + piece).min(steps);
            let own = |&l: &usize| l.saturating_sub(steps.start).min(steps.len());
            Piece { lengths: lengths.map(|lengths| lengths.iter().map(own).collect()), steps }
        };
        self.pieces = (0..steps).step_by(piece).map(cut).collect();
        if reverse {
            self.pieces.reverse();
        }
        let count = self.pieces.len();
        self.levels.resize_with(stack.layers.len(), Level::default);
        for level in &mut self.levels {
            level.workspaces.resize_with(count.max(level.workspaces.len()), Workspace::new);
            level.out.resize_with(count.max(level.out.len()), Buffer::default);
        }
    }

    /// The pieces of every diagonal in turn, each with what the piece it builds on gave.
    ///
    /// `upwards`: from the first layer to the last and from the first piece to the last, or both the other way round.
    fn run<T: Send>(
        &mut self,
        upwards: bool,
        each: &mut [T],
        work: impl Fn(usize, &Piece, &mut Level, usize, Option<&[f32]>, &mut T) + Sync,
    ) {
        let (depth, count) = (self.levels.len(), self.pieces.len());
        let pieces = &self.pieces;
        // Places in the order of work, from 0 on, turned into layers and pieces.
        let turned = |i: usize, n: usize| if upwards { i } else { n - 1 - i };
        for diagonal in 0..depth + count - 1 {
            let place = |level: usize| {
                let p = diagonal.checked_sub(turned(level, depth))?;
                (p < count).then(|| turned(p, count))
            };
            // What a piece builds on is its neighbour's, which is at work as well: it is lent for as long.
            let below = |level: usize| {
                (turned(level, depth) > 0).then(|| if upwards { level - 1 } else { level + 1 })
            };
            let lent: Vec<Option<Buffer>> = (0..depth)
                .map(|level| Some(std::mem::take(&mut self.levels[below(level)?].out[place(level)?])))
                .collect();
            let tasks = self.levels.iter_mut().zip(&lent).zip(each.iter_mut()).enumerate();
            let tasks = tasks.filter_map(|(i, ((level, lent), own))| Some((i, place(i)?, level, lent, own)));
            threads::for_each(
                tasks.collect(),
                |(i, p, level, lent, own): (usize, usize, &mut Level, &Option<Buffer>, &mut T)| {
                    work(i, &pieces[p], level, p, lent.as_ref().map(Buffer::floats), own);
                },
            );
            for (i, lent) in lent.into_iter().enumerate() {
                if let (Some(lent), Some(from), Some(p)) = (lent, below(i), place(i)) {
                    self.levels[from].out[p] = lent;
                }
            }
        }
    }

    /// [`forward_stack`](super::forward_stack) of a stack that [`piece`] finds worth it.
    #[allow(clippy::too_many_arguments, reason = "what the stack is given, passed on")]
    pub(super) fn forward(
        &mut self,
        stack: &Stack,
        sequences: Sequences,
        piece: usize,
        dropout: Dropout,
        initial: States,
        y: &mut [f32],
        last: LastStates,
    ) {
        self.need(stack, &sequences, piece);
        let Sequences { x, steps, batch, reverse, .. } = sequences;
        let Layer { cell, inputs, hidden, .. } = stack.layers[0];
        let (row, memory) = (batch * hidden, cell == Cell::Lstm);
        for (i, level) in self.levels.iter_mut().enumerate() {
            level.start([initial.h, initial.c].map(|v| v.map(|v| &v[i * row..(i + 1) * row])), row);
        }
        let mut nothing = vec![(); stack.layers.len()];
        self.run(true, &mut nothing, |i, piece, level, p, below, ()| {
            let len = piece.steps.len();
            let x = match below {
                Some(below) => &below[..len * row],
                None => &x[piece.steps.start * batch * inputs..piece.steps.end * batch * inputs],
            };
            let sequences = Sequences { x, steps: len, batch, lengths: piece.lengths.as_deref(), reverse };
            level.out[p].need(len * row);
            let ([h, next_h], [c, next_c]) = (&mut level.h, &mut level.c);
            let initial = States { h: Some(h), c: memory.then_some(c) };
            let last = LastStates { h: Some(next_h), c: memory.then_some(next_c) };
            let out = &mut level.out[p].floats_mut()[..len * row];
            forward(&stack.layers[i], sequences, initial, out, last, &mut level.workspaces[p]);
            level.turn();
            if let Some(mask) = dropout.after(i, &piece.steps, steps, row) {
                multiply(&mut level.out[p].floats_mut()[..len * row], mask);
            }
        });
        for (piece, out) in self.pieces.iter().zip(&self.levels[stack.layers.len() - 1].out) {
            y[piece.steps.start * row..piece.steps.end * row]
                .copy_from_slice(&out.floats()[..piece.steps.len() * row]);
        }
        self.give(row, [last.h, last.c]);
    }

    /// [`backward_stack`](super::backward_stack) after [`Wavefront::forward`].
    pub(super) fn backward(
        &mut self,
        stack: &Stack,
        (steps, batch): (usize, usize),
        dropout: Dropout,
        outputs: OutputGradients,
        gradients: StackGradients,
    ) {
        assert_eq!(
            self.levels.len(),
            stack.layers.len(),
            "recurrent stack backward: the workspace holds no forward pass of this stack"
        );
        let Layer { cell, inputs, hidden, .. } = stack.layers[0];
        let (row, memory) = (batch * hidden, cell == Cell::Lstm);
        for (i, level) in self.levels.iter_mut().enumerate() {
            level.start([outputs.dh, outputs.dc].map(|v| v.map(|v| &v[i * row..(i + 1) * row])), row);
        }
        let StackGradients { dx, dh0, dc0, mut layers } = gradients;
        let wanted = dx.is_some();
        self.run(false, &mut layers, |i, piece, level, p, above, own| {
            let len = piece.steps.len();
            let dy = match above {
                Some(above) => Some(&above[..len * row]),
                None => outputs.dy.map(|dy| &dy[piece.steps.start * row..piece.steps.end * row]),
            };
            let width = if i == 0 { batch * inputs } else { row };
            level.out[p].need(len * width);
            let ([h, next_h], [c, next_c]) = (&mut level.h, &mut level.c);
            let given = OutputGradients { dy, dh: Some(h), dc: memory.then_some(c) };
            let part = Gradients {
                dx: (i > 0 || wanted).then(|| &mut level.out[p].floats_mut()[..len * width]),
                dh0: Some(next_h),
                dc0: memory.then_some(next_c),
                weight_ih: own.weight_ih.as_deref_mut(),
                weight_hh: own.weight_hh.as_deref_mut(),
                bias_ih: own.bias_ih.as_deref_mut(),
                bias_hh: own.bias_hh.as_deref_mut(),
                accumulate: own.accumulate,
            };
            backward(&stack.layers[i], given, part, &mut level.workspaces[p]);
            // Every further piece adds to the sums of this one.
            own.accumulate = true;
            level.turn();
            if let Some(mask) =
                i.checked_sub(1).and_then(|below| dropout.after(below, &piece.steps, steps, row))
            {
                multiply(&mut level.out[p].floats_mut()[..len * width], mask);
            }
        });
        if let Some(dx) = dx {
            let width = batch * inputs;
            for (piece, out) in self.pieces.iter().zip(&self.levels[0].out) {
                dx[piece.steps.start * width..piece.steps.end * width]
                    .copy_from_slice(&out.floats()[..piece.steps.len() * width]);
            }
        }
        self.give(row, [dh0, dc0]);
    }

    /// The states that every layer ended with.
    fn give(&self, row: usize, [h, c]: [Option<&mut [f32]>; 2]) {
        for (i, level) in h.into_iter().flat_map(|h| h.chunks_exact_mut(row)).zip(&self.levels) {
            i.copy_from_slice(&level.h[0]);
        }
        for (i, level) in c.into_iter().flat_map(|c| c.chunks_exact_mut(row)).zip(&self.levels) {
            i.copy_from_slice(&level.c[0]);
        }
    }
}
