//! Laplacian eigenmaps and locally linear embedding: the smallest eigenvectors of a sparse matrix of the graph.
//!
//! The matrix is written out and factorised: its smallest eigenvalues lie as close as 1e-9 of the largest, where no
//! method that only multiplies by it converges, and the factors of a graph that is not a sheet fill up anyway. 10,000 rows
//! take 800 MB and a few seconds.

use faer::Mat;
use latentia_linalg::smallest_eigen;
use rayon::prelude::*;

use super::{
    config::{GraphEmbeddingConfig, Method},
    fitted::start,
    graph::{Graph, nearest_others},
    weights::rebuilding_weights,
};
use crate::{Error, Result, data::Matrix, linalg::flip_signs};

/// Added to the diagonal, as a share of the largest eigenvalue: rounding must not make a matrix indefinite.
const SHIFT: f64 = 1e-13;

/// The codes of all rows of `x`.
pub(super) fn codes(config: &GraphEmbeddingConfig, x: &Matrix, seed: u64) -> Result<Matrix> {
    let nearest = nearest_others(x, config.neighbours)?;
    let graph = Graph::new(&nearest);
    let parts = graph.parts().len();
    if parts > 1 {
        return Err(Error::config(
            "model.neighbours",
            format!(
                "found {}: the graph of {} rows falls into {parts} parts, which {} cannot place beside each other. Raise \
                 model.neighbours, or take kind isomap, which joins them",
                config.neighbours,
                x.rows(),
                config.method.kind()
            ),
        ));
    }
    match config.method {
        Method::Lle => locally_linear(config, x, &nearest, seed),
        _ => laplacian(config, &graph, seed),
    }
}

/// Eigenvectors of the random-walk Laplacian: `(D − W) h = λ D h` without the constant one, from those `v` of
/// `I − D^-½ W D^-½` by `h = D^-½ v`; scaled to `Σ_i d_i h_i² = Σ_i d_i`.
fn laplacian(config: &GraphEmbeddingConfig, graph: &Graph, seed: u64) -> Result<Matrix> {
    let n = graph.len();
    let weight = |square: f64| if config.heat > 0.0 { (-square / config.heat).exp() } else { 1.0 };
    let degree = |i: usize| graph.edges(i).iter().map(|&(_, square)| weight(square)).sum::<f64>();
    let degrees: Vec<f64> = (0..n).map(degree).collect();
    if let Some(i) = degrees.iter().position(|&d| d < 1e-100) {
        let nearest = graph.edges(i).iter().map(|edge| edge.1).fold(f64::INFINITY, f64::min);
        return Err(Error::config(
            "model.heat",
            format!(
                "found {}: a row with its nearest at a squared distance of {nearest:e} is cut off; expected a \
                     larger width, or 0",
                config.heat
            ),
        ));
    }
    let total: f64 = degrees.iter().sum();
    let null: Vec<f64> = degrees.iter().map(|d| (d / total).sqrt()).collect();
    // No eigenvalue is above 2.
    let mut a = raised(&null, 3.0);
    for i in 0..n {
        a[(i, i)] += 1.0;
        for &(j, square) in graph.edges(i) {
            a[(i, j)] -= weight(square) / (degrees[i] * degrees[j]).sqrt();
        }
    }
    solve(a, config.code, seed, |i| (total / degrees[i]).sqrt())
}

/// Eigenvectors of `M = (I − W)ᵀ (I − W)` without the constant one, where row `i` of `W` rebuilds row `i` of `x`; scaled
/// to `Σ_i h_i² = n`.
fn locally_linear(
    config: &GraphEmbeddingConfig,
    x: &Matrix,
    nearest: &[Vec<(usize, f64)>],
    seed: u64,
) -> Result<Matrix> {
    let n = x.rows();
    let weights = |i: usize| {
        let rows: Vec<&[f32]> = nearest[i].iter().map(|&(j, _)| x.row(j)).collect();
        rebuilding_weights(x.row(i), &rows, config.regularization)
    };
    let weights: Vec<Vec<f64>> = (0..n).into_par_iter().map(weights).collect();
    // ‖I − W‖₁ ‖I − W‖_∞ bounds the largest eigenvalue.
    let mut columns = vec![1.0; n];
    for (found, weights) in nearest.iter().zip(&weights) {
        found.iter().zip(weights).for_each(|(&(j, _), w)| columns[j] += w.abs());
    }
    let rows = weights.iter().map(|w| 1.0 + w.iter().map(|w| w.abs()).sum::<f64>());
    let bound = columns.iter().copied().fold(0.0, f64::max) * rows.fold(0.0, f64::max);
    let mut m = raised(&vec![(1.0 / n as f64).sqrt(); n], bound);
    for (i, (found, weights)) in nearest.iter().zip(&weights).enumerate() {
        let entries =
            || std::iter::once((i, 1.0)).chain(found.iter().zip(weights).map(|(&(j, _), &w)| (j, -w)));
        for (a, p) in entries() {
            for (b, q) in entries() {
                m[(b, a)] += p * q;
            }
        }
    }
    solve(m, config.code, seed, |_| (n as f64).sqrt())
}

/// `t u uᵀ + s I`: what a matrix with null vector `u` is added to, so that `u` comes last in the order of eigenvalues.
fn raised(null: &[f64], t: f64) -> Mat<f64> {
    let n = null.len();
    Mat::from_fn(n, n, |i, j| t * null[i] * null[j] + if i == j { SHIFT * t } else { 0.0 })
}

/// The eigenvectors of the smallest eigenvalues, entry `i` times `scale(i)`.
fn solve(a: Mat<f64>, code: usize, seed: u64, scale: impl Fn(usize) -> f64) -> Result<Matrix> {
    let n = a.nrows();
    let (_, mut vectors) = smallest_eigen(a, start(n, code, seed).as_ref(), code)?;
    flip_signs(&mut vectors);
    let values = (0..n).flat_map(|i| (0..code).map(move |a| (i, a)));
    Ok(Matrix::new(n, code, values.map(|(i, a)| (vectors[(i, a)] * scale(i)) as f32).collect()))
}
