//! What training minimises: the mean over rows of `−log p(x | g(f(x)))`.

use burn::tensor::{Device, Tensor};

use super::{likelihood::Likelihood, module::AutoencoderModule};
use crate::{
    codes::{EVALUATION_ROWS, to_tensor},
    data::Matrix,
    train::{Loss, Objective, StepContext, params::host_values},
};

/// The objective of an autoencoder on rows in memory.
pub(super) struct AutoencoderObjective<'a> {
    pub likelihood: &'a Likelihood,
    pub train: &'a Matrix,
    pub validation: &'a Matrix,
    pub device: Device,
}

impl AutoencoderObjective<'_> {
    /// `−log p` of each of the rows.
    fn negative_log(&self, model: &AutoencoderModule, x: Tensor<2>) -> Tensor<1> {
        let output = model.decode(model.encode(x.clone()));
        self.likelihood.negative_log(output, x)
    }
}

impl Objective for AutoencoderObjective<'_> {
    type Model = AutoencoderModule;

    fn items(&self) -> usize {
        self.train.rows()
    }

    fn loss(&mut self, model: &AutoencoderModule, items: &[usize], _: StepContext) -> Loss {
        let rows = self.train.select_rows(items).into_vec();
        let x = to_tensor(rows, self.train.cols(), &self.device);
        Loss { total: self.negative_log(model, x).mean(), terms: Vec::new() }
    }

    fn validate(&mut self, model: &AutoencoderModule, _: StepContext) -> Option<f64> {
        let (rows, cols) = (self.validation.rows(), self.validation.cols());
        if rows == 0 {
            return None;
        }
        let chunks = self.validation.as_slice().chunks(EVALUATION_ROWS * cols);
        let sum: f64 = chunks
            .map(|chunk| {
                let x = to_tensor(chunk.to_vec(), cols, &self.device);
                let losses = host_values(self.negative_log(model, x));
                losses.iter().map(|&l| f64::from(l)).sum::<f64>()
            })
            .sum();
        Some(sum / rows as f64)
    }
}
