//! Which rows are near which: before, after and between.

use faer::{MatMut, MatRef};
use rayon::prelude::*;

use crate::data::Matrix;
use crate::linalg::{ROW_BLOCK, check_cols, check_finite};
use crate::{Error, Result, evaluate::check_lengths};
use latentia_linalg::product;

/// Rows of the searched table whose inner products are formed at once: they stay in the second-level cache.
const SEARCH_BLOCK: usize = 512;

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
/// Exact: `‖a‖² + ‖b‖² - 2 aᵀb` in `f32` only rules out rows that cannot be among the `k`, with a margin for its
/// rounding; the rest are ordered by distances in `f64`.
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
    let mean = searched.iter_rows().fold(vec![0.0; d], |mut sums: Vec<f64>, row| {
        sums.iter_mut().zip(row).for_each(|(s, &v)| *s += f64::from(v) / n as f64);
        sums
    });
    let (searched_centred, norms) = centre(searched, &mean);
    let (queries_centred, query_norms) = centre(queries, &mean);
    let largest = norms.iter().copied().fold(0.0, f32::max);
    let margin = f32::EPSILON * (8.0 + d as f32);
    let blocks = queries.rows().div_ceil(ROW_BLOCK);
    let found = (0..blocks).into_par_iter().map(|block| {
        let first = block * ROW_BLOCK;
        let count = ROW_BLOCK.min(queries.rows() - first);
        let q = &queries_centred[first * d..(first + count) * d];
        let distances = squared_distances(q, count, &searched_centred, &norms, d);
        let one = |(i, row): (usize, &[f32])| {
            let bound = kth_smallest(row, k) + margin * (query_norms[first + i] + largest);
            // A square that overflowed rules nothing out.
            let near =
                row.iter().enumerate().filter(|(_, v)| **v <= bound || !bound.is_finite() || v.is_nan());
            let exact = near.map(|(index, _)| Neighbour {
                index,
                squared_distance: squared_distance(queries.row(first + i), searched.row(index)),
            });
            closest(exact.collect(), k)
        };
        distances.chunks_exact(n).enumerate().map(one).collect::<Vec<_>>()
    });
    Ok(found.collect::<Vec<_>>().into_iter().flatten().collect())
}

/// The share of rows whose label is the most frequent one among their `k` nearest rows of `train` (the smallest label
/// among equally frequent ones): how well labels can be read from distances in code space.
///
/// # Errors
/// As [`nearest`]; when labels and rows differ in number or there is no row to test.
pub fn knn_accuracy(
    train: &Matrix,
    train_labels: &[u32],
    test: &Matrix,
    test_labels: &[u32],
    k: usize,
) -> Result<f64> {
    check_lengths("train_labels", train_labels.len(), "the training rows", train.rows())?;
    check_lengths("test_labels", test_labels.len(), "the test rows", test.rows())?;
    let found = nearest(train, test, k)?;
    let vote = |n: &[Neighbour]| most_frequent(n.iter().map(|n| train_labels[n.index]));
    let right = found.iter().zip(test_labels).filter(|(neighbours, label)| vote(neighbours) == Some(**label));
    Ok(right.count() as f64 / test.rows() as f64)
}

/// [`knn_accuracy`] of rows among each other: the share whose label is the most frequent one among their `k` nearest
/// other rows.
///
/// # Errors
/// As [`knn_accuracy`]; `k` must be less than the number of rows.
pub fn leave_one_out_accuracy(x: &Matrix, labels: &[u32], k: usize) -> Result<f64> {
    check_lengths("labels", labels.len(), "the rows", x.rows())?;
    let found = nearest(x, x, k + 1)?;
    let right = found.iter().enumerate().filter(|(i, neighbours)| {
        let others = neighbours.iter().filter(|n| n.index != *i).take(k);
        most_frequent(others.map(|n| labels[n.index])) == Some(labels[*i])
    });
    Ok(right.count() as f64 / x.rows() as f64)
}

/// The label that occurs most often, the smallest of equally frequent ones.
fn most_frequent(labels: impl Iterator<Item = u32>) -> Option<u32> {
    let mut votes: Vec<u32> = labels.collect();
    votes.sort_unstable();
    let most = votes.chunk_by(|a, b| a == b).fold(&[][..], |m, c| if c.len() > m.len() { c } else { m });
    most.first().copied()
}

