//! A dense layer, forward and backward, in the shapes of autoencoders.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use latentia_kernels::dense::{Gradients, backward, forward};
use latentia_kernels::{Activation, MatMut, MatRef};
use std::hint::black_box;

fn layers(c: &mut Criterion) {
    let mut group = c.benchmark_group("dense");
    for (batch, inputs, outputs) in [(256, 784, 500), (256, 2000, 10), (256, 10, 2000), (32, 64, 32)] {
        let shape = format!("{batch}x{inputs}x{outputs}");
        let (x, w, bias) = (vec![0.5; batch * inputs], vec![0.01; outputs * inputs], vec![0.1; outputs]);
        let (mut y, dy) = (vec![0.0; batch * outputs], vec![0.1; batch * outputs]);
        let x = MatRef::new(&x, batch, inputs);
        let weight = MatRef::new(&w, outputs, inputs);
        group.bench_function(BenchmarkId::new("forward", &shape), |bencher| {
            bencher.iter(|| {
                let y = MatMut::new(&mut y, batch, outputs);
                forward(black_box(x), weight, Some(&bias), Activation::Tanh, y, None);
            });
        });
        let (mut dx, mut dw, mut db) =
            (vec![0.0; batch * inputs], vec![0.0; outputs * inputs], vec![0.0; outputs]);
        group.bench_function(BenchmarkId::new("backward", &shape), |bencher| {
            bencher.iter(|| {
                let gradients = Gradients {
                    dx: Some(MatMut::new(&mut dx, batch, inputs)),
                    dw: Some(MatMut::new(&mut dw, outputs, inputs)),
                    db: Some(&mut db),
                    accumulate: false,
                };
                let (y, dy) = (MatRef::new(&y, batch, outputs), MatRef::new(&dy, batch, outputs));
                backward(black_box(x), weight, Activation::Tanh, y, dy, gradients);
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = layers
}
criterion_main!(benches);
