//! Predict: a class for every row, from the input, from the codes of another model, or through its encoder.
//!
//! The classifier is a stack of dense layers with a softmax at its end; without hidden layers it is multinomial logistic
//! regression. Codes of any model can take the place of the input (frozen), and the encoder of an autoencoder can be
//! trained on with the classifier, from where unlabelled rows have brought it (Hinton & Salakhutdinov 2006; Vincent et
//! al. 2010).

mod config;
mod encoder;
mod fitted;
mod module;
mod objective;
mod rows;

#[cfg(test)]
mod tests;

pub use config::{ClassifierConfig, EncoderMode};
pub use fitted::Classifier;
pub(crate) use rows::labelled_rows;
