//! Training steps of recurrent layers, and one step of a stream.

use std::time::Instant;

use latentia_kernels::{
    Activation,
    optim::{Sgd, sgd},
    recurrent::{
        Cell, Dropout, Gradients, LastStates, Layer, OutputGradients, Sequences, Stack, StackGradients,
        StackWorkspace, States, Stepper, backward_stack, forward_stack,
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

/// Forward, the mean square of all outputs as the loss, backward, plain SGD.
pub(crate) struct Step {
    x: Vec<f32>,
    steps: usize,
    batch: usize,
    lengths: Option<Vec<usize>>,
    /// One direction or two.
    directions: Vec<Weights>,
    workspace: StackWorkspace,
    y: Vec<f32>,
    dy: Vec<f32>,
}

impl Step {
    /// `BATCH/STEPS/INPUTS/HIDDEN`, with `/bidirectional`.
    pub(crate) fn new(kind: &str, sizes: &str) -> Result<Self, String> {
        let (sizes, directions) = match sizes.strip_suffix("/bidirectional") {
            Some(sizes) => (sizes, 2),
            None => (sizes, 1),
        };
        let &[batch, steps, inputs, hidden] = &numbers(sizes, &['/'])?[..] else {
            return Err(format!("{sizes}: expected BATCH/STEPS/INPUTS/HIDDEN"));
        };
        let outputs = steps * batch * directions * hidden;
        Ok(Self {
            x: uniform(steps * batch * inputs, 100),
            steps,
            batch,
            lengths: None,
            directions: (0..directions as u64)
                .map(|d| Weights::new(cell(kind), inputs, hidden, 10 * d))
                .collect(),
            workspace: StackWorkspace::new(),
            y: vec![0.0; outputs],
            dy: vec![0.0; outputs],
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
        let Self { x, steps, batch, lengths, directions, workspace, y, dy } = self;
        let tokens = lengths.as_ref().map_or(*steps * *batch, |lengths| lengths.iter().sum());
        let outputs = tokens * directions.len() * directions[0].hidden;
        let sequences =
            Sequences { x, steps: *steps, batch: *batch, lengths: lengths.as_deref(), reverse: false };
        let mut gradients: Vec<_> = directions.iter_mut().map(|d| std::mem::take(&mut d.gradients)).collect();
        let layers: Vec<Layer> = directions.iter().map(Weights::layer).collect();
        let stack = Stack { layers: &layers, bidirectional: layers.len() == 2 };
        forward_stack(
            &stack,
            sequences,
            Dropout::None,
            States::default(),
            y,
            LastStates::default(),
            workspace,
        );
        let scale = 2.0 / outputs as f32;
        dy.iter_mut().zip(&*y).for_each(|(d, y)| *d = scale * y);
        let layers = StackGradients {
            dx: None,
            dh0: None,
            dc0: None,
            layers: gradients.iter_mut().map(into).collect(),
        };
        let given = OutputGradients { dy: Some(dy), dh: None, dc: None };
        backward_stack(&stack, Dropout::None, given, layers, workspace);
        let config = Sgd { lr: 1e-3, momentum: 0.0, nesterov: false, weight_decay: 0.0 };
        for (weights, gradients) in directions.iter_mut().zip(gradients) {
            for (value, gradient) in weights.values.iter_mut().zip(&gradients) {
                sgd(&config, 1.0, value, gradient, None);
            }
            weights.gradients = gradients;
        }
    }
}

/// Where the gradients of a layer go.
fn into([weight_ih, weight_hh, bias_ih, bias_hh]: &mut [Vec<f32>; 4]) -> Gradients<'_> {
    Gradients {
        weight_ih: Some(weight_ih),
        weight_hh: Some(weight_hh),
        bias_ih: Some(bias_ih),
        bias_hh: Some(bias_hh),
        ..Gradients::default()
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
