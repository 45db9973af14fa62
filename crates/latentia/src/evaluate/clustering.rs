//! How well clusters agree with labels. Cluster numbers mean nothing, so every measure ignores how they are named.

use crate::Result;
use crate::evaluate::confusion_matrix;

/// Clustering accuracy `max_π Σ_i [label_i = π(cluster_i)] / n` over one-to-one maps `π` of clusters to labels (Xie,
/// Girshick and Farhadi 2016), found by the Hungarian algorithm (Kuhn 1955).
///
/// # Errors
/// When the lists are empty or of different lengths.
pub fn clustering_accuracy(labels: &[u32], clusters: &[u32]) -> Result<f64> {
    let counts = confusion_matrix(labels, clusters)?;
    let matched: u64 = best_assignment(&counts).iter().enumerate().map(|(i, &j)| counts[i][j]).sum();
    Ok(matched as f64 / labels.len() as f64)
}

/// Normalised mutual information `I(U; V) / ((H(U) + H(V)) / 2)`, 0 to 1 (Strehl and Ghosh 2002, with the arithmetic
/// mean that scikit-learn takes). Two partitions of a single part each agree: 1.
///
/// # Errors
/// As [`clustering_accuracy`].
pub fn normalized_mutual_information(labels: &[u32], clusters: &[u32]) -> Result<f64> {
    let counts = confusion_matrix(labels, clusters)?;
    let n = labels.len() as f64;
    let (rows, cols) = marginals(&counts);
    let entropy = |sizes: &[u64]| -> f64 {
        sizes.iter().filter(|&&s| s > 0).map(|&s| -(s as f64 / n) * (s as f64 / n).ln()).sum()
    };
    let mut information = 0.0;
    for (row, &a) in counts.iter().zip(&rows) {
        for (&c, &b) in row.iter().zip(&cols).filter(|(c, _)| **c > 0) {
            information += c as f64 / n * (c as f64 * n / (a as f64 * b as f64)).ln();
        }
    }
    let mean = (entropy(&rows) + entropy(&cols)) / 2.0;
    Ok(if mean > 0.0 { (information / mean).clamp(0.0, 1.0) } else { 1.0 })
}

/// Adjusted Rand index: agreement over pairs of rows, corrected for chance (Hubert and Arabie 1985). 1 for equal
/// partitions, about 0 for unrelated ones, negative for worse than chance.
///
/// # Errors
/// As [`clustering_accuracy`].
pub fn adjusted_rand_index(labels: &[u32], clusters: &[u32]) -> Result<f64> {
    let counts = confusion_matrix(labels, clusters)?;
    let (rows, cols) = marginals(&counts);
    let pairs = |sizes: &mut dyn Iterator<Item = u64>| -> f64 {
        sizes.map(|s| s as f64 * (s as f64 - 1.0) / 2.0).sum()
    };
    let both = pairs(&mut counts.iter().flatten().copied());
    let (a, b) = (pairs(&mut rows.into_iter()), pairs(&mut cols.into_iter()));
    let all = pairs(&mut std::iter::once(labels.len() as u64));
    let (expected, most) = (if all > 0.0 { a * b / all } else { 0.0 }, (a + b) / 2.0);
    Ok(if most == expected { 1.0 } else { (both - expected) / (most - expected) })
}

fn marginals(counts: &[Vec<u64>]) -> (Vec<u64>, Vec<u64>) {
    let cols = (0..counts.len()).map(|j| counts.iter().map(|row| row[j]).sum()).collect();
    (counts.iter().map(|row| row.iter().sum()).collect(), cols)
}

/// For every row of a square table of gains the column that makes the sum largest, no column twice: the Hungarian
/// algorithm with potentials and shortest augmenting paths, `O(n³)`.
fn best_assignment(gain: &[Vec<u64>]) -> Vec<usize> {
    let n = gain.len();
    let cost = |i: usize, j: usize| -(gain[i][j] as i64);
    // Index n stands for "no row yet"; `row_of[n]` is the row being placed.
    let mut row_of = vec![n; n + 1];
    let (mut row_potential, mut col_potential) = (vec![0_i64; n + 1], vec![0_i64; n + 1]);
    for row in 0..n {
        row_of[n] = row;
        let mut least = vec![i64::MAX; n];
        let mut from = vec![n; n];
        let mut done = vec![false; n + 1];
        let mut column = n;
        while row_of[column] != n {
            done[column] = true;
            let i = row_of[column];
            let (mut step, mut next) = (i64::MAX, n);
            for j in (0..n).filter(|&j| !done[j]) {
                let reduced = cost(i, j) - row_potential[i] - col_potential[j];
                if reduced < least[j] {
                    (least[j], from[j]) = (reduced, column);
                }
                if least[j] < step {
                    (step, next) = (least[j], j);
                }
            }
            for j in (0..=n).filter(|&j| done[j]) {
                row_potential[row_of[j]] += step;
                col_potential[j] -= step;
            }
            (0..n).filter(|&j| !done[j]).for_each(|j| least[j] -= step);
            column = next;
        }
        while column != n {
            row_of[column] = row_of[from[column]];
            column = from[column];
        }
    }
    let mut column_of = vec![0; n];
    (0..n).for_each(|j| column_of[row_of[j]] = j);
    column_of
}
