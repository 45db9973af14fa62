//! The settings of a classifier and of a regressor: the `[model]` table of a recipe.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    nn::{ActivationKind, Initializer},
};

/// A classifier: `p(y | x) = softmax(g(x))` with dense layers `g`, learnt by making the labels of the rows likely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ClassifierConfig {
    /// Width of every hidden layer; none makes it logistic regression.
    pub hidden: Vec<usize>,
    /// Activation of the hidden layers.
    pub activation: ActivationKind,
    /// Distribution of the initial weights.
    pub initializer: Initializer,
    /// Share of the hidden units that is left out at random in every step (Srivastava et al. 2014).
    pub dropout: f64,
    /// Share of the target that is spread evenly over all classes (Szegedy et al. 2016).
    pub label_smoothing: f64,
    /// Whether every class counts the same, however many rows it has.
    pub balanced: bool,
    /// How many training rows may be learnt from, each class with its share, drawn by the seed; 0 takes all.
    pub labelled: usize,
    /// Directory of a model whose codes take the place of the input; it is kept within the classifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<PathBuf>,
    /// Whether the encoder stays as it is or is trained further.
    pub encoder_mode: EncoderMode,
}

/// A regressor: `ŷ = g(x)` with dense layers `g`, learnt by least squares of scaled targets.
///
/// Without hidden layers it is linear; with `train.weight-decay` λ it is then ridge regression with `α = λ n` (Hoerl & Kennard
/// 1970).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RegressorConfig {
    /// Width of every hidden layer; none makes it linear.
    pub hidden: Vec<usize>,
    /// Activation of the hidden layers.
    pub activation: ActivationKind,
    /// Distribution of the initial weights.
    pub initializer: Initializer,
    /// Share of the hidden units that is left out at random in every step (Srivastava et al. 2014).
    pub dropout: f64,
    /// Directory of a model whose codes take the place of the input; it is kept within the regressor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<PathBuf>,
    /// Whether the encoder stays as it is or is trained further.
    pub encoder_mode: EncoderMode,
}

impl Default for RegressorConfig {
    fn default() -> Self {
        let ClassifierConfig { hidden, activation, initializer, dropout, encoder, encoder_mode, .. } =
            ClassifierConfig::default();
        Self { hidden, activation, initializer, dropout, encoder, encoder_mode }
    }
}

/// What the layers of a predictor are, whatever it tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    pub hidden: &'a [usize],
    pub activation: ActivationKind,
    pub initializer: Initializer,
    pub dropout: f64,
    pub encoder: Option<&'a Path>,
    pub encoder_mode: EncoderMode,
}

impl Head<'_> {
    fn validate(self) -> Result<()> {
        if let Some(width) = self.hidden.iter().find(|&&w| w == 0 || w > MAX_WIDTH) {
            return Err(Error::config(
                "model.hidden",
                format!("found a layer of width {width}, expected 1 to {MAX_WIDTH}"),
            ));
        }
        check_share("model.dropout", self.dropout)
    }
}

fn check_share(key: &str, share: f64) -> Result<()> {
    match (0.0..1.0).contains(&share) {
        true => Ok(()),
        false => Err(Error::config(key, format!("found {share}, expected 0 or more and below 1"))),
    }
}

/// What happens to the encoder that a classifier or a regressor is put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderMode {
    /// It stays as it is; for any model that encodes.
    Frozen,
    /// It is trained further, together with the layers above it; for autoencoders.
    FineTuned,
}

impl Default for ClassifierConfig {
    fn default() -> Self {
        Self {
            hidden: vec![128, 64],
            activation: ActivationKind::Elu,
            initializer: Initializer::Auto,
            dropout: 0.0,
            label_smoothing: 0.0,
            balanced: false,
            labelled: 0,
            encoder: None,
            encoder_mode: EncoderMode::Frozen,
        }
    }
}

/// The widest layer that is believed; more is a mistyped number.
const MAX_WIDTH: usize = 1 << 20;

impl ClassifierConfig {
    /// Checks every field; the error names the recipe key.
    pub fn validate(&self) -> Result<()> {
        self.head().validate()?;
        check_share("model.label-smoothing", self.label_smoothing)
    }

    pub(super) fn head(&self) -> Head<'_> {
        Head {
            hidden: &self.hidden,
            activation: self.activation,
            initializer: self.initializer,
            dropout: self.dropout,
            encoder: self.encoder.as_deref(),
            encoder_mode: self.encoder_mode,
        }
    }
}

impl RegressorConfig {
    /// Checks every field; the error names the recipe key.
    pub fn validate(&self) -> Result<()> {
        self.head().validate()
    }

    pub(super) fn head(&self) -> Head<'_> {
        Head {
            hidden: &self.hidden,
            activation: self.activation,
            initializer: self.initializer,
            dropout: self.dropout,
            encoder: self.encoder.as_deref(),
            encoder_mode: self.encoder_mode,
        }
    }
}
