//! Latentia learns compact codes of data.
//!
//! ```
//! use latentia::{codes::autoencoder::AutoencoderConfig, data::{Dataset, ReadOptions}, train::TrainConfig, Run};
//! use latentia::model::{Encode, Score};
//!
//! # fn main() -> latentia::Result<()> {
//! let options = ReadOptions { label: Some("class".into()), ..ReadOptions::default() };
//! let data = Dataset::load("digits", &options, 0)?;
//! let config = AutoencoderConfig { hidden: vec![32], code: 4, ..AutoencoderConfig::default() };
//! let training = TrainConfig { epochs: 3, ..TrainConfig::default() };
//! let (model, _, history) = config.fit(&data, &training, &mut Run::default())?;
//! let codes = model.encode(&data.validation.x)?;
//! let scores = model.score(&data.validation.x)?;
//! # assert_eq!((codes.cols(), scores.len(), history.history.len()), (4, codes.rows(), 3));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod artifact;
pub mod codes;
pub mod data;
mod error;
pub mod evaluate;
pub mod figures;
pub mod fit;
pub mod kinds;
mod linalg;
pub mod model;
pub mod nn;
pub mod random;
pub mod recipe;
pub mod report;
pub mod run;
pub mod train;

pub use error::{DataError, Error, Result};
pub use run::Run;
