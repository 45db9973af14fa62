//! Recurrent layers as one operation against their composition from Burn's operations, and against finite differences.

mod common;

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use common::{compare, differences, numbers, tensor, values};
use latentia_ops::{
    Activation, Cell, Recurrence, RecurrentDropout, RecurrentStates, RecurrentWeights, Workspaces, recurrent,
    recurrent_composed,
};

const CELLS: [Cell; 6] = [
    Cell::Rnn(Activation::Tanh),
    Cell::Rnn(Activation::Relu),
    Cell::Rnn(Activation::Identity),
    Cell::Lstm,
    Cell::Gru { reset_before: false },
    Cell::Gru { reset_before: true },
];

/// What is built besides the cell.
#[derive(Debug, Clone, Copy)]
struct Build {
    /// T, B, I, H.
    shape: [usize; 4],
    depth: usize,
    bidirectional: bool,
    bias: bool,
    initial: bool,
    ragged: bool,
    /// Dropout: 0 none, 1 at every step, 2 by sequence.
    dropout: usize,
}

const PLAIN: Build = Build {
    shape: [1, 1, 1, 1],
    depth: 1,
    bidirectional: false,
    bias: true,
    initial: true,
    ragged: false,
    dropout: 0,
};

fn builds() -> Vec<Build> {
    vec![
        PLAIN,
        Build { shape: [1, 3, 2, 5], initial: false, ..PLAIN },
        Build { shape: [5, 1, 3, 7], bias: false, ..PLAIN },
        Build { shape: [4, 3, 5, 9], depth: 2, dropout: 1, ..PLAIN },
        Build { shape: [6, 4, 3, 17], bidirectional: true, ragged: true, ..PLAIN },
        Build { shape: [3, 5, 2, 6], depth: 3, bidirectional: true, ragged: true, dropout: 2, ..PLAIN },
        Build { shape: [2, 2, 3, 4], depth: 9, initial: false, bias: false, ..PLAIN },
        Build { shape: [2, 2, 3, 4], depth: 16, bidirectional: true, ..PLAIN },
    ]
}

/// Which outputs the loss depends on.
#[derive(Debug, Clone, Copy)]
struct Uses {
    y: bool,
    h: bool,
    c: bool,
}

const ALL: Uses = Uses { y: true, h: true, c: true };

impl Build {
    fn directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    /// Shapes of x, the states where there are any, and all weights.
    fn shapes(&self, cell: Cell) -> Vec<Vec<usize>> {
        let [steps, batch, inputs, hidden] = self.shape;
        let layers = self.depth * self.directions();
        let mut shapes = vec![vec![steps, batch, inputs]];
        if self.initial {
            let states = 1 + usize::from(cell == Cell::Lstm);
            shapes.extend(std::iter::repeat_n(vec![layers, batch, hidden], states));
        }
        for layer in 0..layers {
            let inputs = if layer < self.directions() { inputs } else { self.directions() * hidden };
            let rows = cell.gates() * hidden;
            shapes.extend([vec![rows, inputs], vec![rows, hidden]]);
            if self.bias {
                shapes.extend([vec![rows], vec![rows]]);
            }
        }
        shapes
    }

    fn arguments(&self, cell: Cell) -> Vec<Vec<f32>> {
        let scaled = |(seed, shape): (usize, Vec<usize>)| {
            let n = shape.iter().product();
            numbers(n, seed as u64).into_iter().map(|v| 0.7 * v).collect()
        };
        self.shapes(cell).into_iter().enumerate().map(scaled).collect()
    }

    fn settings(&self, cell: Cell, workspaces: &Workspaces) -> Recurrence {
        let [steps, batch, _, hidden] = self.shape;
        let width = self.directions() * hidden;
        let mask = |len: usize| -> Arc<[f32]> {
            numbers(len, 99).into_iter().map(|v| if v > 0.5 { 0.0 } else { 4.0 / 3.0 }).collect()
        };
        Recurrence {
            cell,
            bidirectional: self.bidirectional,
            lengths: self.ragged.then(|| (0..batch).map(|row| (row * 7 + 3) % (steps + 1)).collect()),
            dropout: match self.dropout {
                0 => RecurrentDropout::None,
                1 => RecurrentDropout::Steps(mask((self.depth - 1) * steps * batch * width)),
                _ => RecurrentDropout::Sequences(mask((self.depth - 1) * batch * width)),
            },
            workspaces: workspaces.clone(),
        }
    }
}

