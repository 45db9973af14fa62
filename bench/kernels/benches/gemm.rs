//! Products in the shapes of autoencoders, and those of weights' gradients over all rows of all steps in the shapes of
//! recurrent layers; throughput in multiplications and additions.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use latentia_kernels::gemm::gemm;
use latentia_kernels::{MatMut, MatRef};
use std::hint::black_box;

fn product(group: &mut BenchmarkGroup<WallTime>, layout: &str, (m, k, n): (usize, usize, usize)) {
    group.throughput(Throughput::Elements(2 * (m * k * n) as u64));
    let (a, b) = (vec![0.5; m * k], vec![0.25; k * n]);
    let mut out = vec![0.0; m * n];
    let a = if layout.starts_with('N') { MatRef::new(&a, m, k) } else { MatRef::new(&a, k, m).t() };
    let b = if layout.ends_with('N') { MatRef::new(&b, k, n) } else { MatRef::new(&b, n, k).t() };
    group.bench_function(BenchmarkId::new(layout, format!("{m}x{k}x{n}")), |bencher| {
        bencher.iter(|| gemm(black_box(a), b, MatMut::new(&mut out, m, n), false));
    });
}

fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("gemm");
    for shape in [
        (256, 784, 500),
        (256, 500, 2000),
        (256, 2000, 10),
        (256, 10, 2000),
        (32, 64, 32),
        (1, 128, 512),
        (2048, 2048, 2048),
    ] {
        for layout in ["NN", "NT", "TN"] {
            product(&mut group, layout, shape);
        }
    }
    for shape in [(256, 6400, 128), (512, 3584, 156), (1024, 4096, 320), (800, 700, 400)] {
        product(&mut group, "TN", shape);
    }
    // The gradient of the input of the first of these.
    product(&mut group, "NN", (6400, 256, 64));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = products
}
criterion_main!(benches);
