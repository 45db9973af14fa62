//! The rows nearest to others, exactly.

use latentia_kernels::{MatMut, MatRef, gemm::gemm, threads};

use crate::data::Matrix;
use crate::linalg::{check_cols, check_finite, column_sums, squared_distance};
use crate::{Error, Result};

/// Candidates of all queries that are held at a time: 64 MiB.
const HELD: usize = 1 << 22;
/// Queries whose inner products are formed at once, and rows of the searched table: 2 MiB of products.
const QUERIES: usize = 1024;
const SEARCHED: usize = 512;
/// Rows of a piece of work that threads share.
const PIECE: usize = 16;
/// Candidates of a query that are kept before they are gone through again.
const KEPT: usize = 256;

/// A row found by [`nearest`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Its index in the searched table.
    pub index: usize,
    /// Its squared Euclidean distance.
    pub squared_distance: f64,
}

/// The `k` rows of `searched` nearest to each row of `queries`, nearest first, the lower index first among equals.
///
/// Exact: `‖b‖² - 2 aᵀb` in `f32` only rules out rows that cannot be among the `k`, with a margin for its rounding; the rest
/// are ordered by distances in `f64`.
///
/// # Errors
/// When the columns differ, a value is not finite, or `k` is not within 1 and the rows of `searched`.
pub fn nearest(searched: &Matrix, queries: &Matrix, k: usize) -> Result<Vec<Vec<Neighbour>>> {
    let (n, d, count) = (searched.rows(), searched.cols(), queries.rows());
    check_cols("queries", queries, d)?;
    check_finite("searched", searched)?;
    check_finite("queries", queries)?;
    if k == 0 || k > n {
        return Err(Error::config("k", format!("{k} neighbours of {n} rows; use 1 to {n}")));
    }
    let at_once = (HELD / KEPT.max(4 * k)).max(PIECE);
    let table = Table::new(searched);
    let mut found = Vec::with_capacity(count);
    for first in (0..count).step_by(at_once) {
        let rows = at_once.min(count - first);
        let asked = &queries.as_slice()[first * d..(first + rows) * d];
        found.append(&mut table.exact(asked, &table.candidates(asked, rows, k), k));
    }
    Ok(found)
}

/// The searched rows. Distances do not change with the origin, and around the mean the rounding of the inner products is least.
struct Table<'a> {
    rows: &'a Matrix,
    mean: Vec<f64>,
    /// The largest squared norm about the mean.
    largest: f32,
}

impl<'a> Table<'a> {
    fn new(rows: &'a Matrix) -> Self {
        let sums = column_sums(rows, |v, _| v, &vec![0.0; rows.cols()]);
        let mean: Vec<f64> = sums.iter().map(|sum| sum / rows.rows() as f64).collect();
        let mut table = Self { rows, mean, largest: 0.0 };
        let (mut block, mut norms) = table.room();
        for from in (0..rows.rows()).step_by(SEARCHED) {
            table.largest =
                table.centred(from, &mut block, &mut norms).1.iter().fold(table.largest, |a, &b| a.max(b));
        }
        table
    }

    /// Room for the rows of a block, and for their norms.
    fn room(&self) -> (Vec<f32>, Vec<f32>) {
        let most = SEARCHED.min(self.rows.rows());
        (vec![0.0; most * self.rows.cols()], vec![0.0; most])
    }

    /// The block of rows from row `from` on less the mean, and their squared norms.
    fn centred<'b>(&self, from: usize, block: &'b mut [f32], norms: &'b mut [f32]) -> (&'b [f32], &'b [f32]) {
        let (count, d) = (SEARCHED.min(self.rows.rows() - from), self.rows.cols());
        let (block, norms) = (&mut block[..count * d], &mut norms[..count]);
        centre(&self.rows.as_slice()[from * d..(from + count) * d], &self.mean, block, norms);
        (block, norms)
    }

    /// For each of `count` queries the rows that may be among the `k` nearest.
    fn candidates(&self, queries: &[f32], count: usize, k: usize) -> Vec<Candidates> {
        let (n, d) = (self.rows.rows(), self.rows.cols());
        let margin = f32::EPSILON * (8.0 + d as f32);
        let (mut centred, mut norms) = (vec![0.0; queries.len()], vec![0.0; count]);
        centre(queries, &self.mean, &mut centred, &mut norms);
        let mut candidates: Vec<Candidates> =
            norms.iter().map(|norm| Candidates::new(k, margin * (norm + self.largest))).collect();
        let (mut block, mut norms) = self.room();
        let mut products = vec![0.0; QUERIES.min(count) * SEARCHED.min(n)];
        for from in (0..n).step_by(SEARCHED) {
            let (block, norms) = self.centred(from, &mut block, &mut norms);
            let here = norms.len();
            for (part, candidates) in candidates.chunks_mut(QUERIES).enumerate() {
                let rows = candidates.len();
                let a = MatRef::new(&centred[part * QUERIES * d..][..rows * d], rows, d);
                let products = &mut products[..rows * here];
                gemm(a, MatRef::new(block, here, d).t(), MatMut::new(products, rows, here), false);
                let pieces = candidates.chunks_mut(PIECE).zip(products.chunks(PIECE * here)).collect();
                threads::for_each(pieces, |(candidates, products): (&mut [Candidates], &[f32])| {
                    for (candidates, products) in candidates.iter_mut().zip(products.chunks_exact(here)) {
                        candidates.add(from, products, norms);
                    }
                });
            }
        }
        candidates
    }

    /// The nearest of each query's candidates.
    fn exact(&self, queries: &[f32], candidates: &[Candidates], k: usize) -> Vec<Vec<Neighbour>> {
        let d = self.rows.cols();
        let mut found = vec![Vec::new(); candidates.len()];
        let pieces = found.chunks_mut(PIECE).zip(candidates.chunks(PIECE)).enumerate().collect();
        threads::for_each(pieces, |(piece, (found, candidates)): (usize, (&mut [_], &[Candidates]))| {
            for ((i, found), candidates) in (piece * PIECE..).zip(found).zip(candidates) {
                let query = &queries[i * d..(i + 1) * d];
                let distance = |index| squared_distance(query, self.rows.row(index));
                let neighbour = |index| Neighbour { index, squared_distance: distance(index) };
                *found = closest(candidates.indices().map(neighbour).collect(), k);
            }
        });
        found
    }
}

