//! Autoencoders: one core whose variants are values of its settings.
//!
//! An encoder `h = f(x)` and a decoder `x̂ = g(h)` are stacks of dense layers and, for images, of convolutions; the decoder's output is read as the parameters
//! of a [likelihood](LikelihoodKind) `p(x | h)`, and training minimises the mean of `−log p(x | f(x))` over the rows
//! (Goodfellow, Bengio & Courville 2016, chapter 14). With identity activations, Gaussian likelihood and centred data the
//! codes span the subspace of PCA (Baldi & Hornik 1989).
//!
//! | variant | what makes it |
//! |---|---|
//! | undercomplete, overcomplete, deep, tied | `code`, `hidden`, `tied` |
//! | convolutional | `channels`, `kernel`, `stride` |
//! | denoising | a [corruption](CorruptionKind) of the input |
//! | sparse, k-sparse | penalties `l1`, `sparsity`; `top_k` |
//! | contractive | penalties `contraction`, `hessian` |
//! | variational, importance weighted | a Gaussian [code](CodeDistribution), `samples` |
//! | semantic hashing | a binary code |
//! | discrete | a categorical or a quantized code |
//! | multimodal | rows with views: `view_hidden`, `view_likelihoods`, corruption `views` |

mod abilities;
mod bound;
mod check;
mod code;
mod config;
mod convolutions;
mod corruption;
mod fitted;
mod jacobian;
mod likelihood;
mod module;
mod noise;
mod objective;
mod penalty;
mod sections;
mod start;
mod views;

#[cfg(test)]
mod tests;

pub use code::CodeDistribution;
pub use config::AutoencoderConfig;
pub use corruption::{Binarize, Corruption, CorruptionKind};
pub use fitted::Autoencoder;
pub use jacobian::ContractionEstimate;
pub use likelihood::{Likelihood, LikelihoodKind};
pub use penalty::SparsityAverage;
