//! Which rows are near which: before, after and between.

use rayon::prelude::*;

use super::nearest::{Neighbour, closest, nearest};
use crate::data::Matrix;
use crate::linalg::{check_finite, squared_distance};
use crate::{Error, Result, evaluate::check_lengths};

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
    Ok(trustworthiness_and_continuity(x, codes, k)?.0)
}

/// Continuity: [`trustworthiness`] with input and code exchanged. 1 when the code loses no neighbours.
///
/// # Errors
/// As [`trustworthiness`].
pub fn continuity(x: &Matrix, codes: &Matrix, k: usize) -> Result<f64> {
    Ok(trustworthiness_and_continuity(x, codes, k)?.1)
}

/// [`trustworthiness`] and [`continuity`], whose distances are the same.
///
/// # Errors
/// As [`trustworthiness`].
pub fn trustworthiness_and_continuity(x: &Matrix, codes: &Matrix, k: usize) -> Result<(f64, f64)> {
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
    let penalties = |i: usize| {
        let (near_input, near_code) = (others(x, i), others(codes, i));
        (beyond(&near_input, &near_code, k), beyond(&near_code, &near_input, k))
    };
    let sum = |a: (usize, usize), b: (usize, usize)| (a.0 + b.0, a.1 + b.1);
    let (invented, lost) = (0..n).into_par_iter().map(penalties).reduce(|| (0, 0), sum);
    let (n, k) = (n as f64, k as f64);
    let share = |penalty: usize| 1.0 - 2.0 * penalty as f64 / (n * k * (2.0 * n - 3.0 * k - 1.0));
    Ok((share(invented), share(lost)))
}

/// How many ranks behind the `k`-th of `order` the first `k` of `other` lie there, all together.
fn beyond(order: &[Neighbour], other: &[Neighbour], k: usize) -> usize {
    let mut rank = vec![0; order.len() + 1];
    for (r, j) in order.iter().enumerate() {
        rank[j.index] = r + 1;
    }
    other[..k].iter().map(|j| rank[j.index].saturating_sub(k)).sum()
}

/// All rows but row `i`, the nearest to it first.
fn others(x: &Matrix, i: usize) -> Vec<Neighbour> {
    let all = (0..x.rows()).filter(|&j| j != i);
    let all =
        all.map(|index| Neighbour { index, squared_distance: squared_distance(x.row(i), x.row(index)) });
    closest(all.collect(), x.rows())
}
