//! Stacks against the layers' reference fed to each other in f64, and against its finite differences.

use super::reference::{Arguments, Case, Wide};
use super::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Drop {
    Nothing,
    Steps,
    Sequences,
}

/// Layers with their states and the gradients of those.
#[derive(Clone)]
struct StackCase {
    layers: Vec<Case>,
    directions: usize,
    dropped: Drop,
    mask: Vec<f32>,
    dy: Vec<f32>,
}

/// Shape of the masks and of the output: T, B, D·H.
fn masks(dropped: Drop, depth: usize, [steps, batch, width]: [usize; 3]) -> Vec<f32> {
    let len = match dropped {
        Drop::Nothing => 0,
        Drop::Steps => (depth - 1) * steps * batch * width,
        Drop::Sequences => (depth - 1) * batch * width,
    };
    numbers(len, 77).into_iter().map(|v| if v > 0.4 { 0.0 } else { 1.25 }).collect()
}

impl StackCase {
    fn new(
        cell: Cell,
        shape: [usize; 4],
        depth: usize,
        directions: usize,
        dropped: Drop,
        ragged: bool,
    ) -> Self {
        let [steps, batch, inputs, hidden] = shape;
        let width = directions * hidden;
        let layer = |i: usize| {
            let inputs = if i < directions { inputs } else { width };
            let mut case = Case::new(cell, [steps, batch, inputs, hidden], 60 + i as u64);
            case.reverse = i % directions == 1;
            if ragged {
                case.lengths = super::ragged(batch, steps);
            }
            case
        };
        Self {
            layers: (0..depth * directions).map(layer).collect(),
            directions,
            dropped,
            mask: masks(dropped, depth, [steps, batch, width]),
            dy: numbers(steps * batch * width, 5),
        }
    }

    fn arguments(&self) -> Vec<Arguments> {
        self.layers.iter().map(Case::arguments).collect()
    }

    /// `arguments[0][0]` is the input; that of the other layers is not used.
    fn evaluate(&self, arguments: &[Arguments]) -> Wide {
        let Case { batch, hidden, .. } = self.layers[0];
        let depth = self.layers.len() / self.directions;
        let mut x = arguments[0][0].clone();
        let (mut h, mut c) = (Vec::new(), Vec::new());
        for level in 0..depth {
            let outputs: Vec<Wide> = (0..self.directions)
                .map(|direction| {
                    let i = level * self.directions + direction;
                    let mut own = arguments[i].clone();
                    own[0] = x.clone();
                    self.layers[i].evaluate(&own)
                })
                .collect();
            let rows = outputs[0].y.len() / hidden;
            x = (0..rows)
                .flat_map(|r| outputs.iter().flat_map(move |o| o.y[r * hidden..][..hidden].iter().copied()))
                .collect();
            if level + 1 < depth {
                let row = batch * self.directions * hidden;
                let len = if self.dropped == Drop::Steps { x.len() } else { row };
                for (i, x) in x.iter_mut().enumerate().filter(|_| self.dropped != Drop::Nothing) {
                    *x *= f64::from(self.mask[level * len + i % len]);
                }
            }
            h.extend(outputs.iter().flat_map(|o| o.h.clone()));
            c.extend(outputs.iter().flat_map(|o| o.c.clone()));
        }
        Wide { y: x, h, c }
    }

    fn states(&self, of: fn(&Case) -> &Vec<f32>) -> Vec<f32> {
        self.layers.iter().flat_map(|case| of(case).clone()).collect()
    }

    fn loss(&self, arguments: &[Arguments]) -> f64 {
        let out = self.evaluate(arguments);
        let dot = |a: &[f64], b: &[f32]| a.iter().zip(b).map(|(a, &b)| a * f64::from(b)).sum::<f64>();
        let memory =
            if self.layers[0].cell == Cell::Lstm { dot(&out.c, &self.states(|l| &l.dc)) } else { 0.0 };
        dot(&out.y, &self.dy) + dot(&out.h, &self.states(|l| &l.dh)) + memory
    }

