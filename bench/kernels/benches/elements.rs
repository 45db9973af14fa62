//! Functions of elements and rows: activations, losses, layer normalisation, embeddings; throughput in elements.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use latentia_kernels::Activation;
use latentia_kernels::embedding::gather;
use latentia_kernels::loss::{
    Labels, RowStatistics, bernoulli_with_logits, cross_entropy, cross_entropy_backward,
};
use latentia_kernels::math::{exp_in_place, log_in_place};
use latentia_kernels::norm::{Saved, layer_norm};

/// Waves in -3..3.
fn waves(n: usize) -> Vec<f32> {
    (0..n).map(|i| 3.0 * (i as f32 * 0.37).sin()).collect()
}

type InPlace = fn(&mut [f32]);

fn functions(c: &mut Criterion) {
    let mut group = c.benchmark_group("functions");
    let cases: [(&str, InPlace); 6] = [
        ("exp", exp_in_place),
        ("log", log_in_place),
        ("tanh", |x| Activation::Tanh.forward_in_place(x)),
        ("sigmoid", |x| Activation::Sigmoid.forward_in_place(x)),
        ("gelu", |x| Activation::Gelu.forward_in_place(x)),
        ("softplus", |x| Activation::Softplus.forward_in_place(x)),
    ];
    for n in [1 << 12, 1 << 20] {
        group.throughput(Throughput::Elements(n as u64));
        for (name, function) in cases {
            group.bench_function(BenchmarkId::new(name, n), |bencher| {
                bencher.iter_batched_ref(|| waves(n), |x| function(x), BatchSize::LargeInput);
            });
        }
    }
    group.finish();
}

fn losses(c: &mut Criterion) {
    let mut group = c.benchmark_group("losses");
    let (rows, cols) = (256, 784);
    let (x, t) = (waves(rows * cols), vec![0.5; rows * cols]);
    let (mut losses, mut gradient) = (vec![0.0; rows], vec![0.0; rows * cols]);
    group.throughput(Throughput::Elements((rows * cols) as u64));
    group.bench_function("bernoulli 256x784 with its gradient", |bencher| {
        bencher.iter(|| bernoulli_with_logits(cols, &x, &t, &mut losses, Some(&mut gradient), 1.0));
    });
    // Penn Treebank: 20 sequences of 35 words, a vocabulary of 10,000.
    let (rows, classes) = (700, 10_000);
    let index: Vec<i64> = (0..rows as i64).map(|i| i * 13 % classes as i64).collect();
    let labels = Labels { index: &index, ignored: None, smoothing: 0.0 };
    let (mut losses, mut statistics) = (vec![0.0; rows], vec![RowStatistics::default(); rows]);
    let ones = vec![1.0; rows];
    group.throughput(Throughput::Elements((rows * classes) as u64));
    group.bench_function("cross-entropy 700x10000, forward and backward", |bencher| {
        bencher.iter_batched_ref(
            || waves(rows * classes),
            |x| {
                cross_entropy(classes, x, labels, &mut losses, &mut statistics).expect("labels of classes");
                cross_entropy_backward(classes, labels, &statistics, &ones, x)
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn rows(c: &mut Criterion) {
    let mut group = c.benchmark_group("rows");
    let (batch, width) = (700, 512);
    let (x, mut y) = (waves(batch * width), vec![0.0; batch * width]);
    let (gamma, beta) = (vec![1.0; width], vec![0.0; width]);
    let (mut mean, mut inverse_deviation) = (vec![0.0; batch], vec![0.0; batch]);
    group.throughput(Throughput::Elements((batch * width) as u64));
    group.bench_function("layer norm 700x512", |bencher| {
        bencher.iter(|| {
            let saved = Saved { mean: &mut mean, inverse_deviation: &mut inverse_deviation };
            layer_norm(1e-5, &x, &gamma, &beta, &mut y, saved);
        });
    });
    let table = waves(10_000 * width);
    let index: Vec<i64> = (0..batch as i64).map(|i| i * 7919 % 10_000).collect();
    group.bench_function("embedding of 700 among 10000, 512 wide", |bencher| {
        bencher.iter(|| gather(width, &table, &index, &mut y).expect("rows of the table"));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = functions, losses, rows
}
criterion_main!(benches);
