//! Several layers and two directions on top of the passes of one.

use super::share::side_by_side;
use super::wavefront::{self, Wavefront};
use super::workspace::Buffer;
use super::{Gradients, LastStates, Layer, OutputGradients, Sequences, States, Workspace, backward, forward};
use crate::math::BLOCK;
use crate::threads;
use std::ops::Range;

/// Layers on top of each other, each in one direction or in two.
///
/// With D directions a layer gives `y [T, B, D·H]`, the states of the reverse direction after those of the forward one,
/// which is the input of the layer above. Arrays of all layers have those of a layer's directions next to each other:
/// layer 0 forward, layer 0 reverse, layer 1 forward and so on, as PyTorch's states `[L·D, B, H]` do.
#[derive(Clone, Copy)]
pub struct Stack<'a> {
    /// `L·D` layers with the same cell and the same number of units; from the second on `inputs` is `D·H`.
    pub layers: &'a [Layer<'a>],
    /// Whether D is 2: the second direction runs from each row's end to its start.
    pub bidirectional: bool,
}

impl Stack<'_> {
    fn directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    fn depth(&self) -> usize {
        self.layers.len() / self.directions()
    }

    #[track_caller]
    fn check(&self) {
        let directions = self.directions();
        assert!(
            !self.layers.is_empty() && self.layers.len().is_multiple_of(directions),
            "recurrent stack: {} layers in {directions} directions",
            self.layers.len()
        );
        let first = &self.layers[0];
        for (i, layer) in self.layers.iter().enumerate() {
            let inputs = if i < directions { first.inputs } else { directions * first.hidden };
            assert!(
                (layer.cell, layer.hidden, layer.inputs) == (first.cell, first.hidden, inputs),
                "recurrent stack: layer {i} is {:?} {} x {}, expected {:?} {inputs} x {}",
                layer.cell,
                layer.inputs,
                layer.hidden,
                first.cell,
                first.hidden
            );
        }
    }
}

/// Factors of the states between two layers: 0 where a unit is dropped, `1 / (1 - p)` where it is kept.
#[derive(Clone, Copy, Default)]
pub enum Dropout<'a> {
    /// Nothing is dropped.
    #[default]
    None,
    /// `[L - 1, T, B, D·H]`: anew at every step (Zaremba, Sutskever and Vinyals 2014).
    Steps(&'a [f32]),
    /// `[L - 1, B, D·H]`: the same at every step of a sequence (Gal and Ghahramani 2016).
    Sequences(&'a [f32]),
}

impl<'a> Dropout<'a> {
    #[track_caller]
    fn check(self, depth: usize, steps: usize, row: usize) {
        let (have, need) = match self {
            Self::None => return,
            Self::Steps(mask) => (mask.len(), (depth - 1) * steps * row),
            Self::Sequences(mask) => (mask.len(), (depth - 1) * row),
        };
        assert_eq!(have, need, "recurrent stack: masks are [L - 1, T, B, D·H] or [L - 1, B, D·H]");
    }

    /// The factors of the states that leave a layer at these of all `T` steps, to be repeated until they last; nothing where
    /// all are 1, as after the last layer.
    pub(super) fn after(
        self,
        layer: usize,
        steps: &Range<usize>,
        all: usize,
        row: usize,
    ) -> Option<&'a [f32]> {
        match self {
            Self::None => None,
            Self::Steps(mask) => mask.get((layer * all + steps.start) * row..(layer * all + steps.end) * row),
            Self::Sequences(mask) => mask.get(layer * row..(layer + 1) * row),
        }
    }
}

/// Where [`backward_stack`] writes; what is `None` is not computed.
#[derive(Default)]
pub struct StackGradients<'a> {
    /// `[T, B, I]`, overwritten; zero past a row's end.
    pub dx: Option<&'a mut [f32]>,
    /// Of the initial states, `[L·D, B, H]`, overwritten.
    pub dh0: Option<&'a mut [f32]>,
    /// Of the LSTM's initial cell states, `[L·D, B, H]`, overwritten.
    pub dc0: Option<&'a mut [f32]>,
    /// Of the weights and biases of each of the `L·D` layers; the other fields of an element stay `None`.
    pub layers: Vec<Gradients<'a>>,
}

