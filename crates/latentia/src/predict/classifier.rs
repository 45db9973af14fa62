//! Fitting a classifier, and using a fitted one.

use std::borrow::Cow;

use burn::tensor::{Device, activation};
use serde_json::Value;

use super::{
    config::ClassifierConfig,
    core::{Lesson, Predictor, take_origin},
    objective::Told,
    rows::{class_weights, labelled_rows, targets},
};
use crate::{
    Error, Result,
    data::{Dataset, Matrix, Preprocess, Split},
    kinds::{Config, Fitted},
    model::{Model, Predict, Size},
    run::Run,
    train::{TrainConfig, Trained, params::Tensors},
};

/// A fitted classifier.
#[derive(Debug)]
pub struct Classifier {
    config: ClassifierConfig,
    predictor: Predictor,
}

impl ClassifierConfig {
    /// Fits a classifier to the training rows of `data` and their labels.
    ///
    /// # Errors
    /// Rows without labels or of one class, an encoder that does not fit them, and what can stop a training.
    pub fn fit(
        &self,
        data: &Dataset,
        training: &TrainConfig,
        run: &mut Run,
    ) -> Result<(Classifier, Trained<Tensors>)> {
        self.validate()?;
        let classes = data.classes().len();
        let labels = labels_of(&data.train, classes)?;
        let learnt = labelled_rows(labels, classes, self.labelled, training.seed);
        let learnt_labels: Vec<u32> = learnt.iter().map(|&i| labels[i]).collect();
        if learnt_labels.iter().all(|l| *l == learnt_labels[0]) {
            let class = &data.classes()[learnt_labels[0] as usize];
            return Err(Error::config(
                if self.labelled > 0 { "model.labelled" } else { "data.label" },
                format!(
                    "all {} rows to learn from are of class '{class}', expected two classes or more",
                    learnt.len()
                ),
            ));
        }
        let class_weights = class_weights(&learnt_labels, classes, self.balanced);
        let validation_labels = data.validation.labels.as_deref().unwrap_or_default();
        let lesson = Lesson {
            told: Told::Classes,
            train: (
                data.train.x.rows_at(&learnt),
                Cow::Owned(targets(&learnt_labels, &class_weights, self.label_smoothing)),
            ),
            validation: (
                Cow::Borrowed(&data.validation.x),
                Cow::Owned(targets(validation_labels, &class_weights, 0.0)),
            ),
        };
        let settings = Config::to_json(&Self { encoder: None, ..self.clone() });
        let (predictor, trained) = Predictor::fit(self.head(), &settings, lesson, data, training, run)?;
        Ok((Classifier { config: self.clone(), predictor }, trained))
    }
}

/// The labels of the rows, where there are any.
fn labels_of(split: &Split, classes: usize) -> Result<&[u32]> {
    match &split.labels {
        Some(labels) if classes > 0 => Ok(labels),
        _ => Err(Error::config(
            "data.label",
            "found none, but a classifier learns from the classes of the rows: name their column with --label COLUMN",
        )),
    }
}

impl Classifier {
    /// The kind's name in recipes.
    pub const KIND: &'static str = "classifier";

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
        let config: ClassifierConfig = serde_json::from_value(settings).map_err(|e| e.to_string())?;
        let shape = (preprocess, preprocess.classes().len());
        let predictor = Predictor::load(config.head(), origin, shape, tensors, device)?;
        Ok(Self { config, predictor })
    }
}

impl Config for ClassifierConfig {
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

impl Predict for Classifier {
    fn probabilities(&self, x: &Matrix) -> Result<Matrix> {
        self.predictor.outputs(x, |logits| activation::softmax(logits, 1))
    }

    fn labelled(&self) -> usize {
        self.config.labelled
    }
}

impl Model for Classifier {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input_width(&self) -> usize {
        self.predictor.input
    }

    fn sizes(&self) -> Vec<Size> {
        self.predictor.sizes("classes")
    }

    fn tensors(&self) -> Tensors {
        self.predictor.tensors()
    }

    fn as_predict(&self) -> Option<&dyn Predict> {
        Some(self)
    }
}
