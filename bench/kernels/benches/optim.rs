//! Steps of the optimisers; throughput in bytes moved to and from memory.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use latentia_kernels::optim::{Adam, Sgd, adam, sgd, sum_of_squares};

fn steps(c: &mut Criterion) {
    let mut group = c.benchmark_group("optim");
    for n in [10_000, 3_300_000] {
        let (mut theta, g) = (vec![0.1; n], vec![0.01; n]);
        let (mut m, mut v) = (vec![0.0; n], vec![0.0; n]);
        group.throughput(Throughput::Bytes(7 * 4 * n as u64));
        group.bench_function(BenchmarkId::new("adam", n), |bencher| {
            bencher.iter(|| adam(&Adam::default(), 10, 1.0, &mut theta, &g, &mut m, &mut v));
        });
        group.throughput(Throughput::Bytes(3 * 4 * n as u64));
        group.bench_function(BenchmarkId::new("sgd", n), |bencher| {
            let config = Sgd { lr: 1e-3, momentum: 0.0, nesterov: false, weight_decay: 0.0 };
            bencher.iter(|| sgd(&config, 1.0, &mut theta, &g, None));
        });
        group.throughput(Throughput::Bytes(4 * n as u64));
        group.bench_function(BenchmarkId::new("sum_of_squares", n), |bencher| {
            bencher.iter(|| sum_of_squares(&g))
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = steps
}
criterion_main!(benches);
