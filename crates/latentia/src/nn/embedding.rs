//! A vector for each word.

use std::sync::Arc;

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData},
};
use latentia_ops::embedding;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use crate::{
    Error, Result,
    random::{Purpose, stream},
};

/// `y_n = W_{index_n}` with `W`: `[V, width]` (PyTorch's name and layout).
#[derive(Module, Debug)]
pub struct Embedding {
    /// `W`.
    pub weight: Param<Tensor<2>>,
    #[module(skip)]
    padding: Option<i64>,
}

impl Embedding {
    /// Random vectors of `width` numbers for `words` words: uniform in ±`range`, or standard normal where it is 0 (PyTorch's
    /// choice). That of `padding` is zero and stays so.
    ///
    /// `key` keeps the random streams of several modules of a model apart.
    pub fn init(
        [words, width]: [usize; 2],
        range: f64,
        padding: Option<usize>,
        (seed, key): (u64, u64),
        device: &Device,
    ) -> Self {
        let mut rng = stream(seed, Purpose::Init, key, 0);
        let mut draw = || -> f64 {
            if range > 0.0 { rng.random_range(-range..range) } else { StandardNormal.sample(&mut rng) }
        };
        let mut values: Vec<f32> = (0..words * width).map(|_| draw() as f32).collect();
        if let Some(row) = padding.filter(|&row| row < words) {
            values[row * width..][..width].fill(0.0);
        }
        let weight = Param::from_data(TensorData::new(values, [words, width]), device);
        Self { weight, padding: padding.map(|row| row as i64) }
    }

    /// The vectors of `index`, `[N, width]`.
    ///
    /// # Errors
    /// The first index that is no word.
    pub fn forward(&self, index: &Arc<[i64]>) -> Result<Tensor<2>> {
        embedding(self.weight.val(), index, self.padding)
            .map_err(|e| Error::config("embedding", e.to_string()))
    }
}
