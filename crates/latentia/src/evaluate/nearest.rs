//! The rows nearest to others, exactly.

use latentia_kernels::{MatMut, MatRef, gemm::gemm, threads};

use crate::data::Matrix;
use crate::linalg::{check_cols, check_finite, column_sums, squared_distance};
use crate::{Error, Result};

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
    let (n, d) = (searched.rows(), searched.cols());
    check_cols("queries", queries, d)?;
    check_finite("searched", searched)?;
    check_finite("queries", queries)?;
    if k == 0 || k > n {
        return Err(Error::config("k", format!("{k} neighbours of {n} rows; use 1 to {n}")));
    }
    // Distances do not change with the origin, and around the mean the rounding of the inner products is least.
    let sums = column_sums(searched, |v, _| v, &vec![0.0; d]);
    let mean: Vec<f64> = sums.iter().map(|sum| sum / n as f64).collect();
    let (rows, norms) = centre(searched, &mean);
    let largest = norms.iter().copied().fold(0.0, f32::max);
    let margin = f32::EPSILON * (8.0 + d as f32);
    let mut products = vec![0.0; QUERIES.min(queries.rows()) * SEARCHED.min(n)];
    let mut found = Vec::with_capacity(queries.rows());
    for first in (0..queries.rows()).step_by(QUERIES) {
        let asked = queries.slice_rows(first..(first + QUERIES).min(queries.rows()));
        let (centred, asked_norms) = centre(&asked, &mean);
        let mut candidates: Vec<Candidates> =
            asked_norms.iter().map(|norm| Candidates::new(k, margin * (norm + largest))).collect();
        for from in (0..n).step_by(SEARCHED) {
            let count = SEARCHED.min(n - from);
            let products = &mut products[..asked.rows() * count];
            let here = MatRef::new(&rows[from * d..(from + count) * d], count, d);
            let c = MatMut::new(products, asked.rows(), count);
            gemm(MatRef::new(&centred, asked.rows(), d), here.t(), c, false);
            let pieces = candidates.chunks_mut(PIECE).zip(products.chunks(PIECE * count)).collect();
            threads::for_each(pieces, |(candidates, products): (&mut [Candidates], &[f32])| {
                for (candidates, products) in candidates.iter_mut().zip(products.chunks_exact(count)) {
                    candidates.add(from, products, &norms[from..from + count]);
                }
            });
        }
        let mut exact = vec![Vec::new(); asked.rows()];
        let pieces = exact.chunks_mut(PIECE).zip(candidates.chunks(PIECE)).enumerate().collect();
        threads::for_each(pieces, |(piece, (exact, candidates)): (usize, (&mut [_], &[Candidates]))| {
            for ((i, exact), candidates) in (piece * PIECE..).zip(exact).zip(candidates) {
                let neighbour = |index| Neighbour {
                    index,
                    squared_distance: squared_distance(asked.row(i), searched.row(index)),
                };
                *exact = closest(candidates.indices().map(neighbour).collect(), k);
            }
        });
        found.append(&mut exact);
    }
    Ok(found)
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

/// The rows less `mean`, and their squared norms.
fn centre(x: &Matrix, mean: &[f64]) -> (Vec<f32>, Vec<f32>) {
    let d = x.cols();
    let (mut rows, mut norms) = (vec![0.0; x.rows() * d], vec![0.0; x.rows()]);
    if d == 0 {
        return (rows, norms);
    }
    let origin = vec![0.0; d];
    let outputs = rows.chunks_mut(PIECE * d).zip(norms.chunks_mut(PIECE));
    let pieces = outputs.zip(x.as_slice().chunks(PIECE * d)).collect();
    threads::for_each(pieces, |((rows, norms), x): ((&mut [f32], &mut [f32]), &[f32])| {
        for ((row, norm), x) in rows.chunks_exact_mut(d).zip(norms).zip(x.chunks_exact(d)) {
            for ((out, &v), m) in row.iter_mut().zip(x).zip(mean) {
                *out = (f64::from(v) - m) as f32;
            }
            *norm = squared_distance(row, &origin) as f32;
        }
    });
    (rows, norms)
}
