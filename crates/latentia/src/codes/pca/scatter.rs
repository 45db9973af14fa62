//! The products of a centred data matrix that PCA needs, formed block by block: `f32` or `f64` inside a block, `f64`
//! between blocks. Work is split over the output, never over the sum, so any number of threads gives the same bits.

use faer::{Mat, MatMut, MatRef};
use latentia_kernels::{self as kernels, gemm::add_gram, threads};
use rayon::prelude::*;

use crate::data::Matrix;
use latentia_linalg::{Number, product};

/// Terms summed before the sum moves to `f64`: 400 rows of several hundred columns stay in the second-level cache.
const BLOCK: usize = 400;

/// Vectors of a block that a thread fills at a time.
const FILLED: usize = 64;

/// Rows of an output tile: 784 keep two to six threads busy.
const TILE: usize = 128;

/// What products are formed in.
pub(super) trait Real: Number + Copy + Default {
    /// Distance from one to the next number.
    const EPSILON: f64;
    /// Rounds to this type.
    fn narrow(value: f64) -> Self;
    /// Without loss.
    fn widen(self) -> f64;
    /// A value seen from a mean, which is rounded to this type: what that adds to a product vanishes in its rounding.
    fn centred(value: f32, mean: Self) -> Self;
    /// Adds the lower half of `BᵀB`, for a block B of rows of `size` numbers, to `sums [size, size]`.
    fn add_gram(block: &[Self], size: usize, sums: &mut [f64]);
}

impl Real for f32 {
    const EPSILON: f64 = f32::EPSILON as f64;
    fn narrow(value: f64) -> Self {
        value as f32
    }
    fn widen(self) -> f64 {
        f64::from(self)
    }
    fn centred(value: f32, mean: Self) -> Self {
        value - mean
    }
    fn add_gram(block: &[Self], size: usize, sums: &mut [f64]) {
        add_gram(kernels::MatRef::new(block, block.len() / size, size), sums);
    }
}

impl Real for f64 {
    const EPSILON: f64 = f64::EPSILON;
    fn narrow(value: f64) -> Self {
        value
    }
    fn widen(self) -> f64 {
        self
    }
    fn centred(value: f32, mean: Self) -> Self {
        f64::from(value) - mean
    }

    /// Strips of rows, up to the diagonal, side by side.
    fn add_gram(block: &[Self], size: usize, sums: &mut [f64]) {
        let block = MatRef::from_row_major_slice(block, block.len() / size, size);
        sums.par_chunks_mut(TILE * size).enumerate().for_each(|(i, sums)| {
            let rows = sums.len() / size;
            let mut strip = Tile::<Self>::new(rows, i * TILE + rows);
            strip.add(block.subcols(i * TILE, rows).transpose(), block.subcols(0, strip.cols));
            for (sums, strip) in sums.chunks_exact_mut(size).zip(strip.sum.chunks_exact(strip.cols)) {
                sums.iter_mut().zip(strip).for_each(|(sum, v)| *sum += v);
            }
        });
    }
}

/// `X - 1μᵀ`, formed when it is needed.
pub(super) struct Centred<'a> {
    pub(super) x: &'a Matrix,
    pub(super) mean: &'a [f64],
}

