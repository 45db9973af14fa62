//! Rows that come in pairs: how well one of a pair finds the other.

use serde::{Deserialize, Serialize};

use crate::{
    Result,
    data::Matrix,
    evaluate::check_lengths,
    linalg::{check_cols, check_finite, for_row_blocks},
};
use faer::MatRef;
use latentia_linalg::product;

/// How far down the row that belongs to a query is found, over all queries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recall {
    /// Share of queries whose own row comes first.
    pub at_1: f64,
    /// Share of queries whose own row is among the first 5.
    pub at_5: f64,
    /// Share of queries whose own row is among the first 10.
    pub at_10: f64,
    /// Median of the places, the first being 1.
    pub median_rank: f64,
}

impl Recall {
    /// Of the places that [`pair_ranks`] gives.
    ///
    /// # Errors
    /// There are none.
    pub fn of(ranks: &[f64]) -> Result<Self> {
        check_lengths("ranks", ranks.len(), "ranks", ranks.len())?;
        let within = |k: f64| ranks.iter().filter(|&&rank| rank <= k).count() as f64 / ranks.len() as f64;
        let mut sorted = ranks.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Ok(Self {
            at_1: within(1.0),
            at_5: within(5.0),
            at_10: within(10.0),
            median_rank: 0.5 * (low + high),
        })
    }
}

/// The place of row `i` of `searched` among all of its rows by the cosine of the angle to row `i` of `queries`, for every `i`:
/// 1 when none has a smaller angle. Rows that are equally far share their places. A row of zeros is at a right angle to all.
///
/// # Errors
/// When the shapes differ, there is no row, or a value is not finite.
pub fn pair_ranks(queries: &Matrix, searched: &Matrix) -> Result<Vec<f64>> {
    check_lengths("queries", queries.rows(), "the rows searched", searched.rows())?;
    check_cols("queries", queries, searched.cols())?;
    check_finite("queries", queries)?;
    check_finite("searched", searched)?;
    let (n, d) = (searched.rows(), searched.cols());
    let searched = directions(searched.clone());
    let all = MatRef::from_row_major_slice(searched.as_slice(), n, d);
    let queries = directions(queries.clone());
    let copy = |row: &[f32], out: &mut [f32]| out.copy_from_slice(row);
    let cosines = for_row_blocks(&queries, n, copy, |q, out| product(out, q, all.transpose()));
    let rank = |(i, row): (usize, &[f32])| {
        let nearer = row.iter().filter(|&&cosine| cosine > row[i]).count();
        let equal = row.iter().filter(|&&cosine| cosine == row[i]).count();
        1.0 + nearer as f64 + 0.5 * (equal - 1) as f64
    };
    Ok(cosines.iter_rows().enumerate().map(rank).collect())
}

/// Rows of length 1, so that near ones have a small angle; rows of zeros stay.
pub(crate) fn directions(mut x: Matrix) -> Matrix {
    for i in 0..x.rows() {
        let row = x.row_mut(i);
        let norm = row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        if norm > 0.0 {
            row.iter_mut().for_each(|v| *v = (f64::from(*v) / norm) as f32);
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_pair_is_counted_by_angle() {
        let searched = Matrix::new(4, 2, vec![1.0, 0.0, 0.0, 2.0, -3.0, 0.0, 1.0, 1.0]);
        // Found at once; after the last row; after all others; between equals.
        let queries = Matrix::new(4, 2, vec![5.0, 0.1, 1.0, 1.1, 1.0, 0.0, 0.0, 0.0]);
        let ranks = pair_ranks(&queries, &searched).unwrap();
        assert_eq!(ranks, [1.0, 2.0, 4.0, 2.5]);
        let recall = Recall::of(&ranks).unwrap();
        assert_eq!((recall.at_1, recall.at_5, recall.at_10, recall.median_rank), (0.25, 1.0, 1.0, 2.25));
        assert!(pair_ranks(&queries, &Matrix::zeros(3, 2)).is_err());
        assert!(pair_ranks(&Matrix::zeros(0, 2), &Matrix::zeros(0, 2)).is_err());
        assert!(pair_ranks(&queries, &Matrix::zeros(4, 3)).is_err());
    }

    #[test]
    fn directions_have_length_one() {
        let rows = directions(Matrix::new(2, 2, vec![3.0, 4.0, 0.0, 0.0]));
        assert_eq!(rows.as_slice(), [0.6, 0.8, 0.0, 0.0]);
    }
}
