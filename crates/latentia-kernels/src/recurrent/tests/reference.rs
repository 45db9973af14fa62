//! The equations as they stand, in f64, and their derivatives by differences.

use super::*;

/// A layer, sequences and output gradients made of random numbers.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) cell: Cell,
    pub(crate) steps: usize,
    pub(crate) batch: usize,
    pub(crate) inputs: usize,
    pub(crate) hidden: usize,
    pub(crate) reverse: bool,
    pub(crate) lengths: Vec<usize>,
    pub(crate) x: Vec<f32>,
    pub(crate) h0: Vec<f32>,
    pub(crate) c0: Vec<f32>,
    pub(crate) weight_ih: Vec<f32>,
    pub(crate) weight_hh: Vec<f32>,
    pub(crate) bias_ih: Vec<f32>,
    pub(crate) bias_hh: Vec<f32>,
    pub(crate) dy: Vec<f32>,
    pub(crate) dh: Vec<f32>,
    pub(crate) dc: Vec<f32>,
}

pub(crate) fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&v| f64::from(v)).collect()
}

/// What the sequences give, in f64.
pub(crate) struct Wide {
    pub(crate) y: Vec<f64>,
    pub(crate) h: Vec<f64>,
    pub(crate) c: Vec<f64>,
}

/// x, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh.
pub(crate) type Arguments = [Vec<f64>; 7];

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Case {
    pub(crate) fn new(cell: Cell, [steps, batch, inputs, hidden]: [usize; 4], seed: u64) -> Self {
        let rows = cell.gates() * hidden;
        let scaled = |len: usize, seed: u64, scale: f32| -> Vec<f32> {
            numbers(len, seed).into_iter().map(|v| v * scale).collect()
        };
        let state = batch * hidden;
        let seed = seed * 100;
        Self {
            cell,
            steps,
            batch,
            inputs,
            hidden,
            reverse: false,
            lengths: vec![steps; batch],
            x: numbers(steps * batch * inputs, seed + 1),
            h0: numbers(state, seed + 2),
            c0: numbers(state, seed + 3),
            weight_ih: scaled(rows * inputs, seed + 4, (1.0 / inputs.max(1) as f32).sqrt()),
            weight_hh: scaled(rows * hidden, seed + 5, (1.0 / hidden as f32).sqrt()),
            bias_ih: scaled(rows, seed + 6, 0.3),
            bias_hh: scaled(rows, seed + 7, 0.3),
            dy: numbers(steps * state, seed + 8),
            dh: numbers(state, seed + 9),
            dc: numbers(state, seed + 10),
        }
    }

    /// One row of the batch alone, as long as it runs.
    pub(crate) fn row(&self, row: usize) -> Self {
        let pick = |v: &[f32], width: usize, steps: usize| -> Vec<f32> {
            (0..steps).flat_map(|t| v[(t * self.batch + row) * width..][..width].to_vec()).collect()
        };
        let steps = self.lengths[row];
        Self {
            steps,
            batch: 1,
            lengths: vec![steps],
            x: pick(&self.x, self.inputs, steps),
            h0: pick(&self.h0, self.hidden, 1),
            c0: pick(&self.c0, self.hidden, 1),
            dy: pick(&self.dy, self.hidden, steps),
            dh: pick(&self.dh, self.hidden, 1),
            dc: pick(&self.dc, self.hidden, 1),
            ..self.clone()
        }
    }

    /// `h` and `c` of one row after one step.
    fn step(&self, [_, _, _, wi, wh, bi, bh]: &Arguments, x: &[f64], h: &mut [f64], c: &mut [f64]) {
        let (inputs, hidden) = (self.inputs, self.hidden);
        let input = |q: usize, u: usize| {
            let row = q * hidden + u;
            bi[row] + (0..inputs).map(|p| wi[row * inputs + p] * x[p]).sum::<f64>()
        };
        let recurrent = |q: usize, u: usize, h: &[f64]| {
            let row = q * hidden + u;
            bh[row] + (0..hidden).map(|p| wh[row * hidden + p] * h[p]).sum::<f64>()
        };
        let old = h.to_vec();
        let gate = |q: usize, u: usize| input(q, u) + recurrent(q, u, &old);
        let reset: Vec<f64> = match self.cell {
            Cell::Gru { .. } => (0..hidden).map(|u| sigmoid(gate(0, u)) * old[u]).collect(),
            _ => Vec::new(),
        };
        for u in 0..hidden {
            h[u] = match self.cell {
                Cell::Rnn(Activation::Tanh) => gate(0, u).tanh(),
                Cell::Rnn(Activation::Relu) => gate(0, u).max(0.0),
                Cell::Rnn(_) => gate(0, u),
                Cell::Lstm => {
                    c[u] = sigmoid(gate(1, u)) * c[u] + sigmoid(gate(0, u)) * gate(2, u).tanh();
                    sigmoid(gate(3, u)) * c[u].tanh()
                }
                Cell::Gru { reset_before } => {
                    let z = sigmoid(gate(1, u));
                    let candidate = if reset_before {
                        recurrent(2, u, &reset)
                    } else {
                        sigmoid(gate(0, u)) * recurrent(2, u, &old)
                    };
                    (1.0 - z) * (input(2, u) + candidate).tanh() + z * old[u]
                }
            };
        }
    }

    pub(crate) fn evaluate(&self, arguments: &Arguments) -> Wide {
        let (batch, inputs, hidden) = (self.batch, self.inputs, self.hidden);
        let mut y = vec![0.0; self.steps * batch * hidden];
        let [x, h0, c0, ..] = arguments;
        let (mut h, mut c) = (h0.clone(), c0.clone());
        for row in 0..batch {
            let (h, c) = (&mut h[row * hidden..][..hidden], &mut c[row * hidden..][..hidden]);
            for t in 0..self.lengths[row] {
                let t = if self.reverse { self.lengths[row] - 1 - t } else { t };
                self.step(arguments, &x[(t * batch + row) * inputs..][..inputs], h, c);
                y[(t * batch + row) * hidden..][..hidden].copy_from_slice(h);
            }
        }
        Wide { y, h, c }
    }

    pub(crate) fn arguments(&self) -> Arguments {
        [&self.x, &self.h0, &self.c0, &self.weight_ih, &self.weight_hh, &self.bias_ih, &self.bias_hh]
            .map(|v| wide(v))
    }

    pub(crate) fn reference(&self) -> Wide {
        self.evaluate(&self.arguments())
    }

    /// The scalar whose gradients are those of the layer with these output gradients.
    fn loss(&self, arguments: &Arguments) -> f64 {
        let out = self.evaluate(arguments);
        let dot = |a: &[f64], b: &[f32]| a.iter().zip(b).map(|(a, &b)| a * f64::from(b)).sum::<f64>();
        let memory = if self.cell == Cell::Lstm { dot(&out.c, &self.dc) } else { 0.0 };
        dot(&out.y, &self.dy) + dot(&out.h, &self.dh) + memory
    }

    /// The derivative in a direction, by a central difference.
    pub(crate) fn slope(&self, direction: &Arguments) -> f64 {
        let step = 1e-6;
        let moved = |by: f64| {
            let mut arguments = self.arguments();
            for (value, d) in arguments.iter_mut().flatten().zip(direction.iter().flatten()) {
                *value += by * d;
            }
            self.loss(&arguments)
        };
        (moved(step) - moved(-step)) / (2.0 * step)
    }

    /// Central differences for every argument.
    pub(crate) fn differences(&self) -> [Vec<f64>; 7] {
        let step = 1e-6;
        let mut arguments = self.arguments();
        std::array::from_fn(|a| {
            if a == 2 && self.cell != Cell::Lstm {
                return Vec::new();
            }
            (0..arguments[a].len())
                .map(|i| {
                    let old = arguments[a][i];
                    arguments[a][i] = old + step;
                    let up = self.loss(&arguments);
                    arguments[a][i] = old - step;
                    let down = self.loss(&arguments);
                    arguments[a][i] = old;
                    (up - down) / (2.0 * step)
                })
                .collect()
        })
    }
}