impl Centred<'_> {
    /// `XᵀX`, `[d, d]`; only the lower half is filled.
    pub(super) fn covariance<T: Real>(&self) -> Mat<f64> {
        let d = self.x.cols();
        let mut sums = vec![0.0; d * d];
        self.add_covariance::<T>(&mut sums);
        lower(&sums, d)
    }

    /// Adds the lower half of `XᵀX` to `sums [d, d]`.
    pub(super) fn add_covariance<T: Real>(&self, sums: &mut [f64]) {
        let mean = self.mean::<T>();
        add_products::<T>(self.x.rows(), self.x.cols(), |row, out| self.fill(row, &mean, out), sums);
    }

    /// `X Xᵀ`, `[n, n]`; only the lower half is filled.
    pub(super) fn gram<T: Real>(&self) -> Mat<f64> {
        let mean = self.mean::<T>();
        let n = self.x.rows();
        let mut sums = vec![0.0; n * n];
        let fill = |col: usize, out: &mut [T]| {
            for (o, row) in out.iter_mut().zip(self.x.iter_rows()) {
                *o = T::centred(row[col], mean[col]);
            }
        };
        add_products::<T>(self.x.cols(), n, fill, &mut sums);
        lower(&sums, n)
    }

    /// `Xᵀ U` for `U` `[n, k]`: `[d, k]`.
    pub(super) fn transposed_times<T: Real>(&self, u: MatRef<'_, f64>) -> Mat<f64> {
        self.accumulate::<T>(u.ncols(), |first, _, y| {
            for (i, y) in y.chunks_exact_mut(u.ncols()).enumerate() {
                y.iter_mut().enumerate().for_each(|(j, y)| *y = T::narrow(u[(first + i, j)]));
            }
        })
    }

    /// `Xᵀ (X W)` for `W` `[d, k]`, in one pass over the rows: `[d, k]`.
    pub(super) fn covariance_times<T: Real>(&self, w: MatRef<'_, f64>) -> Mat<f64> {
        let (d, k) = w.shape();
        let narrow = Mat::<T>::from_fn(d, k, |i, j| T::narrow(w[(i, j)]));
        self.accumulate::<T>(k, |_, x, y| {
            y.par_chunks_mut(TILE * k).zip(x.par_chunks(TILE * d)).for_each(|(y, x)| {
                let rows = y.len() / k;
                let x = MatRef::from_row_major_slice(x, rows, d);
                product(MatMut::from_row_major_slice_mut(y, rows, k), x, narrow.as_ref());
            });
        })
    }

    /// `Xᵀ Y`, `[d, k]`, where `right(first_row, rows of X, rows of Y)` writes a block of `Y`.
    fn accumulate<T: Real>(&self, k: usize, right: impl Fn(usize, &[T], &mut [T])) -> Mat<f64> {
        let (n, d) = (self.x.rows(), self.x.cols());
        let mut x = vec![T::default(); BLOCK.min(n) * d];
        let mut y = vec![T::default(); BLOCK.min(n) * k];
        let mean = self.mean::<T>();
        let tiles = d.div_ceil(TILE);
        let mut sums: Vec<_> = (0..tiles).map(|t| Tile::<T>::new(TILE.min(d - t * TILE), k)).collect();
        for first in (0..n).step_by(BLOCK) {
            let rows = BLOCK.min(n - first);
            let (x, y) = (&mut x[..rows * d], &mut y[..rows * k]);
            x.par_chunks_mut(d).enumerate().for_each(|(i, out)| self.fill(first + i, &mean, out));
            right(first, x, y);
            let (x, y) =
                (MatRef::from_row_major_slice(&*x, rows, d), MatRef::from_row_major_slice(&*y, rows, k));
            sums.par_iter_mut().enumerate().for_each(|(t, sum)| {
                let columns = x.subcols(t * TILE, sum.rows);
                sum.add(columns.transpose(), y);
            });
        }
        Mat::from_fn(d, k, |i, j| sums[i / TILE].sum[(i % TILE) * k + j])
    }

    fn mean<T: Real>(&self) -> Vec<T> {
        self.mean.iter().map(|&m| T::narrow(m)).collect()
    }

    fn fill<T: Real>(&self, row: usize, mean: &[T], out: &mut [T]) {
        for ((o, &v), &m) in out.iter_mut().zip(self.x.row(row)).zip(mean) {
            *o = T::centred(v, m);
        }
    }
}

/// A part of the output: its sum in `f64` and the product of the block at hand.
pub(super) struct Tile<T> {
    rows: usize,
    cols: usize,
    part: Vec<T>,
    sum: Vec<f64>,
}

impl<T: Real> Tile<T> {
    fn new(rows: usize, cols: usize) -> Self {
        Self { rows, cols, part: vec![T::default(); rows * cols], sum: vec![0.0; rows * cols] }
    }

    fn add(&mut self, a: MatRef<'_, T>, b: MatRef<'_, T>) {
        product(MatMut::from_row_major_slice_mut(&mut self.part, self.rows, self.cols), a, b);
        self.sum.iter_mut().zip(&self.part).for_each(|(s, &p)| *s += p.widen());
    }
}

/// Adds the lower half of `Σ_p r_p r_pᵀ` to `sums [size, size]`, over `terms` vectors `r_p` that `fill(p, r_p)` writes.
fn add_products<T: Real>(terms: usize, size: usize, fill: impl Fn(usize, &mut [T]) + Sync, sums: &mut [f64]) {
    let mut block = vec![T::default(); BLOCK.min(terms) * size];
    for first in (0..terms).step_by(BLOCK) {
        let rows = BLOCK.min(terms - first);
        let block = &mut block[..rows * size];
        let parts = block.chunks_mut(FILLED * size).enumerate().collect();
        threads::for_each(parts, |(part, out): (usize, &mut [T])| {
            for (p, out) in out.chunks_exact_mut(size).enumerate() {
                fill(first + part * FILLED + p, out);
            }
        });
        T::add_gram(block, size, sums);
    }
}

/// The lower half of `sums [size, size]`.
pub(super) fn lower(sums: &[f64], size: usize) -> Mat<f64> {
    Mat::from_fn(size, size, |i, j| if j <= i { sums[i * size + j] } else { 0.0 })
}
