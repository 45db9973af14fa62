//! Autoencoders: one core whose variants are values of its settings.
//!
//! An encoder `h = f(x)` and a decoder `x̂ = g(h)` are dense stacks; the decoder's output is read as the parameters
//! of a [likelihood](LikelihoodKind) `p(x | h)`, and training minimises the mean of `−log p(x | f(x))` over the rows
//! (Goodfellow, Bengio & Courville 2016, chapter 14). With identity activations, Gaussian likelihood and centred data the
//! codes span the subspace of PCA (Baldi & Hornik 1989).

mod config;
mod fitted;
mod likelihood;
mod module;
mod objective;

#[cfg(test)]
mod tests;

pub use config::AutoencoderConfig;
pub use fitted::Autoencoder;
pub use likelihood::{Likelihood, LikelihoodKind};
