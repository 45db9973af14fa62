//! What training minimises: the mean over rows of `−Σ_c t_c log p(c | x)`, or of `½ ‖t − ŷ‖²`.

use std::borrow::Cow;

use burn::tensor::{Device, Tensor};
use latentia_ops::loss;

use super::module::PredictorModule;
use crate::{
    codes::{EVALUATION_ROWS, to_tensor},
    data::Matrix,
    random::Purpose,
    train::{Loss, Objective, StepContext, params::host_values},
};

/// What the outputs of the layers mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Logits of classes.
    Classes,
    /// Scaled numbers.
    Numbers,
}

impl Told {
    /// The loss of every row.
    fn losses(self, outputs: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        match self {
            Self::Classes => loss::categorical_with_logits(outputs, targets),
            Self::Numbers => loss::squared_error(outputs, targets) * 0.5,
        }
    }
}

/// Rows, input or codes, and what is to be told of them.
pub(super) type Answered<'a> = (Cow<'a, Matrix>, Cow<'a, Matrix>);

/// The objective of a classifier or a regressor on rows in memory.
pub(super) struct PredictorObjective<'a> {
    pub told: Told,
    /// The rows learnt from.
    pub train: Answered<'a>,
    /// The validation rows.
    pub validation: Answered<'a>,
    pub dropout: f64,
    pub device: Device,
}

impl PredictorObjective<'_> {
    fn tensor(&self, values: Vec<f32>, cols: usize) -> Tensor<2> {
        to_tensor(values, cols, &self.device)
    }
}

impl Objective for PredictorObjective<'_> {
    type Model = PredictorModule;

    fn items(&self) -> usize {
        self.train.0.rows()
    }

    fn loss(&mut self, model: &PredictorModule, items: &[usize], at: StepContext) -> Loss {
        let (x, targets) = &self.train;
        let x = self.tensor(x.select_rows(items).into_vec(), x.cols());
        let targets = self.tensor(targets.select_rows(items).into_vec(), targets.cols());
        let dropout = (self.dropout > 0.0).then(|| (self.dropout, at.stream(Purpose::Dropout)));
        let losses = self.told.losses(model.forward(x, dropout), targets);
        Loss { total: losses.mean(), terms: Vec::new() }
    }

    fn validate(&mut self, model: &PredictorModule, _: StepContext) -> Option<f64> {
        let (x, targets) = &self.validation;
        if x.rows() == 0 {
            return None;
        }
        let x_chunks = x.as_slice().chunks(EVALUATION_ROWS * x.cols());
        let sum: f64 = x_chunks
            .zip(targets.as_slice().chunks(EVALUATION_ROWS * targets.cols()))
            .map(|(rows, t)| {
                let outputs = model.forward(self.tensor(rows.to_vec(), x.cols()), None);
                let t = self.tensor(t.to_vec(), targets.cols());
                let losses = host_values(self.told.losses(outputs, t));
                losses.iter().map(|&l| f64::from(l)).sum::<f64>()
            })
            .sum();
        Some(sum / x.rows() as f64)
    }
}
