//! Training steps of recurrent layers, and one step of a stream.

use std::time::Instant;

use latentia_kernels::{
    Activation,
    optim::{Sgd, sgd},
    recurrent::{
        Cell, Gradients, LastStates, Layer, OutputGradients, Sequences, States, Stepper, Workspace, backward,
        forward,
    },
};

use crate::{Timed, Work, numbers, uniform};

fn cell(kind: &str) -> Cell {
    match kind {
        "lstm" => Cell::Lstm,
        "gru" => Cell::Gru { reset_before: false },
        _ => Cell::Rnn(Activation::Tanh),
    }
}

/// Weights and biases of a layer in one direction, and their gradients.
struct Weights {
    cell: Cell,
    inputs: usize,
    hidden: usize,
    values: [Vec<f32>; 4],
    gradients: [Vec<f32>; 4],
}

impl Weights {
    fn new(cell: Cell, inputs: usize, hidden: usize, seed: u64) -> Self {
        let rows = cell.gates() * hidden;
        let bound = 1.0 / (hidden as f32).sqrt();
        let lengths = [rows * inputs, rows * hidden, rows, rows];
        let draw = |i: usize| uniform(lengths[i], seed + i as u64).iter().map(|v| v * bound).collect();
        Self {
            cell,
            inputs,
            hidden,
            values: std::array::from_fn(draw),
            gradients: lengths.map(|n| vec![0.0; n]),
        }
    }

    fn layer(&self) -> Layer<'_> {
        let [weight_ih, weight_hh, bias_ih, bias_hh] = &self.values;
        let (cell, inputs, hidden) = (self.cell, self.inputs, self.hidden);
        Layer { cell, inputs, hidden, weight_ih, weight_hh, bias_ih: Some(bias_ih), bias_hh: Some(bias_hh) }
    }
}

/// One direction with what it needs for a step.
struct Direction {
    weights: Weights,
    workspace: Workspace,
    y: Vec<f32>,
    dy: Vec<f32>,
    reverse: bool,
}

/// Forward, the mean square of all outputs as the loss, backward, plain SGD.
pub(crate) struct Step {
    x: Vec<f32>,
    steps: usize,
    batch: usize,
    lengths: Option<Vec<usize>>,
    directions: Vec<Direction>,
}

impl Step {
    /// `BATCH/STEPS/INPUTS/HIDDEN`, with `/bidirectional`.
    pub(crate) fn new(kind: &str, sizes: &str) -> Result<Self, String> {
        let (sizes, both) = match sizes.strip_suffix("/bidirectional") {
            Some(sizes) => (sizes, true),
            None => (sizes, false),
        };
        let &[batch, steps, inputs, hidden] = &numbers(sizes, &['/'])?[..] else {
            return Err(format!("{sizes}: expected BATCH/STEPS/INPUTS/HIDDEN"));
        };
        let direction = |reverse: bool| Direction {
            weights: Weights::new(cell(kind), inputs, hidden, u64::from(reverse) * 10),
            workspace: Workspace::new(),
            y: vec![0.0; steps * batch * hidden],
            dy: vec![0.0; steps * batch * hidden],
            reverse,
        };
        Ok(Self {
            x: uniform(steps * batch * inputs, 100),
            steps,
            batch,
            lengths: None,
            directions: if both { vec![direction(false), direction(true)] } else { vec![direction(false)] },
        })
    }

    /// The same LSTM over rows of 10 to STEPS steps, evenly spread, in an order of their own.
    pub(crate) fn with_lengths(sizes: &str) -> Result<Self, String> {
        let mut step = Self::new("lstm", sizes)?;
        let (batch, steps) = (step.batch, step.steps);
        // 29 has no factor in common with the batches that are measured.
        let length = |i: usize| 10 + (i * 29 % batch) * (steps - 10) / (batch - 1).max(1);
        step.lengths = Some((0..batch).map(length).collect());
        Ok(step)
    }

    fn once(&mut self) {
        let tokens = match &self.lengths {
            Some(lengths) => lengths.iter().sum(),
            None => self.steps * self.batch,
        };
        let outputs = self.directions.iter().map(|d| tokens * d.weights.hidden).sum::<usize>();
        for direction in &mut self.directions {
            let Direction { weights, workspace, y, dy, reverse } = direction;
            let sequences = Sequences {
                x: &self.x,
                steps: self.steps,
                batch: self.batch,
                lengths: self.lengths.as_deref(),
                reverse: *reverse,
            };
            forward(&weights.layer(), sequences, States::default(), y, LastStates::default(), workspace);
            let scale = 2.0 / outputs as f32;
            dy.iter_mut().zip(&*y).for_each(|(d, y)| *d = scale * y);
            let mut gradients = std::mem::take(&mut weights.gradients);
            let [weight_ih, weight_hh, bias_ih, bias_hh] = &mut gradients;
            let into = Gradients {
                weight_ih: Some(weight_ih),
                weight_hh: Some(weight_hh),
                bias_ih: Some(bias_ih),
                bias_hh: Some(bias_hh),
                ..Gradients::default()
            };
            backward(&weights.layer(), OutputGradients { dy: Some(dy), dh: None, dc: None }, into, workspace);
            let config = Sgd { lr: 1e-3, momentum: 0.0, nesterov: false, weight_decay: 0.0 };
            for (value, gradient) in weights.values.iter_mut().zip(&gradients) {
                sgd(&config, 1.0, value, gradient, None);
            }
            weights.gradients = gradients;
        }
    }
}

impl Work for Step {
    fn run(&mut self, repetitions: usize) -> Result<Timed, String> {
        let once = |_| {
            let began = Instant::now();
            self.once();
            began.elapsed().as_secs_f64() * 1e3
        };
        Ok(Timed::new((0..repetitions).map(once).collect()))
    }
}

/// Steps of a stream in one measurement: the clock is read before and after all of them.
const STREAMED: usize = 100;

/// One step after the other, each on the state the last one left.
pub(crate) struct Stream {
    stepper: Stepper,
    x: Vec<f32>,
    h: Vec<f32>,
    c: Option<Vec<f32>>,
}

impl Stream {
    /// `BATCH/INPUTS/HIDDEN`.
    pub(crate) fn new(kind: &str, sizes: &str) -> Result<Self, String> {
        let &[batch, inputs, hidden] = &numbers(sizes, &['/'])?[..] else {
            return Err(format!("{sizes}: expected BATCH/INPUTS/HIDDEN"));
        };
        let cell = cell(kind.trim_end_matches("-stream"));
        let weights = Weights::new(cell, inputs, hidden, 0);
        Ok(Self {
            stepper: Stepper::new(&weights.layer()),
            x: uniform(batch * inputs, 100),
            h: vec![0.0; batch * hidden],
            c: (cell == Cell::Lstm).then(|| vec![0.0; batch * hidden]),
        })
    }
}

impl Work for Stream {
    fn run(&mut self, repetitions: usize) -> Result<Timed, String> {
        let once = |_| {
            let began = Instant::now();
            for _ in 0..STREAMED {
                self.stepper.step(&self.x, &mut self.h, self.c.as_deref_mut());
            }
            began.elapsed().as_secs_f64() * 1e3 / STREAMED as f64
        };
        Ok(Timed::new((0..repetitions).map(once).collect()))
    }
}