type Op =
    fn(&Recurrence, Tensor<3>, &[RecurrentWeights], Option<RecurrentStates>) -> (Tensor<3>, RecurrentStates);

/// y, h and c, then the gradients of `Σ w y + Σ v h + Σ u c` in every argument (none on a device without autodiff).
fn run(
    op: Op,
    build: Build,
    settings: &Recurrence,
    arguments: &[Vec<f32>],
    uses: Uses,
    device: &Device,
) -> (f64, Vec<Vec<f32>>) {
    let cell = settings.cell;
    let shapes = build.shapes(cell);
    let autodiff = device.is_autodiff();
    // One dimension each, so that tensors of any shape lie in one list.
    let leaves: Vec<Tensor<1>> = arguments
        .iter()
        .map(|a| tensor(a.clone(), [a.len()], device))
        .map(|leaf| if autodiff { leaf.require_grad() } else { leaf })
        .collect();
    let mut next = leaves.iter().zip(shapes).map(|(leaf, shape)| (leaf.clone(), shape));
    let mut three = || next.next().map(|(t, s)| t.reshape([s[0], s[1], s[2]])).unwrap();
    let x = three();
    let initial = build.initial.then(|| {
        let h = three();
        RecurrentStates { h, c: (cell == Cell::Lstm).then(&mut three) }
    });
    let mut weights = Vec::new();
    while let Some((weight_ih, shape)) = next.next() {
        let weight_ih = weight_ih.reshape([shape[0], shape[1]]);
        let (weight_hh, shape) = next.next().unwrap();
        let weight_hh = weight_hh.reshape([shape[0], shape[1]]);
        let biases = build.bias.then(|| [next.next().unwrap().0, next.next().unwrap().0]);
        weights.push(RecurrentWeights { weight_ih, weight_hh, biases });
    }
    let (y, RecurrentStates { h, c }) = op(settings, x, &weights, initial);
    let mut results = vec![values(y.clone()), values(h.clone())];
    results.extend(c.clone().map(values));
    let part = |t: Tensor<3>, seed: u64| {
        let n = t.dims().iter().product();
        let factors = tensor(numbers(n, seed), t.dims(), &device.clone().inner());
        (t * factors).sum()
    };
    let parts = [
        uses.y.then(|| part(y, 201)),
        uses.h.then(|| part(h, 202)),
        c.filter(|_| uses.c).map(|c| part(c, 203)),
    ];
    let Some(loss) = parts.into_iter().flatten().reduce(|a, b| a + b) else { return (0.0, results) };
    let value = f64::from(values(loss.clone())[0]);
    if autodiff {
        let gradients = loss.backward();
        for leaf in &leaves {
            results.push(leaf.grad(&gradients).map(values).unwrap_or_default());
        }
    }
    (value, results)
}

