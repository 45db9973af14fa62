//! The settings of an autoencoder: the `[model]` table of a recipe.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::likelihood::LikelihoodKind;
use crate::{
    Error, Result,
    codes::{
        MAX_WIDTH,
        stacked::{self, Pretrain},
    },
    nn::{ActivationKind, Initializer},
};

/// An autoencoder: `h = f(x)`, `x̂ = g(h)`, learnt by making `x` likely given `h` (Rumelhart, Hinton & Williams 1986).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct AutoencoderConfig {
    /// Width of every hidden layer of the encoder, from the input on; the decoder mirrors them.
    pub hidden: Vec<usize>,
    /// Numbers in a code; may be smaller (undercomplete) or larger (overcomplete) than the input.
    pub code: usize,
    /// Activation of the hidden layers.
    pub activation: ActivationKind,
    /// Activation of the code.
    pub code_activation: ActivationKind,
    /// Whether the decoder uses the encoder's weights, transposed.
    pub tied: bool,
    /// What the decoder's output means.
    pub likelihood: LikelihoodKind,
    /// Distribution of the initial weights.
    pub initializer: Initializer,
    /// How the layers are trained one by one before the whole is.
    pub pretrain: Pretrain,
    /// Epochs that each layer is pretrained for.
    pub pretrain_epochs: usize,
    /// Learning rate of pretraining. 0: that of the training for autoencoders; for Boltzmann machines 0.1, or 0.001 where
    /// a layer has real units.
    pub pretrain_learning_rate: f64,
}

impl Default for AutoencoderConfig {
    fn default() -> Self {
        Self {
            hidden: vec![128, 64],
            code: 8,
            activation: ActivationKind::Elu,
            code_activation: ActivationKind::Identity,
            tied: false,
            likelihood: LikelihoodKind::Auto,
            initializer: Initializer::Auto,
            pretrain: Pretrain::None,
            pretrain_epochs: 10,
            pretrain_learning_rate: 0.0,
        }
    }
}

impl AutoencoderConfig {
    /// Checks every field; the error names the recipe key.
    pub fn validate(&self) -> Result<()> {
        if self.code == 0 || self.code > MAX_WIDTH {
            return Err(Error::config(
                "model.code",
                format!("found {}, expected 1 to {MAX_WIDTH} numbers in a code", self.code),
            ));
        }
        if let Some(width) = self.hidden.iter().find(|&&w| w == 0 || w > MAX_WIDTH) {
            return Err(Error::config(
                "model.hidden",
                format!("found a layer of width {width}, expected 1 to {MAX_WIDTH}"),
            ));
        }
        stacked::check(self)
    }

    /// Width of the input, every hidden layer and the code.
    pub fn encoder_widths(&self, input: usize) -> Vec<usize> {
        let mut widths = vec![input];
        widths.extend(&self.hidden);
        widths.push(self.code);
        widths
    }
}
