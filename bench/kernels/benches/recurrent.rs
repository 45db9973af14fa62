//! Recurrent layers over whole sequences, forward and backward, in the shapes of `bench/run`; throughput in multiplications and
//! additions of their products. And one step of a stream.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use latentia_kernels::Activation;
use latentia_kernels::recurrent::{
    Cell, Gradients, LastStates, Layer, OutputGradients, Sequences, States, Stepper, Workspace, backward,
    forward,
};

const CELLS: [(&str, Cell); 3] =
    [("rnn", Cell::Rnn(Activation::Tanh)), ("gru", Cell::Gru { reset_before: false }), ("lstm", Cell::Lstm)];

/// Batch, steps, inputs, hidden units.
const SHAPES: [(usize, usize, usize, usize); 7] = [
    (20, 35, 200, 200),
    (20, 35, 650, 650),
    (64, 100, 64, 64),
    (32, 50, 32, 128),
    (16, 256, 64, 256),
    (128, 28, 28, 128),
    (1, 500, 8, 32),
];

/// Numbers in -scale..scale, the same in every run.
fn noise(n: usize, scale: f32) -> Vec<f32> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 40) as f32 / (1u32 << 23) as f32 - 1.0) * scale
    };
    (0..n).map(next).collect()
}

/// Weights of a layer, and memory for their gradients.
struct Weights {
    cell: Cell,
    inputs: usize,
    hidden: usize,
    values: [Vec<f32>; 4],
}

impl Weights {
    fn new(cell: Cell, inputs: usize, hidden: usize) -> Self {
        let (rows, scale) = (cell.gates() * hidden, 1.0 / (hidden as f32).sqrt());
        let values = [rows * inputs, rows * hidden, rows, rows].map(|n| noise(n, scale));
        Self { cell, inputs, hidden, values }
    }

    fn layer(&self) -> Layer<'_> {
        let Self { cell, inputs, hidden, values: [weight_ih, weight_hh, bias_ih, bias_hh] } = self;
        Layer {
            cell: *cell,
            inputs: *inputs,
            hidden: *hidden,
            weight_ih,
            weight_hh,
            bias_ih: Some(bias_ih),
            bias_hh: Some(bias_hh),
        }
    }
}

fn sequences(c: &mut Criterion) {
    for (name, cell) in CELLS {
        let mut group = c.benchmark_group(name);
        for (batch, steps, inputs, hidden) in SHAPES {
            let shape = format!("{batch}x{steps}x{inputs}x{hidden}");
            let weights = Weights::new(cell, inputs, hidden);
            let mut gradients = weights.values.clone();
            let x = noise(steps * batch * inputs, 1.0);
            let (mut y, dy) = (vec![0.0; steps * batch * hidden], noise(steps * batch * hidden, 1e-3));
            let mut workspace = Workspace::new();
            let mut ahead = |workspace: &mut Workspace| {
                let sequences = Sequences { x: &x, steps, batch, lengths: None, reverse: false };
                forward(
                    &weights.layer(),
                    sequences,
                    States::default(),
                    &mut y,
                    LastStates::default(),
                    workspace,
                );
            };
            let flops = |inner: usize| {
                Throughput::Elements((2 * steps * batch * cell.gates() * hidden * inner) as u64)
            };
            group.throughput(flops(inputs + hidden));
            group.bench_function(BenchmarkId::new("forward", &shape), |bencher| {
                bencher.iter(|| ahead(&mut workspace));
            });
            // A backward pass uses its forward pass up.
            group.throughput(flops(2 * inputs + 3 * hidden));
            group.bench_function(BenchmarkId::new("forward and backward", &shape), |bencher| {
                bencher.iter(|| {
                    ahead(&mut workspace);
                    let [weight_ih, weight_hh, bias_ih, bias_hh] = &mut gradients;
                    let wanted = Gradients {
                        weight_ih: Some(weight_ih),
                        weight_hh: Some(weight_hh),
                        bias_ih: Some(bias_ih),
                        bias_hh: Some(bias_hh),
                        ..Gradients::default()
                    };
                    let given = OutputGradients { dy: Some(&dy), ..OutputGradients::default() };
                    backward(&weights.layer(), given, wanted, &mut workspace);
                });
            });
        }
        group.finish();
    }
}

fn streams(c: &mut Criterion) {
    let mut group = c.benchmark_group("stream");
    for (name, cell) in CELLS {
        let weights = Weights::new(cell, 64, 128);
        let (x, mut h) = (noise(64, 1.0), vec![0.0; 128]);
        let mut memory = (cell == Cell::Lstm).then(|| vec![0.0; 128]);
        let mut stepper = Stepper::new(&weights.layer());
        group.bench_function(BenchmarkId::new("one step", name), |bencher| {
            bencher.iter(|| stepper.step(&x, &mut h, memory.as_deref_mut()));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = sequences, streams
}
criterion_main!(benches);