/// Trustworthiness `1 - 2 / (n k (2n - 3k - 1)) Σ_i Σ_{j ∈ U_k(i)} (r(i, j) - k)` of a code: `U_k(i)` are the rows
/// among the `k` nearest of `i` in code space but not in input space, `r(i, j)` is the rank of `j` by distance from `i`
/// in input space (Venna and Kaski 2001; van der Maaten 2009). 1 when the code invents no neighbours.
///
/// # Errors
/// When the rows differ in number, a value is not finite, or `k` is not within 1 and `n / 2`, exclusive.
pub fn trustworthiness(x: &Matrix, codes: &Matrix, k: usize) -> Result<f64> {
    let n = x.rows();
    check_lengths("codes", codes.rows(), "the input", n)?;
    check_finite("input", x)?;
    check_finite("codes", codes)?;
    if k == 0 || 2 * k >= n {
        return Err(Error::config(
            "k",
            format!("{k} neighbours of {n} rows; use at least 1 and less than {n} / 2"),
        ));
    }
    let penalty = (0..n).into_par_iter().map(|i| {
        let mut rank = vec![0; n];
        for (r, j) in others(x, i, n).iter().enumerate() {
            rank[j.index] = r + 1;
        }
        others(codes, i, k).iter().map(|j| rank[j.index].saturating_sub(k)).sum::<usize>()
    });
    let (n, k, penalty) = (n as f64, k as f64, penalty.sum::<usize>() as f64);
    Ok(1.0 - 2.0 * penalty / (n * k * (2.0 * n - 3.0 * k - 1.0)))
}

/// Continuity: [`trustworthiness`] with input and code exchanged. 1 when the code loses no neighbours.
///
/// # Errors
/// As [`trustworthiness`].
pub fn continuity(x: &Matrix, codes: &Matrix, k: usize) -> Result<f64> {
    trustworthiness(codes, x, k)
}

/// The `k` rows nearest to row `i`, itself left out.
fn others(x: &Matrix, i: usize, k: usize) -> Vec<Neighbour> {
    let all = (0..x.rows()).filter(|&j| j != i);
    let all =
        all.map(|index| Neighbour { index, squared_distance: squared_distance(x.row(i), x.row(index)) });
    closest(all.collect(), k)
}

/// The `k` nearest of `found` in order; the lower index first among equals.
fn closest(mut found: Vec<Neighbour>, k: usize) -> Vec<Neighbour> {
    found.sort_unstable_by(|a, b| {
        a.squared_distance.total_cmp(&b.squared_distance).then(a.index.cmp(&b.index))
    });
    found.truncate(k);
    found
}

/// The `k`-th smallest of `values`, infinite when fewer than `k` of them are numbers.
///
/// A sorted list of the `k` best so far: among many values few get into it, so this is one pass of comparisons (ten times
/// faster than a partial sort of a copy for 5 of 60,000).
fn kth_smallest(values: &[f32], k: usize) -> f32 {
    let mut best = vec![f32::INFINITY; k];
    for &v in values {
        if v < best[k - 1] {
            let at = best.partition_point(|&b| b <= v);
            best.copy_within(at..k - 1, at + 1);
            best[at] = v;
        }
    }
    best[k - 1]
}

fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}

/// The rows less `mean`, and their squared norms.
fn centre(x: &Matrix, mean: &[f64]) -> (Vec<f32>, Vec<f32>) {
    let rows = x.iter_rows().flat_map(|row| row.iter().zip(mean).map(|(&v, m)| (f64::from(v) - m) as f32));
    let rows: Vec<f32> = rows.collect();
    let norm = |row: &[f32]| row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() as f32;
    let norms =
        if x.cols() == 0 { vec![0.0; x.rows()] } else { rows.chunks_exact(x.cols()).map(norm).collect() };
    (rows, norms)
}

/// `‖b‖² - 2 aᵀb + ‖a‖²` for `count` rows `a` and all rows `b`, `[count, n]`.
fn squared_distances(a: &[f32], count: usize, b: &[f32], norms: &[f32], d: usize) -> Vec<f32> {
    let n = norms.len();
    let mut out = vec![0.0; count * n];
    let a = MatRef::from_row_major_slice(a, count, d);
    let mut all = MatMut::from_row_major_slice_mut(&mut out, count, n);
    for first in (0..n).step_by(SEARCH_BLOCK) {
        let rows = SEARCH_BLOCK.min(n - first);
        let b = MatRef::from_row_major_slice(&b[first * d..(first + rows) * d], rows, d);
        product(all.as_mut().subcols_mut(first, rows), a, b.transpose());
    }
    for (row, i) in out.chunks_exact_mut(n).zip(0..) {
        let norm: f32 = a.row(i).iter().map(|v| v * v).sum();
        row.iter_mut().zip(norms).for_each(|(v, b)| *v = norm + b - 2.0 * *v);
    }
    out
}
