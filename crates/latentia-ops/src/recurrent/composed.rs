//! Recurrent layers from Burn's own operations.

use burn::tensor::{Device, Tensor, TensorData, activation::sigmoid};

use super::{Cell, Recurrence, RecurrentDropout, RecurrentStates, RecurrentWeights};
use crate::dense::activate_composed;

/// [`recurrent`](super::recurrent) from Burn's own operations, for every backend: the input's share of all steps is one product,
/// every step is one more (the GRU that resets before it has two).
pub fn recurrent_composed(
    settings: &Recurrence,
    x: Tensor<3>,
    weights: &[RecurrentWeights],
    initial: Option<RecurrentStates>,
) -> (Tensor<3>, RecurrentStates) {
    let directions = 1 + usize::from(settings.bidirectional);
    let depth = weights.len() / directions;
    let [steps, batch, _] = x.dims();
    let device = x.device();
    let running = settings.lengths.as_deref().map(|lengths| running(lengths, steps, &device.clone().inner()));
    let (mut below, mut last_h, mut last_c) = (x, Vec::new(), Vec::new());
    for level in 0..depth {
        let outputs: Vec<Tensor<3>> = (0..directions)
            .map(|direction| {
                let i = level * directions + direction;
                let hidden = weights[i].weight_hh.dims()[1];
                let zero = || Tensor::<2>::zeros([batch, hidden], &device);
                let pick = |states: &Tensor<3>| states.clone().narrow(0, i, 1).squeeze_dim(0);
                let start = [
                    initial.as_ref().map_or_else(zero, |states| pick(&states.h)),
                    initial.as_ref().and_then(|states| states.c.as_ref()).map_or_else(zero, pick),
                ];
                let pass = Pass { cell: settings.cell, weights: &weights[i], running: running.as_deref() };
                let (y, [h, c]) = pass.run(below.clone(), start, direction == 1);
                last_h.push(h);
                last_c.push(c);
                y
            })
            .collect();
        below = Tensor::cat(outputs, 2);
        if level + 1 < depth
            && let Some(mask) = mask(&settings.dropout, level, below.dims(), &device.clone().inner())
        {
            below = below * mask;
        }
    }
    let c = (settings.cell == Cell::Lstm).then(|| Tensor::stack(last_c, 0));
    (below, RecurrentStates { h: Tensor::stack(last_h, 0), c })
}

/// For each step, 1 for the rows that still run and 0 for the others, `[B, 1]`.
fn running(lengths: &[usize], steps: usize, device: &Device) -> Vec<Tensor<2>> {
    let at = |t: usize| {
        let values: Vec<f32> = lengths.iter().map(|&length| f32::from(u8::from(t < length))).collect();
        Tensor::from_data(TensorData::new(values, [lengths.len(), 1]), device)
    };
    (0..steps).map(at).collect()
}

/// The factors of what leaves a layer, `[T or 1, B, D·H]`.
fn mask(
    dropout: &RecurrentDropout,
    level: usize,
    [steps, batch, width]: [usize; 3],
    device: &Device,
) -> Option<Tensor<3>> {
    let (mask, steps) = match dropout {
        RecurrentDropout::None => return None,
        RecurrentDropout::Steps(mask) => (mask, steps),
        RecurrentDropout::Sequences(mask) => (mask, 1),
    };
    let len = steps * batch * width;
    let values = mask[level * len..][..len].to_vec();
    Some(Tensor::from_data(TensorData::new(values, [steps, batch, width]), device))
}

/// One layer in one direction.
struct Pass<'a> {
    cell: Cell,
    weights: &'a RecurrentWeights,
    running: Option<&'a [Tensor<2>]>,
}

impl Pass<'_> {
    /// All states, `[T, B, H]`, and the last ones.
    fn run(&self, x: Tensor<3>, start: [Tensor<2>; 2], reverse: bool) -> (Tensor<3>, [Tensor<2>; 2]) {
        let [steps, batch, inputs] = x.dims();
        let RecurrentWeights { weight_ih, weight_hh, biases } = self.weights;
        let [rows, hidden] = weight_hh.dims();
        if steps == 0 {
            return (Tensor::zeros([0, batch, hidden], &x.device()), start);
        }
        let mut input = x.reshape([steps * batch, inputs]).matmul(weight_ih.clone().transpose());
        if let Some([bias_ih, _]) = biases {
            input = input + bias_ih.clone().unsqueeze::<2>();
        }
        let input = input.reshape([steps, batch, rows]);
        let mut states = start;
        let mut outputs: Vec<Tensor<2>> = Vec::with_capacity(steps);
        for step in 0..steps {
            let t = if reverse { steps - 1 - step } else { step };
            let mut after = self.step(input.clone().narrow(0, t, 1).squeeze_dim(0), &states, hidden);
            let mut y = after[0].clone();
            if let Some(running) = self.running {
                // A row that has ended (or not yet begun) keeps its states.
                let runs = running[t].clone();
                y = y * runs.clone();
                let kept = |after: Tensor<2>, before: &Tensor<2>| {
                    after * runs.clone() + before.clone() * (runs.clone().neg() + 1.0)
                };
                let [h, c] = after;
                after = [kept(h, &states[0]), kept(c, &states[1])];
            }
            states = after;
            outputs.push(y);
        }
        if reverse {
            outputs.reverse();
        }
        (Tensor::stack(outputs, 0), states)
    }

    /// `h` and `c` after one step: the letters are those of [`latentia_kernels::recurrent`].
    fn step(&self, input: Tensor<2>, [h, c]: &[Tensor<2>; 2], hidden: usize) -> [Tensor<2>; 2] {
        let RecurrentWeights { weight_hh, biases, .. } = self.weights;
        let bias_hh = biases.as_ref().map(|[_, bias]| bias.clone().unsqueeze::<2>());
        let gate = |x: &Tensor<2>, q: usize, count: usize| x.clone().narrow(1, q * hidden, count * hidden);
        let recurrent = |h: Tensor<2>, q: usize, count: usize| {
            let product = h.matmul(weight_hh.clone().narrow(0, q * hidden, count * hidden).transpose());
            match &bias_hh {
                Some(bias) => product + gate(bias, q, count),
                None => product,
            }
        };
        match self.cell {
            Cell::Rnn(activation) => {
                [activate_composed(input + recurrent(h.clone(), 0, 1), activation), c.clone()]
            }
            Cell::Lstm => {
                let sum = input + recurrent(h.clone(), 0, 4);
                let [i, f, o] = [0, 1, 3].map(|q| sigmoid(gate(&sum, q, 1)));
                let c = f * c.clone() + i * gate(&sum, 2, 1).tanh();
                [o * c.clone().tanh(), c]
            }
            Cell::Gru { reset_before } => {
                let (sum, n) = if reset_before {
                    let sum = gate(&input, 0, 2) + recurrent(h.clone(), 0, 2);
                    let reset = sigmoid(gate(&sum, 0, 1)) * h.clone();
                    (sum, (gate(&input, 2, 1) + recurrent(reset, 2, 1)).tanh())
                } else {
                    let share = recurrent(h.clone(), 0, 3);
                    let sum = gate(&input, 0, 2) + gate(&share, 0, 2);
                    let r = sigmoid(gate(&sum, 0, 1));
                    (sum, (gate(&input, 2, 1) + r * gate(&share, 2, 1)).tanh())
                };
                let z = sigmoid(gate(&sum, 1, 1));
                [z.clone() * (h.clone() - n.clone()) + n, c.clone()]
            }
        }
    }
}