    /// Central differences for every argument of every layer.
    fn differences(&self) -> Vec<Arguments> {
        let step = 1e-6;
        let mut arguments = self.arguments();
        let lstm = self.layers[0].cell == Cell::Lstm;
        (0..arguments.len())
            .map(|layer| {
                std::array::from_fn(|a| {
                    if a == 0 && layer > 0 || a == 2 && !lstm {
                        return Vec::new();
                    }
                    (0..arguments[layer][a].len())
                        .map(|i| {
                            let old = arguments[layer][a][i];
                            arguments[layer][a][i] = old + step;
                            let up = self.loss(&arguments);
                            arguments[layer][a][i] = old - step;
                            let down = self.loss(&arguments);
                            arguments[layer][a][i] = old;
                            (up - down) / (2.0 * step)
                        })
                        .collect()
                })
            })
            .collect()
    }

    /// y, h, c; dx, dh0, dc0; the weights' gradients of every layer.
    fn run(&self, workspace: &mut StackWorkspace) -> Vec<Vec<f32>> {
        let first = &self.layers[0];
        let lstm = first.cell == Cell::Lstm;
        let layers: Vec<_> = self.layers.iter().map(Case::layer).collect();
        let stack = Stack { layers: &layers, bidirectional: self.directions == 2 };
        let dropout = match self.dropped {
            Drop::Nothing => Dropout::None,
            Drop::Steps => Dropout::Steps(&self.mask),
            Drop::Sequences => Dropout::Sequences(&self.mask),
        };
        let (h0, c0) = (self.states(|l| &l.h0), self.states(|l| &l.c0));
        let of = |len: usize| vec![9.0; len];
        let memory = if lstm { h0.len() } else { 0 };
        let (mut y, mut h, mut c) = (of(self.dy.len()), of(h0.len()), of(memory));
        let initial = States { h: Some(&h0), c: lstm.then_some(&c0[..]) };
        let last = LastStates { h: Some(&mut h), c: lstm.then_some(&mut c) };
        forward_stack(&stack, first.sequences(), dropout, initial, &mut y, last, workspace);

        let (dh, dc) = (self.states(|l| &l.dh), self.states(|l| &l.dc));
        let outputs = OutputGradients { dy: Some(&self.dy), dh: Some(&dh), dc: lstm.then_some(&dc[..]) };
        let (mut dx, mut dh0, mut dc0) = (of(first.x.len()), of(h0.len()), of(memory));
        let mut weights: Vec<[Vec<f32>; 4]> = layers
            .iter()
            .map(|l| {
                [l.weight_ih.len(), l.weight_hh.len(), l.bias_ih.unwrap().len(), l.bias_hh.unwrap().len()]
            })
            .map(|lens| lens.map(of))
            .collect();
        let gradients = StackGradients {
            dx: Some(&mut dx),
            dh0: Some(&mut dh0),
            dc0: lstm.then_some(&mut dc0),
            layers: weights
                .iter_mut()
                .map(|[weight_ih, weight_hh, bias_ih, bias_hh]| Gradients {
                    weight_ih: Some(weight_ih),
                    weight_hh: Some(weight_hh),
                    bias_ih: Some(bias_ih),
                    bias_hh: Some(bias_hh),
                    ..Gradients::default()
                })
                .collect(),
        };
        backward_stack(&stack, dropout, outputs, gradients, workspace);
        let mut results = vec![y, h, c, dx, dh0, dc0];
        results.extend(weights.into_iter().flatten());
        results
    }
}

/// Depth, directions, dropout, variable lengths.
const SHAPES: [(usize, usize, Drop, bool); 6] = [
    (1, 1, Drop::Nothing, false),
    (1, 2, Drop::Nothing, true),
    (2, 1, Drop::Steps, false),
    (3, 1, Drop::Sequences, true),
    (2, 2, Drop::Steps, true),
    (3, 2, Drop::Nothing, false),
];

