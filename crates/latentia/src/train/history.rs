//! What happened in each epoch.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One epoch: one line of `history.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// What was trained when it was not yet the whole: a layer, in pretraining.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Epoch, from 1.
    pub epoch: usize,
    /// Steps taken since the start of the run.
    pub steps: u64,
    /// Mean training objective over the rows of the epoch, while it was learning; for an objective whose value says
    /// nothing, what the validation loss measures, on training rows after the epoch.
    pub train_loss: f64,
    /// Mean of each term of the objective, in training.
    pub train_terms: BTreeMap<String, f64>,
    /// Mean validation objective after the epoch; `None` without validation rows.
    pub validation_loss: Option<f64>,
    /// What else was measured after the epoch, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Mean norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Seconds this epoch took, validation included.
    pub seconds: f64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// All epochs were done.
    Completed,
    /// The validation loss had not improved for `patience` epochs.
    EarlyStopped,
    /// Someone asked to stop; it can be resumed.
    Cancelled,
}
