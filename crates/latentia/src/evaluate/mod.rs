//! Metrics, one place: how good are codes, scores, predictions and clusters.
//!
//! Every function is deterministic: the same bits for any number of threads, ties settled by index or label.

mod classification;
mod clustering;
mod nearest;
mod neighbours;
mod pairs;
mod probe;
mod ranking;
mod reconstruction;
mod regression;
mod subspace;

pub use classification::{accuracy, balanced_accuracy, confusion_matrix, log_loss};
pub use clustering::{adjusted_rand_index, clustering_accuracy, normalized_mutual_information};
pub use nearest::{Neighbour, nearest};
pub use neighbours::{
    continuity, knn_accuracy, leave_one_out_accuracy, trustworthiness, trustworthiness_and_continuity,
};
pub use pairs::{Recall, pair_ranks};
pub use probe::{LogisticRegression, linear_probe_accuracy};
pub use ranking::{Point, average_precision, precision_at, precision_recall_curve, roc_auc, roc_curve};
pub use reconstruction::{explained_variance, mean_squared_error, quantile, squared_error};
pub use regression::{LeastSquares, RegressionErrors, regression_errors};
pub use subspace::principal_angles;

pub(crate) use pairs::directions;

use crate::{Error, Result};

/// Refuses two lists of different lengths, or empty ones.
fn check_lengths(name: &str, found: usize, other: &str, expected: usize) -> Result<()> {
    if found == 0 {
        return Err(Error::config(name, "nothing to measure: no rows"));
    }
    if found != expected {
        return Err(Error::config(name, format!("{found} rows, but {expected} of {other}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
