//! What makes a row unusual: the `[anomaly]` table of a recipe.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, kinds::Kind};

/// How rows are scored, and from which score on a row is called unusual.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct AnomalyConfig {
    /// What the score of a row is.
    pub score: ScoreKind,
    /// Score mahalanobis: share of the training rows, the most distant ones, that location and covariance leave out, 0 to
    /// 0.5; more than the share of unusual rows among them.
    pub trim: f64,
    /// Score mahalanobis: added to every variance, as a multiple of the mean variance of the features. Larger values trust
    /// the covariance less.
    pub ridge: f64,
    /// Models that are trained alike but for their seed and whose scores are averaged; all else is the first one's.
    pub ensemble: usize,
    /// Share of rows that is called unusual: sets the threshold of the model, more than 0 and at most 0.5.
    pub contamination: f64,
    /// The class whose rows are unusual: the figures and the report then say how well the scores find them. Nothing is
    /// learned from it; `exclude` leaves its rows out of the training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusual: Option<String>,
}

/// What the score of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreKind {
    /// The kind's own: for autoencoders and PCA the squared error, summed over the features.
    Model,
    /// How far residual and reconstruction lie from those of most training rows, measured by their robust covariance.
    Mahalanobis,
}

impl Default for AnomalyConfig {
    fn default() -> Self {
        Self {
            score: ScoreKind::Model,
            trim: 0.25,
            ridge: 0.3,
            ensemble: 1,
            contamination: 0.01,
            unusual: None,
        }
    }
}

/// More members than this are a mistyped number.
const MAX_ENSEMBLE: usize = 1000;

impl AnomalyConfig {
    /// Checks every field; the error names the recipe key.
    pub fn validate(&self, kind: &Kind) -> Result<()> {
        let wrong = |key: &str, found: String, expected: &str| {
            Err(Error::config(format!("anomaly.{key}"), format!("found {found}, expected {expected}")))
        };
        if !(0.0..=0.5).contains(&self.trim) {
            return wrong("trim", self.trim.to_string(), "a share of the rows from 0 to 0.5");
        }
        if !(self.ridge.is_finite() && self.ridge > 0.0) {
            return wrong("ridge", self.ridge.to_string(), "a number above 0");
        }
        if !(self.contamination > 0.0 && self.contamination <= 0.5) {
            return wrong(
                "contamination",
                self.contamination.to_string(),
                "a share of the rows above 0, at most 0.5",
            );
        }
        if self.ensemble == 0 || self.ensemble > MAX_ENSEMBLE {
            return wrong("ensemble", self.ensemble.to_string(), &format!("1 to {MAX_ENSEMBLE} models"));
        }
        if self.ensemble > 1 && !kind.trains {
            let found = format!("{} models of kind '{}'", self.ensemble, kind.name);
            return wrong("ensemble", found, "1: what is computed, not trained, is the same for every seed");
        }
        Ok(())
    }
}
