//! Fitting a regressor, and using a fitted one.

use std::borrow::Cow;

use burn::tensor::Device;
use serde_json::Value;

use super::{
    config::RegressorConfig,
    core::{Lesson, Predictor, take_origin},
    objective::{Answered, Told},
};
use crate::{
    Error, Result,
    data::{Dataset, Matrix, Preprocess, Split},
    kinds::{Config, Fitted},
    model::{Model, Regress, Size},
    run::Run,
    train::{TrainConfig, Trained, params::Tensors},
};

/// A fitted regressor.
#[derive(Debug)]
pub struct Regressor {
    predictor: Predictor,
}

impl RegressorConfig {
    /// Fits a regressor to the training rows of `data` and their targets.
    ///
    /// # Errors
    /// Rows without targets, an encoder that does not fit them, and what can stop a training.
    pub fn fit(
        &self,
        data: &Dataset,
        training: &TrainConfig,
        run: &mut Run,
    ) -> Result<(Regressor, Trained<Tensors>)> {
        self.validate()?;
        let lesson =
            Lesson { told: Told::Numbers, train: part(&data.train)?, validation: part(&data.validation)? };
        let settings = Config::to_json(&Self { encoder: None, ..self.clone() });
        let (predictor, trained) = Predictor::fit(self.head(), &settings, lesson, data, training, run)?;
        Ok((Regressor { predictor }, trained))
    }
}

/// The rows of `split` and their targets, where there are any.
fn part(split: &Split) -> Result<Answered<'_>> {
    let targets = split.targets.as_ref().ok_or_else(|| {
        Error::config(
            "data.target",
            "found none, but a regressor learns to predict numbers of the rows: name their columns with --target COLUMN",
        )
    })?;
    Ok((Cow::Borrowed(&split.x), Cow::Borrowed(targets)))
}

impl Regressor {
    /// The kind's name in recipes.
    pub const KIND: &'static str = "regressor";

    /// A fitted model from its settings, schema and weights.
    ///
    /// # Errors
    /// A sentence that names the first weight that does not fit.
    pub(crate) fn from_tensors(
        settings: &Value,
        preprocess: &Preprocess,
        tensors: &Tensors,
        device: &Device,
    ) -> std::result::Result<Self, String> {
        let (settings, origin) = take_origin(settings);
        let config: RegressorConfig = serde_json::from_value(settings).map_err(|e| e.to_string())?;
        let shape = (preprocess, preprocess.targets.len());
        Ok(Self { predictor: Predictor::load(config.head(), origin, shape, tensors, device)? })
    }
}

impl Config for RegressorConfig {
    fn validate(&self) -> Result<()> {
        self.validate()
    }

    fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn fit(&self, data: &Dataset, train: &TrainConfig, run: &mut Run) -> Result<Fitted> {
        let (model, training) = self.fit(data, train, run)?;
        let config = model.predictor.with_origin(Config::to_json(self));
        Ok(Fitted { model: Box::new(model), config, training: Some(training) })
    }
}

impl Regress for Regressor {
    fn targets(&self) -> usize {
        self.predictor.outputs
    }

    fn predict(&self, x: &Matrix) -> Result<Matrix> {
        self.predictor.outputs(x, |numbers| numbers)
    }
}

impl Model for Regressor {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input_width(&self) -> usize {
        self.predictor.input
    }

    fn sizes(&self) -> Vec<Size> {
        self.predictor.sizes("targets")
    }

    fn tensors(&self) -> Tensors {
        self.predictor.tensors()
    }

    fn as_regress(&self) -> Option<&dyn Regress> {
        Some(self)
    }
}
