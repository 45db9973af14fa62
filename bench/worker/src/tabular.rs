//! PCA, k-means and exact search of a file of numbers, and the product that tells what the processor can do.

use std::{io::Read, time::Instant};

use latentia::{
    clusters::k_means::KMeansConfig,
    codes::pca::{Pca, PcaConfig},
    data::Matrix,
    evaluate::nearest,
};
use latentia_kernels::{MatMut, MatRef, gemm::gemm};

use crate::{Timed, Work, numbers, uniform};

/// Rows of a file that are read at a time.
const BLOCK: usize = 250;

/// `ROWSxCOLS.f32` of the folder that `BENCH_DATA` names: row-major numbers and nothing else.
struct Numbers {
    path: String,
    rows: usize,
    cols: usize,
}

impl Numbers {
    /// `ROWSxCOLS:K`: the file, and K.
    fn and_size(sizes: &str) -> Result<(Self, usize), String> {
        let folder = std::env::var("BENCH_DATA").map_err(|_| "BENCH_DATA is not set")?;
        match numbers(sizes, &['x', ':'])?[..] {
            [rows, cols, size] => {
                Ok((Self { path: format!("{folder}/{rows}x{cols}.f32"), rows, cols }, size))
            }
            _ => Err(format!("{sizes}: expected ROWSxCOLS:NUMBER")),
        }
    }

    fn blocks(&self) -> std::io::Result<impl Iterator<Item = std::io::Result<Matrix>>> {
        let mut file = std::fs::File::open(&self.path)?;
        let (mut left, cols) = (self.rows, self.cols);
        let mut bytes = vec![0; BLOCK * cols * 4];
        Ok(std::iter::from_fn(move || {
            let rows = left.min(BLOCK);
            left -= rows;
            if rows == 0 {
                return None;
            }
            let bytes = &mut bytes[..rows * cols * 4];
            if let Err(error) = file.read_exact(bytes) {
                return Some(Err(error));
            }
            let values = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            Some(Ok(Matrix::new(rows, cols, values.collect())))
        }))
    }

    fn all(&self) -> Result<Matrix, String> {
        let fault = |e| format!("{}: {e}", self.path);
        let mut values = Vec::with_capacity(self.rows * self.cols);
        for block in self.blocks().map_err(fault)? {
            values.extend_from_slice(block.map_err(fault)?.as_slice());
        }
        Ok(Matrix::new(self.rows, self.cols, values))
    }
}

/// All principal components asked for, from rows in memory or from their file.
pub(crate) struct Components {
    file: Numbers,
    x: Option<Matrix>,
    code: usize,
}

impl Components {
    pub(crate) fn new(sizes: &str, in_memory: bool) -> Result<Self, String> {
        let (file, code) = Numbers::and_size(sizes)?;
        let x = in_memory.then(|| file.all()).transpose()?;
        Ok(Self { file, x, code })
    }

    fn fit(&self) -> latentia::Result<Pca> {
        let config = PcaConfig { code: self.code, ..PcaConfig::default() };
        let fault = |e| latentia::Error::io(&self.file.path, "read", e);
        match &self.x {
            Some(x) => config.fit(x, 0),
            None => config.fit_blocks(self.file.blocks().map_err(fault)?.map(|block| block.map_err(fault))),
        }
    }
}

impl Work for Components {
    fn run(&mut self, repetitions: usize) -> Result<Timed, String> {
        let mut timed = Timed::new(Vec::new());
        for _ in 0..repetitions {
            let began = Instant::now();
            let pca = self.fit().map_err(|e| e.to_string())?;
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
        let (file, clusters) = Numbers::and_size(sizes)?;
        Ok(Self { x: file.all()?, clusters, from, seed: 0 })
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

/// The nearest of all rows to each of the first sixth of them.
pub(crate) struct Search {
    searched: Matrix,
    queries: Matrix,
    k: usize,
}

impl Search {
    pub(crate) fn new(sizes: &str) -> Result<Self, String> {
        let (file, k) = Numbers::and_size(sizes)?;
        let searched = file.all()?;
        Ok(Self { queries: searched.head(file.rows / 6), searched, k })
    }
}

impl Work for Search {
    fn run(&mut self, repetitions: usize) -> Result<Timed, String> {
        let mut timed = Timed::new(Vec::new());
        for _ in 0..repetitions {
            let began = Instant::now();
            let found = nearest(&self.searched, &self.queries, self.k).map_err(|e| e.to_string())?;
            timed.ms.push(began.elapsed().as_secs_f64() * 1e3);
            let sum: usize = found.iter().flatten().map(|n| n.index).sum();
            timed.note = format!("sum of the rows found {sum}");
        }
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
