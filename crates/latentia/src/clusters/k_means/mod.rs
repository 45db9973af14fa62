//! k-means (MacQueen 1967; Lloyd 1982): `k` centroids `μ`, and every row in the cluster of the nearest.
//!
//! ```text
//! inertia = Σ_i min_j ‖x_i − μ_j‖²
//! ```
//!
//! Each iteration assigns every row to its nearest centroid and moves every centroid to the mean of its rows; neither can make
//! the inertia larger. Stopping, empty clusters and the greedy choice of where to start are scikit-learn's.

mod config;
mod lloyd;
mod seed;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use config::KMeansConfig;
use latentia_kernels::nearest::{Centres, distances, nearest};

use crate::data::Matrix;
use crate::linalg::{check_cols, check_finite};
use crate::train::params::{HostTensor, Tensors};
use crate::{Error, Result};

/// Fitted clusters of `d` columns.
#[derive(Debug, Clone, PartialEq)]
pub struct KMeans {
    centroids: Matrix,
    inertia: f64,
    iterations: usize,
}

impl KMeans {
    fn new(centroids: Matrix, iterations: usize) -> Self {
        Self { centroids, inertia: 0.0, iterations }
    }

    /// `μ`, `[k, d]`.
    pub fn centroids(&self) -> &Matrix {
        &self.centroids
    }

    /// `Σ_i min_j ‖x_i − μ_j‖²` over the rows of the fit.
    pub fn inertia(&self) -> f64 {
        self.inertia
    }

    /// Passes over the rows until the centroids stood still, of the start that was kept.
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// Number of columns `d` of a row.
    pub fn features(&self) -> usize {
        self.centroids.cols()
    }

    /// Number of clusters `k`.
    pub fn clusters(&self) -> usize {
        self.centroids.rows()
    }

    /// The cluster of every row of `x`, from 0 (the first of equally near ones), and the squared distance to its centroid.
    ///
    /// # Errors
    /// When `x` has another number of columns or a value that is not finite.
    pub fn assign(&self, x: &Matrix) -> Result<(Vec<u32>, Vec<f32>)> {
        self.check(x)?;
        Ok(self.nearest(x))
    }

    /// `‖x_i − μ_j‖` for every row and cluster, `[n, k]`: what scikit-learn calls transforming.
    ///
    /// # Errors
    /// As [`KMeans::assign`].
    pub fn distances(&self, x: &Matrix) -> Result<Matrix> {
        self.check(x)?;
        let mut out = Matrix::zeros(x.rows(), self.clusters());
        distances(x.as_slice(), &self.centres(), out.as_mut_slice());
        out.as_mut_slice().iter_mut().for_each(|d| *d = d.sqrt());
        Ok(out)
    }

    /// The centroids of these clusters, a row each.
    pub(super) fn select(&self, clusters: impl Iterator<Item = u32>) -> Matrix {
        self.centroids.select_rows(&clusters.map(|c| c as usize).collect::<Vec<_>>())
    }

    fn inertia_of(&self, x: &Matrix) -> f64 {
        self.nearest(x).1.iter().map(|&d| f64::from(d)).sum()
    }

    fn nearest(&self, x: &Matrix) -> (Vec<u32>, Vec<f32>) {
        let (mut labels, mut squares) = (vec![0; x.rows()], vec![0.0; x.rows()]);
        nearest(x.as_slice(), &self.centres(), &mut labels, &mut squares);
        (labels, squares)
    }

    fn centres(&self) -> Centres {
        Centres::new(self.centroids.as_slice(), &vec![0.0; self.features()])
    }

    fn check(&self, x: &Matrix) -> Result<()> {
        check_cols("input", x, self.features())?;
        check_finite("input", x)
    }

    /// Everything that [`KMeans::from_tensors`] needs: `centroids`, `inertia`, `iterations`.
    pub fn to_tensors(&self) -> Tensors {
        let tensor = |shape: Vec<usize>, values: Vec<f32>| HostTensor { shape, values };
        let centroids = tensor(vec![self.clusters(), self.features()], self.centroids.as_slice().to_vec());
        Tensors::from([
            ("centroids".to_owned(), centroids),
            ("inertia".to_owned(), tensor(vec![1], vec![self.inertia as f32])),
            ("iterations".to_owned(), tensor(vec![1], vec![self.iterations as f32])),
        ])
    }

    /// The inverse of [`KMeans::to_tensors`] (the inertia rounded to `f32`). `path` is the file they came from, for the
    /// error.
    ///
    /// # Errors
    /// When a tensor is missing, has a shape that does not fit or a value that cannot be.
    pub fn from_tensors(path: &Path, tensors: &Tensors) -> Result<Self> {
        let take = |name: &str, fits: fn(&[usize]) -> bool, expected: &str| {
            let found = tensors.get(name);
            let tensor = found.ok_or_else(|| Error::model(path, format!("tensor '{name}' is missing")))?;
            let HostTensor { shape, values } = tensor;
            if !fits(shape) || values.len() != shape.iter().product::<usize>() {
                let message = format!("tensor '{name}' has shape {shape:?}, expected {expected}");
                return Err(Error::model(path, message));
            }
            if values.iter().any(|v| !v.is_finite()) {
                return Err(Error::model(path, format!("tensor '{name}' has a value that is not finite")));
            }
            Ok(tensor)
        };
        let centroids = take("centroids", |s| s.len() == 2 && s[0] > 0 && s[1] > 0, "[clusters, columns]")?;
        let number = |name| take(name, |s| s == [1], "[1]").map(|t| t.values[0]);
        Ok(Self {
            centroids: Matrix::new(centroids.shape[0], centroids.shape[1], centroids.values.clone()),
            inertia: f64::from(number("inertia")?),
            iterations: number("iterations")? as usize,
        })
    }
}
