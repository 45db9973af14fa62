//! Predict: a class or numbers for every row, from the input, from the codes of another model, or through its encoder.
//!
//! The classifier is a stack of dense layers with a softmax at its end, the regressor one without; with no hidden layers they are
//! multinomial logistic and linear regression. Codes of any model can take the place of the input (frozen), and the encoder of an autoencoder can be
//! trained on with them, from where unlabelled rows have brought it (Hinton & Salakhutdinov 2006; Vincent et
//! al. 2010).

mod classifier;
mod config;
mod core;
mod encoder;
mod module;
mod objective;
mod regressor;
mod rows;

#[cfg(test)]
mod tests;

pub use classifier::Classifier;
pub use config::{ClassifierConfig, EncoderMode, RegressorConfig};
pub use regressor::Regressor;
pub(crate) use rows::labelled_rows;
