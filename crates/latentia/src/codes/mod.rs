//! Codes: compact representations learned from rows or images.

pub mod autoencoder;
pub mod image_svd;
pub mod manifold;
pub mod pca;
mod pca_model;
pub mod rbm;
pub mod stacked;

pub(crate) use pca_model::{load as load_pca, tensors as pca_tensors};

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};

use crate::{
    Result,
    data::{Dataset, Matrix},
    linalg::squared_distance,
};

/// The widest layer that is believed; more is a mistyped number.
const MAX_WIDTH: usize = 1 << 20;
/// Rows at a time where nothing is learnt.
pub(crate) const EVALUATION_ROWS: usize = 1024;

/// Rows as a tensor.
pub(crate) fn to_tensor(values: Vec<f32>, cols: usize, device: &Device) -> Tensor<2> {
    let rows = values.len() / cols.max(1);
    Tensor::from_data(TensorData::new(values, [rows, cols]), device)
}

/// The first training value outside `least..=greatest`, with the name of its column.
fn outside(data: &Dataset, least: f32, greatest: f32) -> Option<(String, f32)> {
    outside_of(data, 0..data.width(), least, greatest)
}

/// As [`outside`], among some columns.
fn outside_of(data: &Dataset, columns: Range<usize>, least: f32, greatest: f32) -> Option<(String, f32)> {
    let is_outside = |v: &f32| !(least..=greatest).contains(v);
    let mut rows = data.train.x.iter_rows();
    let (j, value) = rows.find_map(|row| {
        let place = row[columns.clone()].iter().position(is_outside)?;
        Some((columns.start + place, row[columns.start + place]))
    })?;
    Some((data.preprocess.feature_names()[j].clone(), value))
}

/// `Σ_j (x_j − x̂_j)²` of every row.
pub fn squared_errors(x: &Matrix, reconstruction: &Matrix) -> Vec<f64> {
    x.iter_rows().zip(reconstruction.iter_rows()).map(|(a, b)| squared_distance(a, b)).collect()
}

/// [`squared_errors`] of what `reconstruct` makes of some rows at a time: no more than these are in memory twice.
pub(crate) fn reconstruction_errors(
    x: &Matrix,
    reconstruct: impl Fn(&Matrix) -> Result<Matrix>,
) -> Result<Vec<f64>> {
    let mut errors = Vec::with_capacity(x.rows());
    for first in (0..x.rows()).step_by(EVALUATION_ROWS) {
        let some = x.slice_rows(first..(first + EVALUATION_ROWS).min(x.rows()));
        errors.extend(squared_errors(&some, &reconstruct(&some)?));
    }
    Ok(errors)
}
