//! Products in the shapes of autoencoders; throughput in multiplications and additions.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use latentia_kernels::gemm::gemm;
use latentia_kernels::{MatMut, MatRef};
use std::hint::black_box;

fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("gemm");
    for (m, k, n) in [
        (256, 784, 500),
        (256, 500, 2000),
        (256, 2000, 10),
        (256, 10, 2000),
        (32, 64, 32),
        (1, 128, 512),
        (2048, 2048, 2048),
    ] {
        group.throughput(Throughput::Elements(2 * (m * k * n) as u64));
        let (a, b) = (vec![0.5; m * k], vec![0.25; k * n]);
        let mut out = vec![0.0; m * n];
        for layout in ["NN", "NT", "TN"] {
            let a = if layout.starts_with('N') { MatRef::new(&a, m, k) } else { MatRef::new(&a, k, m).t() };
            let b = if layout.ends_with('N') { MatRef::new(&b, k, n) } else { MatRef::new(&b, n, k).t() };
            group.bench_function(BenchmarkId::new(layout, format!("{m}x{k}x{n}")), |bencher| {
                bencher.iter(|| gemm(black_box(a), b, MatMut::new(&mut out, m, n), false));
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = products
}
criterion_main!(benches);
