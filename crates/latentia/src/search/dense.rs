//! Codes of real numbers, every one compared with the query.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Hit, nearest_of};
use crate::{DataError, Result, data::Matrix, evaluate, linalg::squared_distance};

/// How far two codes of real numbers are apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// `‖a - b‖`.
    #[default]
    Euclidean,
    /// `1 - aᵀb / (‖a‖ ‖b‖)`, from 0 (one direction) to 2 (opposite ones).
    Cosine,
}

impl Metric {
    /// The codes as they are compared: for cosines scaled to length 1, so that `1 - cos = ½ ‖a - b‖²`.
    ///
    /// # Errors
    /// A code of zeros has no direction.
    pub fn prepare(self, codes: Matrix, what: &str) -> Result<Matrix> {
        if self == Self::Euclidean {
            return Ok(codes);
        }
        let mut codes = codes;
        for i in 0..codes.rows() {
            let row = codes.row_mut(i);
            let norm = row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
            if norm == 0.0 || !norm.is_finite() {
                return Err(DataError::new(what, "a code without a direction", "one that is not all 0")
                    .row(i as u64 + 1)
                    .hint("Use the Euclidean metric")
                    .into());
            }
            row.iter_mut().for_each(|v| *v = (f64::from(*v) / norm) as f32);
        }
        Ok(codes)
    }

    /// The distance of prepared codes from the square of their Euclidean distance.
    pub(super) fn of_square(self, square: f64) -> f64 {
        match self {
            Self::Euclidean => square.sqrt(),
            Self::Cosine => square / 2.0,
        }
    }
}

/// The `k` codes nearest to each query; both [prepared](Metric::prepare).
///
/// # Errors
/// The widths differ, or a number is not finite.
pub fn nearest(codes: &Matrix, queries: &Matrix, k: usize, metric: Metric) -> Result<Vec<Vec<Hit>>> {
    let k = k.min(codes.rows());
    if k == 0 || queries.rows() == 0 {
        return Ok(vec![Vec::new(); queries.rows()]);
    }
    let found = evaluate::nearest(codes, queries, k)?;
    let hit = |n: evaluate::Neighbour| Hit { row: n.index, distance: metric.of_square(n.squared_distance) };
    Ok(found.into_iter().map(|near| near.into_iter().map(hit).collect()).collect())
}

/// The codes at most `radius` away from a query; both [prepared](Metric::prepare).
pub fn within(codes: &Matrix, query: &[f32], radius: f64, metric: Metric) -> Vec<Hit> {
    let distance =
        |row: usize| Hit { row, distance: metric.of_square(squared_distance(codes.row(row), query)) };
    let found: Vec<Hit> =
        (0..codes.rows()).into_par_iter().map(distance).filter(|hit| hit.distance <= radius).collect();
    let count = found.len();
    nearest_of(found, count)
}
