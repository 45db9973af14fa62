//! Latentia learns compact codes of data.
//!
//! Rows become a [`data::Dataset`]; the settings of a kind of model are plain data ([`codes::autoencoder::AutoencoderConfig`],
//! [`codes::pca::PcaConfig`]) with a `fit`; what a fitted model can do are traits ([`model`]). [`fit::fit`] is the whole path
//! from a [`recipe`] to a model directory ([`artifact`]) with its report. The example in the README runs as a test:
#![doc = include_str!("../../../README.md")]
#![forbid(unsafe_code)]

pub mod anomaly;
pub mod artifact;
pub mod clusters;
pub mod codes;
pub mod compare;
pub mod compressed;
pub mod data;
mod error;
pub mod evaluate;
pub mod figures;
pub mod fit;
pub mod kinds;
mod linalg;
pub mod model;
pub mod nn;
pub mod predict;
pub mod random;
pub mod recipe;
pub mod report;
pub mod run;
pub mod search;
pub mod train;

pub use error::{DataError, Error, Result};
pub use run::Run;
