//! Isomap: classical scaling of distances along the graph.

use faer::Mat;
use latentia_linalg::largest_eigen;
use rayon::prelude::*;

use super::{
    config::GraphEmbeddingConfig,
    fitted::{chosen, start},
    graph::{Graph, nearest_others},
};
use crate::{Error, Result, data::Matrix, evaluate::Neighbour, linalg::flip_signs};

/// Eigenvalues below this share of the largest are those of the rounding of distances to `f32`.
const ROUNDING: f64 = 1e-6;

/// What places a row by its distances to the landmarks (de Silva & Tenenbaum 2003, section 3):
///
/// ```text
/// h_a = −½ Σ_l p_al (δ_l − δ̄_l),   p_a = v_a / √λ_a
/// ```
///
/// with `δ` the squared distances of the row to the landmarks, `δ̄` their means over the landmarks, `λ` and `v` the
/// largest eigenvalues and eigenvectors of `−½ H Δ H`. With all rows as landmarks this is Isomap as first published.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Geodesics {
    /// Distance along the graph from every row to every landmark, `[rows, landmarks]`.
    pub distances: Matrix,
    /// `p`, `[code, landmarks]`.
    pub projection: Matrix,
    /// `δ̄`, `[1, landmarks]`.
    pub mean_squares: Matrix,
}

impl Geodesics {
    /// Measures the distances in `x` and solves for the placing; also returns how many parts the graph had.
    pub(super) fn fit(
        config: &GraphEmbeddingConfig,
        x: &Matrix,
        landmarks: usize,
        seed: u64,
    ) -> Result<(Self, usize)> {
        let mut graph = Graph::new(&nearest_others(x, config.neighbours)?);
        let parts = graph.join_parts(x)?;
        let landmarks = chosen(x.rows(), landmarks, seed);
        let distances = distances(&graph, &landmarks);
        let n = landmarks.len();
        let square = |i: usize, j: usize| f64::from(distances.row(landmarks[i])[j]).powi(2);
        let means: Vec<f64> = (0..n).map(|j| (0..n).map(|i| square(i, j)).sum::<f64>() / n as f64).collect();
        let mean = means.iter().sum::<f64>() / n as f64;
        // Two paths of the same edges may differ in their last bit with the direction they were added in.
        let b = Mat::from_fn(n, n, |i, j| -0.5 * (square(i.max(j), i.min(j)) - means[i] - means[j] + mean));
        let (values, mut vectors) =
            largest_eigen(b.as_ref(), start(n, config.code, seed).as_ref(), config.code)?;
        if let Some(found) = values.iter().position(|&v| v <= ROUNDING * values[0].max(f64::MIN_POSITIVE)) {
            return Err(Error::config(
                "model.code",
                format!(
                    "found {}, but the distances along the graph span only {found} dimensions",
                    config.code
                ),
            ));
        }
        flip_signs(&mut vectors);
        let mut projection = Matrix::zeros(config.code, n);
        for (a, value) in values.iter().enumerate() {
            let row = projection.row_mut(a);
            row.iter_mut().enumerate().for_each(|(l, p)| *p = (vectors[(l, a)] / value.sqrt()) as f32);
        }
        let means = means.into_iter().map(|m| m as f32).collect();
        Ok((Self { distances, projection, mean_squares: Matrix::new(1, n, means) }, parts))
    }

    /// The codes of the fitted rows.
    pub(super) fn codes(&self) -> Matrix {
        let place = |i: usize| {
            let squares = self.distances.row(i).iter().map(|&d| f64::from(d).powi(2));
            self.place(&squares.collect::<Vec<_>>())
        };
        let codes: Vec<Vec<f32>> = (0..self.distances.rows()).into_par_iter().map(place).collect();
        Matrix::new(codes.len(), self.projection.rows(), codes.concat())
    }

    /// The code of a row with these neighbours among the fitted rows: its distance to a landmark is the shortest by way of
    /// any of them.
    pub(super) fn code(&self, neighbours: &[Neighbour]) -> Vec<f32> {
        let mut shortest = vec![f64::INFINITY; self.distances.cols()];
        for neighbour in neighbours {
            let length = neighbour.squared_distance.sqrt();
            for (shortest, &d) in shortest.iter_mut().zip(self.distances.row(neighbour.index)) {
                *shortest = shortest.min(length + f64::from(d));
            }
        }
        shortest.iter_mut().for_each(|d| *d *= *d);
        self.place(&shortest)
    }

    /// The code of a row with these squared distances to the landmarks.
    fn place(&self, squares: &[f64]) -> Vec<f32> {
        let mean_squares = self.mean_squares.row(0);
        let number = |p: &[f32]| {
            let terms = p.iter().zip(squares).zip(mean_squares);
            -0.5 * terms.map(|((&p, s), &m)| f64::from(p) * (s - f64::from(m))).sum::<f64>()
        };
        self.projection.iter_rows().map(|p| number(p) as f32).collect()
    }
}

/// Distances along the graph from every node to every landmark, `[nodes, landmarks]`.
fn distances(graph: &Graph, landmarks: &[usize]) -> Matrix {
    let from = |&l: &usize| graph.distances_from(l).into_iter().map(|d| d as f32).collect();
    let columns: Vec<Vec<f32>> = landmarks.par_iter().map(from).collect();
    let mut distances = Matrix::zeros(graph.len(), landmarks.len());
    let width = landmarks.len();
    let rows = distances.as_mut_slice().par_chunks_exact_mut(width).enumerate();
    rows.for_each(|(i, row)| row.iter_mut().zip(&columns).for_each(|(d, column)| *d = column[i]));
    distances
}
