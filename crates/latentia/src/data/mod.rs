//! Data in: tables and images, their schema, preprocessing and splits.

mod matrix;

pub use matrix::Matrix;