/// What [`forward_stack`] keeps for [`backward_stack`], and the memory both work in.
#[derive(Default)]
pub struct StackWorkspace {
    layers: Vec<Workspace>,
    /// `[T, B, D·H]`: what goes from layer to layer, read from one and written to the other.
    between: [Buffer; 2],
    /// `[T, B, H]` each, of the two directions.
    halves: [Buffer; 2],
    /// `[T, B, I]` of the second direction, where both give a gradient of the input.
    dx: Buffer,
    steps: usize,
    batch: usize,
    wavefront: Wavefront,
    /// Steps of the wavefront's pieces, where the last forward pass was one.
    piece: Option<usize>,
}

impl StackWorkspace {
    /// An empty one; it grows with its first use.
    pub fn new() -> Self {
        Self::default()
    }

    fn need(&mut self, stack: &Stack, steps: usize, batch: usize) {
        (self.steps, self.batch) = (steps, batch);
        self.piece = wavefront::piece(stack, steps, batch);
        if self.piece.is_some() {
            return;
        }
        self.layers.resize_with(self.layers.len().max(stack.layers.len()), Workspace::new);
        let half = steps * batch * stack.layers[0].hidden;
        if stack.depth() > 1 {
            self.between.iter_mut().for_each(|buffer| buffer.need(stack.directions() * half));
        }
        if stack.bidirectional {
            self.halves.iter_mut().for_each(|buffer| buffer.need(half));
        }
    }
}

/// Runs a stack over sequences: the states of the last layer to `y [T, B, D·H]`, the last ones of every layer and direction
/// to `last` (`[L·D, B, H]`, like the `initial` ones); `workspace` keeps what [`backward_stack`] needs.
///
/// With `sequences.reverse` every direction is turned round.
///
/// # Panics
/// If a shape does not fit, or cell states are given to a cell without them.
#[track_caller]
pub fn forward_stack(
    stack: &Stack,
    sequences: Sequences,
    dropout: Dropout,
    initial: States,
    y: &mut [f32],
    mut last: LastStates,
    workspace: &mut StackWorkspace,
) {
    stack.check();
    let (directions, depth, hidden) = (stack.directions(), stack.depth(), stack.layers[0].hidden);
    let Sequences { steps, batch, .. } = sequences;
    let (row, state) = (batch * directions * hidden, batch * hidden);
    assert_eq!(y.len(), steps * row, "recurrent stack: y is [T, B, D·H]");
    let all = stack.layers.len() * state;
    for have in [initial.h, initial.c, last.h.as_deref(), last.c.as_deref()].into_iter().flatten() {
        assert_eq!(have.len(), all, "recurrent stack: states are [L·D, B, H]");
    }
    dropout.check(depth, steps, row);
    workspace.need(stack, steps, batch);
    if let Some(piece) = workspace.piece {
        workspace.wavefront.forward(stack, sequences, piece, dropout, initial, y, last);
        return;
    }

    let StackWorkspace { layers: parts, between: [below, above], halves, .. } = workspace;
    for level in 0..depth {
        let x = if level == 0 { sequences.x } else { &below.floats()[..steps * row] };
        let out = if level + 1 == depth { &mut *y } else { &mut above.floats_mut()[..steps * row] };
        let own = level * directions..(level + 1) * directions;
        let states = own.start * state..own.end * state;
        let last_h = halve(last.h.as_deref_mut().map(|h| &mut h[states.clone()]), state);
        let last_c = halve(last.c.as_deref_mut().map(|c| &mut c[states]), state);
        let outs = match directions {
            1 => [Some(&mut *out), None],
            _ => halves.each_mut().map(|half| Some(&mut half.floats_mut()[..steps * state])),
        };
        let work = own.clone().zip(&mut parts[own]).zip(last_h.into_iter().zip(last_c)).zip(outs);
        in_turn_or_together(stack, batch, work.collect(), |(((i, workspace), (last_h, last_c)), out)| {
            let part = i * state..(i + 1) * state;
            let turned = sequences.reverse != (i % directions == 1);
            let sequences = Sequences { x, reverse: turned, ..sequences };
            let initial =
                States { h: initial.h.map(|h| &h[part.clone()]), c: initial.c.map(|c| &c[part.clone()]) };
            let last = LastStates { h: last_h, c: last_c };
            forward(&stack.layers[i], sequences, initial, out.unwrap_or_default(), last, workspace);
        });
        if directions == 2 {
            join(halves, hidden, out);
        }
        if let Some(mask) = dropout.after(level, &(0..steps), steps, row) {
            multiply(out, mask);
        }
        std::mem::swap(below, above);
    }
}

