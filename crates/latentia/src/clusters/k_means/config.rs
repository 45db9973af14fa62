//! Settings of k-means.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KMeans, lloyd};
use crate::data::Matrix;
use crate::linalg::{check_cols, check_finite};
use crate::{DataError, Error, Result};

/// Settings of k-means; [`KMeansConfig::fit`] gives a [`KMeans`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct KMeansConfig {
    /// Number of clusters; at most the number of rows.
    pub clusters: usize,
    /// How often to start anew from other centroids; the clusters of the smallest inertia are kept.
    pub restarts: usize,
    /// Most passes over the rows of each start.
    pub max_iterations: usize,
    /// Stop when the centroids' squared movements sum to no more than this share of the mean variance of the columns
    /// (0: only when no row changes its cluster).
    pub tolerance: f64,
}

impl Default for KMeansConfig {
    fn default() -> Self {
        Self { clusters: 8, restarts: 10, max_iterations: 300, tolerance: 1e-4 }
    }
}

impl KMeansConfig {
    /// Checks what can be checked without data.
    ///
    /// # Errors
    /// An [`Error::Config`] that names the field.
    pub fn validate(&self) -> Result<()> {
        for (field, value) in [
            ("model.clusters", self.clusters),
            ("model.restarts", self.restarts),
            ("model.max-iterations", self.max_iterations),
        ] {
            if value == 0 {
                return Err(Error::config(field, "found 0, expected 1 or more"));
            }
        }
        if !(self.tolerance >= 0.0 && self.tolerance.is_finite()) {
            let message = format!("found {}, expected 0 or a small number above it", self.tolerance);
            return Err(Error::config("model.tolerance", message));
        }
        Ok(())
    }

    /// Finds clusters of the rows of `x`, `[n, d]`: the best of `restarts` starts from centroids chosen by greedy
    /// k-means++, drawn from `seed`.
    ///
    /// # Errors
    /// When `x` has fewer rows than clusters, no column, or a value that is not finite or too large to be squared.
    pub fn fit(&self, x: &Matrix, seed: u64) -> Result<KMeans> {
        self.check(x)?;
        lloyd::fit(self, x, lloyd::Start::Seeded(seed))
    }

    /// As [`KMeansConfig::fit`], from these centroids `[clusters, d]`, once.
    ///
    /// # Errors
    /// As [`KMeansConfig::fit`], and when `centroids` has another shape or a value that is not finite.
    pub fn fit_from(&self, x: &Matrix, centroids: &Matrix) -> Result<KMeans> {
        self.check(x)?;
        check_cols("centroids", centroids, x.cols())?;
        check_finite("centroids", centroids)?;
        if centroids.rows() != self.clusters {
            let found = format!("{} rows", centroids.rows());
            return Err(DataError::new("centroids", found, format!("{} clusters", self.clusters)).into());
        }
        lloyd::fit(self, x, lloyd::Start::From(centroids))
    }

    fn check(&self, x: &Matrix) -> Result<()> {
        self.validate()?;
        if x.rows() == 0 || x.cols() == 0 {
            let found = format!("{} rows and {} columns", x.rows(), x.cols());
            return Err(DataError::new("input", found, "at least 1 row and 1 column").into());
        }
        if self.clusters > x.rows() {
            let message = format!(
                "found {} clusters for {} rows, expected at most as many as rows",
                self.clusters,
                x.rows()
            );
            return Err(Error::config("model.clusters", message));
        }
        Ok(())
    }
}