#[test]
fn fused_and_composed_agree_forward_and_in_every_gradient() {
    let device = Device::flex().autodiff();
    let (workspaces, mut wrong) = (Workspaces::default(), Vec::new());
    for cell in CELLS {
        for build in builds() {
            let settings = build.settings(cell, &workspaces);
            let arguments = build.arguments(cell);
            let [fused, composed] = [recurrent as Op, recurrent_composed]
                .map(|op| run(op, build, &settings, &arguments, ALL, &device).1);
            for (i, (a, b)) in fused.iter().zip(&composed).enumerate() {
                compare(&mut wrong, &format!("{cell:?} {build:?} result {i}"), a, b, 3e-5);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Gradients reach every argument from the outputs alone, from the last states alone and from any of them together.
#[test]
fn gradients_flow_from_any_of_the_outputs() {
    let device = Device::flex().autodiff();
    let (workspaces, mut wrong) = (Workspaces::default(), Vec::new());
    for bits in 1..8 {
        let uses = Uses { y: bits & 1 > 0, h: bits & 2 > 0, c: bits & 4 > 0 };
        for cell in [Cell::Lstm, Cell::Gru { reset_before: false }] {
            for build in [PLAIN, Build { shape: [4, 3, 2, 5], depth: 2, bidirectional: true, ..PLAIN }] {
                let settings = build.settings(cell, &workspaces);
                let arguments = build.arguments(cell);
                let [fused, composed] = [recurrent as Op, recurrent_composed]
                    .map(|op| run(op, build, &settings, &arguments, uses, &device).1);
                for (i, (a, b)) in fused.iter().zip(&composed).enumerate() {
                    // No gradient and a gradient of zeros are the same.
                    let zero = vec![0.0; a.len().max(b.len())];
                    let or_zero = |v: &Vec<f32>| if v.is_empty() { zero.clone() } else { v.clone() };
                    compare(&mut wrong, &format!("{cell:?} {uses:?} {i}"), &or_zero(a), &or_zero(b), 3e-5);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn gradients_agree_with_finite_differences() {
    let (workspaces, mut wrong) = (Workspaces::default(), Vec::new());
    let build =
        Build { shape: [3, 2, 2, 3], depth: 2, bidirectional: true, ragged: true, dropout: 1, ..PLAIN };
    // The kink of relu is not differentiable; the others are smooth.
    for cell in CELLS.into_iter().filter(|&cell| cell != Cell::Rnn(Activation::Relu)) {
        let settings = build.settings(cell, &workspaces);
        let arguments = build.arguments(cell);
        let autodiff = Device::flex().autodiff();
        let (_, results) = run(recurrent, build, &settings, &arguments, ALL, &autodiff);
        let gradients = &results[results.len() - arguments.len()..];
        for (a, gradient) in gradients.iter().enumerate() {
            let slopes = differences(&arguments[a], 1e-2, |moved| {
                let mut arguments = arguments.clone();
                arguments[a] = moved.to_vec();
                run(recurrent, build, &settings, &arguments, ALL, &Device::flex()).0
            });
            compare(&mut wrong, &format!("{cell:?} argument {a}"), gradient, &slopes, 2e-3);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Layers of an evaluation, of two calls before one backward pass, and of a graph that is never used share what is kept.
#[test]
fn workspaces_serve_calls_in_any_order() {
    let device = Device::flex().autodiff();
    let workspaces = Workspaces::default();
    let build = Build { shape: [4, 3, 2, 5], depth: 2, ..PLAIN };
    let settings = build.settings(Cell::Lstm, &workspaces);
    let fresh = build.settings(Cell::Lstm, &Workspaces::default());
    let arguments = build.arguments(Cell::Lstm);
    let expected = run(recurrent, build, &fresh, &arguments, ALL, &device).1;
    for unused in [Uses { y: false, h: false, c: false }, ALL] {
        run(recurrent, build, &settings, &arguments, unused, &device);
        let other = Build { shape: [2, 7, 2, 5], depth: 1, ..PLAIN };
        run(recurrent, other, &settings, &other.arguments(Cell::Lstm), ALL, &Device::flex());
        assert_eq!(run(recurrent, build, &settings, &arguments, ALL, &device).1, expected);
    }
    // The same weights twice in one graph: gradients add up.
    let x: Tensor<3> = tensor(numbers(24, 1), [4, 3, 2], &device);
    let w = tensor(numbers(40, 2), [20, 2], &device).require_grad();
    let weights = [RecurrentWeights {
        weight_ih: w.clone(),
        weight_hh: tensor(numbers(100, 3), [20, 5], &device),
        biases: None,
    }];
    let gradient = |op: Op| {
        let (first, states) = op(&settings, x.clone(), &weights, None);
        let (second, _) = op(&settings, x.clone(), &weights, Some(states));
        let gradients = (first + second).powf_scalar(2.0).sum().backward();
        values(w.grad(&gradients).unwrap())
    };
    let mut wrong = Vec::new();
    compare(&mut wrong, "two calls", &gradient(recurrent), &gradient(recurrent_composed), 3e-5);
    assert!(wrong.is_empty(), "{wrong:?}");
}
