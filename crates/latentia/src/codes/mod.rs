//! Codes: compact representations learned from rows or images.

pub mod autoencoder;
pub mod image_svd;
pub mod pca;
mod pca_model;

pub(crate) use pca_model::load as load_pca;

use crate::data::Matrix;

/// `Σ_j (x_j − x̂_j)²` of every row.
pub fn squared_errors(x: &Matrix, reconstruction: &Matrix) -> Vec<f64> {
    let error = |(a, b): (&[f32], &[f32])| a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    x.iter_rows().zip(reconstruction.iter_rows()).map(error).collect()
}
