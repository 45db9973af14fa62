//! Training steps of recurrent layers: forward, backpropagation through time, SGD. The loss is the mean of y².
//!
//! `cargo run --release --bin recurrent [-- WORD...]` prints a table of the rows whose names hold all words (`lstm`, `gru`,
//! `64/100`, …); `LATENTIA_THREADS` sets the threads. The last column is the share of what a product of two 2048 x 2048
//! matrices reaches on as many threads, measured first.

use latentia_kernels::gemm::gemm;
use latentia_kernels::optim::{Sgd, sgd};
use latentia_kernels::recurrent::{
    Cell, Gradients, LastStates, Layer, OutputGradients, Sequences, States, Stepper, Workspace, backward,
    forward,
};
use latentia_kernels::{Activation, MatMut, MatRef, threads};
use std::time::Instant;

/// Seconds every row is timed for.
const SECONDS: f64 = 0.6;

/// Numbers in -1..1, the same in every run.
fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    };
    (0..n).map(next).collect()
}

/// The median of the milliseconds a call takes.
fn median(mut f: impl FnMut()) -> f64 {
    for _ in 0..3 {
        f();
    }
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < 5 || start.elapsed().as_secs_f64() < SECONDS {
        let start = Instant::now();
        f();
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// One direction of a layer with its parameters one after the other, and their gradients.
struct Direction {
    cell: Cell,
    inputs: usize,
    hidden: usize,
    parameters: Vec<f32>,
    gradients: Vec<f32>,
    y: Vec<f32>,
    dy: Vec<f32>,
    workspace: Workspace,
}

impl Direction {
    fn new(cell: Cell, (inputs, hidden): (usize, usize), outputs: usize) -> Self {
        let rows = cell.gates() * hidden;
        let scale = 1.0 / (hidden as f32).sqrt();
        let parameters: Vec<f32> =
            noise(rows * (inputs + hidden + 2), 2).into_iter().map(|v| v * scale).collect();
        let gradients = vec![0.0; parameters.len()];
        let (y, dy) = (vec![0.0; outputs], vec![0.0; outputs]);
        Self { cell, inputs, hidden, parameters, gradients, y, dy, workspace: Workspace::new() }
    }

    fn step(&mut self, sequences: Sequences) {
        let Self { cell, inputs, hidden, parameters, gradients, y, dy, workspace } = self;
        let layer = layer(*cell, *inputs, *hidden, parameters);
        forward(&layer, sequences, States::default(), y, LastStates::default(), workspace);
        let scale = 2.0 / y.len() as f32;
        let parts = dy.chunks_mut(16_384).zip(y.chunks(16_384)).collect();
        threads::for_each(parts, |(dy, y): (&mut [f32], &[f32])| {
            dy.iter_mut().zip(y).for_each(|(dy, y)| *dy = y * scale);
        });
        let rows = cell.gates() * *hidden;
        let (ih, rest) = gradients.split_at_mut(rows * *inputs);
        let (hh, rest) = rest.split_at_mut(rows * *hidden);
        let (bias_ih, bias_hh) = rest.split_at_mut(rows);
        let wanted = Gradients {
            weight_ih: Some(ih),
            weight_hh: Some(hh),
            bias_ih: Some(bias_ih),
            bias_hh: Some(bias_hh),
            ..Gradients::default()
        };
        let outputs = OutputGradients { dy: Some(dy), ..OutputGradients::default() };
        backward(&layer, outputs, wanted, workspace);
        let config = Sgd { lr: 1e-3, momentum: 0.0, nesterov: false, weight_decay: 0.0 };
        sgd(&config, 1.0, parameters, gradients, None);
    }
}

fn layer(cell: Cell, inputs: usize, hidden: usize, parameters: &[f32]) -> Layer<'_> {
    let rows = cell.gates() * hidden;
    let (weight_ih, rest) = parameters.split_at(rows * inputs);
    let (weight_hh, rest) = rest.split_at(rows * hidden);
    let (bias_ih, bias_hh) = rest.split_at(rows);
    Layer { cell, inputs, hidden, weight_ih, weight_hh, bias_ih: Some(bias_ih), bias_hh: Some(bias_hh) }
}

/// Milliseconds of a training step.
fn train(
    cell: Cell,
    (batch, steps, inputs, hidden): (usize, usize, usize, usize),
    lengths: Option<&[usize]>,
    directions: usize,
) -> f64 {
    let x = noise(steps * batch * inputs, 1);
    let direction = |_| Direction::new(cell, (inputs, hidden), steps * batch * hidden);
    let mut layers: Vec<Direction> = (0..directions).map(direction).collect();
    median(|| {
        for (i, layer) in layers.iter_mut().enumerate() {
            layer.step(Sequences { x: &x, steps, batch, lengths, reverse: i == 1 });
        }
    })
}

/// GF/s of a product of two square matrices.
fn ceiling() -> f64 {
    let n = 2048;
    let (a, b, mut c) = (noise(n * n, 1), noise(n * n, 2), vec![0.0; n * n]);
    let time = median(|| gemm(MatRef::new(&a, n, n), MatRef::new(&b, n, n), MatMut::new(&mut c, n, n), false));
    2e-6 * (n * n * n) as f64 / time
}

/// Cells, in the order of their gates.
const CELLS: [(&str, Cell); 3] = [
    ("rnn", Cell::Rnn(Activation::Tanh)),
    ("gru", Cell::Gru { reset_before: false }),
    ("lstm", Cell::Lstm),
];

/// B, T, I, H and directions.
const SHAPES: [(usize, usize, usize, usize, usize); 8] = [
    (20, 35, 200, 200, 1),
    (20, 35, 650, 650, 1),
    (64, 100, 64, 64, 1),
    (32, 50, 32, 128, 1),
    (16, 256, 64, 256, 1),
    (128, 28, 28, 128, 1),
    (1, 500, 8, 32, 1),
    (64, 50, 300, 512, 2),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| words.iter().all(|word| name.contains(word.as_str()));
    let mut rows = Vec::new();
    let ceiling = ceiling();
    // Lengths 10 to 100, the longest among them.
    let lengths: Vec<usize> = (0..64).map(|i| 10 + (i * 37 + 26) % 91).collect();
    let tokens: usize = lengths.iter().sum();
    for (name, cell) in CELLS {
        for (b, t, i, h, directions) in SHAPES {
            let row = format!("{name} {b}/{t}/{i}/{h}{}", if directions == 2 { " both directions" } else { "" });
            // Forward, dW and dh are a product each; the gradient of x is not asked for.
            let flops = directions * b * t * cell.gates() * h * (4 * i + 6 * h);
            if wanted(&row) {
                rows.push((row, train(cell, (b, t, i, h), None, directions), Some(flops)));
            }
        }
        let row = format!("{name} 64/10-100/256/256");
        let flops = tokens * cell.gates() * 256 * 10 * 256;
        if wanted(&row) {
            rows.push((row, train(cell, (64, 100, 256, 256), Some(&lengths), 1), Some(flops)));
        }
        let row = format!("{name} one step 1/1/64/128");
        if wanted(&row) {
            let direction = Direction::new(cell, (64, 128), 0);
            let mut stepper = Stepper::new(&layer(cell, 64, 128, &direction.parameters));
            let (x, mut h, mut c) = (noise(64, 1), vec![0.0; 128], vec![0.0; 128]);
            let time = median(|| {
                for _ in 0..100 {
                    stepper.step(&x, &mut h, (cell == Cell::Lstm).then_some(&mut c[..]));
                }
            });
            rows.push((row, time / 100.0, None));
        }
    }
    println!("{} threads, a product of 2048 x 2048 matrices at {ceiling:.0} GF/s", threads::count());
    println!("{:<34} {:>9} {:>7} {:>5}", "cell B/T/I/H", "ms", "GF/s", "%");
    for (row, time, flops) in rows {
        let rate = flops.map(|flops| flops as f64 / time / 1e6);
        let rate = rate.map_or(String::new(), |r| format!("{r:>7.0} {:>5.0}", 100.0 * r / ceiling));
        println!("{row:<34} {time:>9.4} {rate}");
    }
}
