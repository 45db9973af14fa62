//! CPU kernels on plain `f32` slices: matrix products, dense layers, losses and optimisers.
//!
//! The layers, lowest first; imports point only downwards:
//!
//! - [`matrix`]: borrowed matrix views with strides;
//! - [`math`]: element functions and activations;
//! - [`gemm`]: matrix products with a fused bias and activation;
//! - [`dense`]: a dense layer, forward and backward;
//! - [`convolution`]: convolutions over images and transposed ones, forward and backward;
//! - [`recurrent`]: recurrent layers over sequences, forward and backward;
//! - [`nearest`]: rows and the centres nearest to them, for k-means;
//! - [`optim`]: parameter updates in one pass over memory;
//! - [`hamming`](fn@hamming): distances between codes of bits.
//!
//! Every kernel gives the same bits for any number of threads: work is split over the elements of a result, never over
//! a sum. Shapes are the caller's contract: a mismatch panics with the names of the arguments.

pub mod convolution;
pub mod dense;
pub mod embedding;
pub mod gemm;
mod hamming;
pub mod loss;
pub mod math;
pub mod matrix;
pub mod nearest;
pub mod norm;
pub mod optim;
pub mod recurrent;
pub mod scratch;
pub mod simd;
pub mod threads;

pub use hamming::hamming;
pub use math::Activation;
pub use matrix::{MatMut, MatRef};