#[test]
fn states_and_gradients_agree_with_the_reference() {
    let _alone = three_threads();
    let mut workspace = StackWorkspace::new();
    for (depth, directions, dropped, ragged) in SHAPES {
        for cell in CELLS {
            // Five steps are cut into pieces.
            for shape in [[3, 3, 2, 3], [1, 1, 1, 2], [5, 2, 2, 3]] {
                if cfg!(miri) && shape[0] != 1 {
                    continue;
                }
                let case = StackCase::new(cell, shape, depth, directions, dropped, ragged);
                let name =
                    format!("{cell:?} {shape:?}, {depth} x {directions}, {dropped:?}, ragged {ragged}");
                let got = case.run(&mut workspace);
                let want = case.evaluate(&case.arguments());
                close(&format!("y of {name}"), &got[0], &want.y, 1e-5);
                close(&format!("h of {name}"), &got[1], &want.h, 1e-5);
                if cell == Cell::Lstm {
                    close(&format!("c of {name}"), &got[2], &want.c, 1e-5);
                }
                // The reference has no unsafe code, and its differences would take Miri an hour.
                if cfg!(miri) {
                    continue;
                }
                let want = case.differences();
                let states = |a: usize| -> Vec<f64> { want.iter().flat_map(|w| w[a].clone()).collect() };
                close(&format!("dx of {name}"), &got[3], &want[0][0], 5e-5);
                close(&format!("dh0 of {name}"), &got[4], &states(1), 5e-5);
                close(&format!("dc0 of {name}"), &got[5], &states(2), 5e-5);
                for (layer, want) in want.iter().enumerate() {
                    for (i, what) in NAMES.iter().enumerate().skip(3) {
                        let got = &got[6 + layer * 4 + i - 3];
                        close(&format!("{what} of layer {layer} of {name}"), got, &want[i], 5e-5);
                    }
                }
            }
        }
    }
}

#[test]
fn one_layer_in_one_direction_is_the_layer() {
    let shape = if cfg!(miri) { [2, 3, 1, 3] } else { [5, 4, 3, 20] };
    let case = StackCase::new(Cell::Lstm, shape, 1, 1, Drop::Nothing, true);
    let mut alone = case.layers[0].clone();
    alone.dy.clone_from(&case.dy);
    let want = alone.run();
    let got = case.run(&mut StackWorkspace::new());
    let [y, h, c, gradients @ ..] = &got[..] else { unreachable!() };
    assert_eq!([y, h, c], [&want.y, &want.last[0], &want.last[1]]);
    assert_eq!(gradients, want.gradients);
}

#[test]
fn a_stack_gives_the_same_bits_for_any_number_of_threads() {
    let _alone = three_threads();
    let shape = if cfg!(miri) { [2, 16, 1, 3] } else { [6, 40, 5, 37] };
    for cell in CELLS {
        for (depth, directions) in [(2, 2), (3, 1)] {
            let case = StackCase::new(cell, shape, depth, directions, Drop::Steps, true);
            let run = |threads| with_limit(threads, || case.run(&mut StackWorkspace::new()));
            let one = run(1);
            assert!(one == run(2) && one == run(3), "{cell:?}, {depth} x {directions}");
        }
    }
}

#[test]
fn masks_repeat_over_steps() {
    let [steps, batch, inputs, hidden] = if cfg!(miri) { [2, 2, 1, 3] } else { [4, 3, 2, 9] };
    let shape = [steps, batch, inputs, hidden];
    let mut by_step = StackCase::new(Cell::Lstm, shape, 3, 2, Drop::Sequences, false);
    let row = batch * 2 * hidden;
    let by_sequence = by_step.clone();
    by_step.dropped = Drop::Steps;
    by_step.mask = by_sequence.mask.chunks(row).flat_map(|mask| mask.repeat(steps)).collect();
    assert!(by_step.run(&mut StackWorkspace::new()) == by_sequence.run(&mut StackWorkspace::new()));
}