/// Gradients after [`forward_stack`] with the same stack, masks and workspace, which keeps the sequences. A forward pass serves
/// one backward pass.
///
/// `outputs` and `gradients` are those of [`backward`], of the last layer's output and of all layers' states.
///
/// # Panics
/// If a shape does not fit, or `workspace` holds no forward pass of this stack's shape.
#[track_caller]
pub fn backward_stack(
    stack: &Stack,
    dropout: Dropout,
    outputs: OutputGradients,
    mut gradients: StackGradients,
    workspace: &mut StackWorkspace,
) {
    stack.check();
    let (directions, depth, hidden) = (stack.directions(), stack.depth(), stack.layers[0].hidden);
    let (steps, batch) = (workspace.steps, workspace.batch);
    let (row, state) = (batch * directions * hidden, batch * hidden);
    assert_eq!(gradients.layers.len(), stack.layers.len(), "recurrent stack backward: one element per layer");
    assert!(
        outputs.dy.is_none_or(|dy| dy.len() == steps * row),
        "recurrent stack backward: dy is [T, B, D·H]"
    );
    let all = stack.layers.len() * state;
    let states = [outputs.dh, outputs.dc, gradients.dh0.as_deref(), gradients.dc0.as_deref()];
    for have in states.into_iter().flatten() {
        assert_eq!(have.len(), all, "recurrent stack backward: states are [L·D, B, H]");
    }
    let inputs = steps * batch * stack.layers[0].inputs;
    assert!(
        gradients.dx.as_ref().is_none_or(|dx| dx.len() == inputs),
        "recurrent stack backward: dx is [T, B, I]"
    );
    dropout.check(depth, steps, row);
    if workspace.piece.is_some() {
        workspace.wavefront.backward(stack, (steps, batch), dropout, outputs, gradients);
        return;
    }
    assert!(
        workspace.layers.len() >= stack.layers.len(),
        "recurrent stack backward: the workspace holds no forward pass of this stack"
    );

    let StackWorkspace { layers: parts, between: [below, above], halves, dx: other, .. } = workspace;
    for level in (0..depth).rev() {
        let dy = if level + 1 == depth { outputs.dy } else { Some(&above.floats()[..steps * row]) };
        if let (2, Some(dy)) = (directions, dy) {
            part(dy, hidden, halves);
        }
        let mut dx = match level {
            0 => gradients.dx.as_deref_mut(),
            _ => Some(&mut below.floats_mut()[..steps * row]),
        };
        let width = dx.as_ref().map_or(0, |dx| dx.len());
        let own = level * directions..(level + 1) * directions;
        let states = own.start * state..own.end * state;
        let dh0 = halve(gradients.dh0.as_deref_mut().map(|dh| &mut dh[states.clone()]), state);
        let dc0 = halve(gradients.dc0.as_deref_mut().map(|dc| &mut dc[states]), state);
        let second = (directions == 2 && dx.is_some()).then(|| {
            other.need(width);
            &mut other.floats_mut()[..width]
        });
        let initial = dh0.into_iter().zip(dc0).zip([dx.as_deref_mut(), second]);
        let work = own.clone().zip(&mut parts[own.clone()]).zip(&mut gradients.layers[own]).zip(initial);
        in_turn_or_together(stack, batch, work.collect(), |(((i, workspace), own), ((dh0, dc0), dx))| {
            let range = i * state..(i + 1) * state;
            let outputs = OutputGradients {
                dy: dy.map(|dy| match directions {
                    1 => dy,
                    _ => &halves[i % directions].floats()[..steps * state],
                }),
                dh: outputs.dh.map(|dh| &dh[range.clone()]),
                dc: outputs.dc.map(|dc| &dc[range]),
            };
            let own = Gradients { dh0, dc0, dx, ..std::mem::take(own) };
            backward(&stack.layers[i], outputs, own, workspace);
        });
        if let (Some(dx), 2) = (&mut dx, directions) {
            add(dx, &other.floats()[..width]);
        }
        if let (Some(dx), 1..) = (dx, level)
            && let Some(mask) = dropout.after(level - 1, &(0..steps), steps, row)
        {
            multiply(dx, mask);
        }
        std::mem::swap(below, above);
    }
}

