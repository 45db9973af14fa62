//! PCA and k-means of a file of numbers, and the product that tells what the processor can do.

use std::{io::Read, time::Instant};

use latentia::{clusters::k_means::KMeansConfig, codes::pca::PcaConfig, data::Matrix};
use latentia_kernels::{MatMut, MatRef, gemm::gemm};

use crate::{Timed, Work, numbers, uniform};

/// Reads `ROWSxCOLS.f32` of the folder that `BENCH_DATA` names: row-major numbers and nothing else.
fn read(rows: usize, cols: usize) -> Result<Matrix, String> {
    let folder = std::env::var("BENCH_DATA").map_err(|_| "BENCH_DATA is not set")?;
    let path = format!("{folder}/{rows}x{cols}.f32");
    let mut file = std::fs::File::open(&path).map_err(|e| format!("{path}: {e}"))?;
    let mut values = Vec::with_capacity(rows * cols);
    let mut bytes = vec![0; cols * 4];
    for _ in 0..rows {
        file.read_exact(&mut bytes).map_err(|e| format!("{path}: {e}"))?;
        values.extend(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
    }
    Ok(Matrix::new(rows, cols, values))
}

/// `ROWSxCOLS:K`: the rows, and K.
fn rows_and_size(sizes: &str) -> Result<(Matrix, usize), String> {
    match numbers(sizes, &['x', ':'])?[..] {
        [rows, cols, size] => Ok((read(rows, cols)?, size)),
        _ => Err(format!("{sizes}: expected ROWSxCOLS:NUMBER")),
    }
}

/// All principal components asked for, from rows in memory.
pub(crate) struct Components {
    x: Matrix,
    code: usize,
}

impl Components {
    pub(crate) fn new(sizes: &str) -> Result<Self, String> {
        let (x, code) = rows_and_size(sizes)?;
        Ok(Self { x, code })
    }
}

impl Work for Components {
    fn run(&mut self, repetitions: usize) -> Result<Timed, String> {
        let config = PcaConfig { code: self.code, ..PcaConfig::default() };
        let mut timed = Timed::new(Vec::new());
        for _ in 0..repetitions {
            let began = Instant::now();
            let pca = config.fit(&self.x, 0).map_err(|e| e.to_string())?;
            timed.ms.push(began.elapsed().as_secs_f64() * 1e3);
            let variance: f64 = pca.explained_variance().iter().map(|&v| f64::from(v)).sum();
            timed.note = format!("explained variance {variance:.6e}");
        }
        Ok(timed)
    }
}

/// k-means, one start: chosen anew each time, or the same first rows.
pub(crate) struct Clusters {
    x: Matrix,
    clusters: usize,
    from: bool,
    seed: u64,
}

impl Clusters {
    pub(crate) fn new(sizes: &str, from: bool) -> Result<Self, String> {
        let (x, clusters) = rows_and_size(sizes)?;
        Ok(Self { x, clusters, from, seed: 0 })
    }
}

impl Work for Clusters {
    fn run(&mut self, repetitions: usize) -> Result<Timed, String> {
        let config = KMeansConfig { clusters: self.clusters, restarts: 1, ..KMeansConfig::default() };
        let mut timed = Timed::new(Vec::new());
        let mut notes = Vec::new();
        for _ in 0..repetitions {
            let began = Instant::now();
            let fitted = match self.from {
                true => config.fit_from(&self.x, &self.x.head(self.clusters)),
                false => config.fit(&self.x, self.seed),
            };
            let fitted = fitted.map_err(|e| e.to_string())?;
            timed.ms.push(began.elapsed().as_secs_f64() * 1e3);
            notes.push(format!("{} iterations, inertia {:.6e}", fitted.iterations(), fitted.inertia()));
            self.seed += 1;
        }
        timed.note = notes.join("; ");
        Ok(timed)
    }
}

/// `C = A B` of N x N matrices.
pub(crate) struct Product {
    n: usize,
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
}

impl Product {
    pub(crate) fn new(size: &str) -> Result<Self, String> {
        let n: usize = size.parse().map_err(|e| format!("{size}: {e}"))?;
        Ok(Self { n, a: uniform(n * n, 1), b: uniform(n * n, 2), c: vec![0.0; n * n] })
    }
}

impl Work for Product {
    fn run(&mut self, repetitions: usize) -> Result<Timed, String> {
        let n = self.n;
        let once = |_| {
            let began = Instant::now();
            gemm(
                MatRef::new(&self.a, n, n),
                MatRef::new(&self.b, n, n),
                MatMut::new(&mut self.c, n, n),
                false,
            );
            began.elapsed().as_secs_f64() * 1e3
        };
        Ok(Timed::new((0..repetitions).map(once).collect()))
    }
}