/// The `k` nearest of `found` in order; the lower index first among equals.
pub(super) fn closest(mut found: Vec<Neighbour>, k: usize) -> Vec<Neighbour> {
    found.sort_unstable_by(|a, b| {
        a.squared_distance.total_cmp(&b.squared_distance).then(a.index.cmp(&b.index))
    });
    found.truncate(k);
    found
}

/// The rows that may be among the nearest of a query, as far as the search has come.
struct Candidates {
    /// The smallest scores so far, in order; infinite where there are fewer.
    best: Vec<f32>,
    /// How much larger a score may be than the last of these.
    margin: f32,
    /// What a score must not exceed.
    limit: f32,
    found: Vec<(usize, f32)>,
    /// How many are found before those beyond the limit are dropped.
    room: usize,
}

impl Candidates {
    fn new(k: usize, margin: f32) -> Self {
        let best = vec![f32::INFINITY; k];
        Self { best, margin, limit: f32::INFINITY, found: Vec::new(), room: KEPT }
    }

    /// Takes in rows from row `from` on: their inner products with the query, and their squared norms.
    fn add(&mut self, from: usize, products: &[f32], norms: &[f32]) {
        const GROUP: usize = 16;
        let score = |product: f32, norm: f32| norm - 2.0 * product;
        let (products, products_rest) = products.as_chunks::<GROUP>();
        let (norms, norms_rest) = norms.as_chunks::<GROUP>();
        for (group, (products, norms)) in products.iter().zip(norms).enumerate() {
            // Few groups have any: all of one are compared without a branch.
            let limit = self.limit;
            let one = |any, (&p, &b): (&f32, &f32)| any | within(score(p, b), limit);
            if products.iter().zip(norms).fold(false, one) {
                self.offer(from + group * GROUP, products.iter().zip(norms).map(|(&p, &b)| score(p, b)));
            }
        }
        let rest = from + products.len() * GROUP;
        self.offer(rest, products_rest.iter().zip(norms_rest).map(|(&p, &b)| score(p, b)));
    }

    fn offer(&mut self, from: usize, scores: impl Iterator<Item = f32>) {
        for (index, score) in (from..).zip(scores) {
            if !within(score, self.limit) {
                continue;
            }
            self.found.push((index, score));
            let last = self.best.len() - 1;
            if score < self.best[last] {
                let at = self.best.partition_point(|&b| b <= score);
                self.best.copy_within(at..last, at + 1);
                self.best[at] = score;
                let limit = self.best[last] + self.margin;
                // A square that overflowed rules nothing out.
                self.limit = if limit.is_finite() { limit } else { f32::INFINITY };
            }
        }
        if self.found.len() > self.room {
            let limit = self.limit;
            self.found.retain(|&(_, score)| within(score, limit));
            self.room = KEPT.max(2 * self.found.len());
        }
    }

    fn indices(&self) -> impl Iterator<Item = usize> {
        self.found.iter().filter(|&&(_, score)| within(score, self.limit)).map(|&(index, _)| index)
    }
}

/// Whether a score does not rule its row out.
fn within(score: f32, limit: f32) -> bool {
    score <= limit || score.is_nan()
}

/// The rows of `x` less `mean`, and their squared norms.
fn centre(x: &[f32], mean: &[f64], rows: &mut [f32], norms: &mut [f32]) {
    let d = mean.len();
    if d == 0 {
        return;
    }
    let origin = vec![0.0; d];
    let outputs = rows.chunks_mut(PIECE * d).zip(norms.chunks_mut(PIECE));
    let pieces = outputs.zip(x.chunks(PIECE * d)).collect();
    threads::for_each(pieces, |((rows, norms), x): ((&mut [f32], &mut [f32]), &[f32])| {
        for ((row, norm), x) in rows.chunks_exact_mut(d).zip(norms).zip(x.chunks_exact(d)) {
            for ((out, &v), m) in row.iter_mut().zip(x).zip(mean) {
                *out = (f64::from(v) - m) as f32;
            }
            *norm = squared_distance(row, &origin) as f32;
        }
    });
}