/// The parts of two directions; the second is empty where there is one.
fn halve(v: Option<&mut [f32]>, state: usize) -> [Option<&mut [f32]>; 2] {
    match v.map(|v| v.split_at_mut(state)) {
        Some((first, second)) => [Some(first), Some(second)],
        None => [None, None],
    }
}

/// Does the work of the directions of a layer: one after the other with all threads, or side by side with one each.
fn in_turn_or_together<T: Send>(stack: &Stack, batch: usize, work: Vec<T>, each: impl Fn(T) + Sync) {
    let Layer { cell, hidden, .. } = stack.layers[0];
    if side_by_side(batch, cell.gates(), hidden, threads::count()) {
        threads::for_each(work, each);
    } else {
        work.into_iter().for_each(each);
    }
}

/// Puts the states of two directions beside each other.
fn join(halves: &[Buffer; 2], hidden: usize, y: &mut [f32]) {
    let rows = (BLOCK / (2 * hidden)).max(1);
    let [forward, reverse] = halves.each_ref().map(|half| half.floats().chunks(rows * hidden));
    let blocks = y.chunks_mut(rows * 2 * hidden).zip(forward.zip(reverse)).collect();
    threads::for_each(blocks, |(y, (forward, reverse)): (&mut [f32], (&[f32], &[f32]))| {
        let rows = y.chunks_exact_mut(2 * hidden).zip(forward.chunks_exact(hidden));
        for ((y, forward), reverse) in rows.zip(reverse.chunks_exact(hidden)) {
            y[..hidden].copy_from_slice(forward);
            y[hidden..].copy_from_slice(reverse);
        }
    });
}

/// Takes the gradients of two directions apart.
fn part(dy: &[f32], hidden: usize, halves: &mut [Buffer; 2]) {
    let rows = (BLOCK / (2 * hidden)).max(1);
    let [forward, reverse] = halves.each_mut().map(|half| half.floats_mut().chunks_mut(rows * hidden));
    let blocks = dy.chunks(rows * 2 * hidden).zip(forward.zip(reverse)).collect();
    threads::for_each(blocks, |(dy, (forward, reverse)): (&[f32], (&mut [f32], &mut [f32]))| {
        let rows = dy.chunks_exact(2 * hidden).zip(forward.chunks_exact_mut(hidden));
        for ((dy, forward), reverse) in rows.zip(reverse.chunks_exact_mut(hidden)) {
            forward.copy_from_slice(&dy[..hidden]);
            reverse.copy_from_slice(&dy[hidden..]);
        }
    });
}

/// `y ← y mask`, the mask repeated until it lasts.
pub(super) fn multiply(y: &mut [f32], mask: &[f32]) {
    // A copy of the mask at a time, cut into blocks.
    let blocks = y.chunks_mut(mask.len().max(1)).flat_map(|y| y.chunks_mut(BLOCK).zip(mask.chunks(BLOCK)));
    threads::for_each(blocks.collect(), |(y, mask): (&mut [f32], &[f32])| {
        y.iter_mut().zip(mask).for_each(|(y, mask)| *y *= mask);
    });
}

fn add(x: &mut [f32], y: &[f32]) {
    let blocks = x.chunks_mut(BLOCK).zip(y.chunks(BLOCK)).collect();
    threads::for_each(blocks, |(x, y): (&mut [f32], &[f32])| {
        x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
    });
}
