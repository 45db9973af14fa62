//! How to train: the `[train]` table of a recipe.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How to train: optimiser, schedule, clipping, stopping, checkpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct TrainConfig {
    /// How often to go through the training rows.
    pub epochs: usize,
    /// Rows in a step. L-BFGS always uses all rows.
    pub batch_size: usize,
    /// The largest learning rate of the schedule.
    pub learning_rate: f64,
    /// How gradients become updates.
    pub optimizer: OptimizerKind,
    /// SGD and RMSProp: momentum.
    pub momentum: f64,
    /// SGD: look ahead along the momentum (Nesterov 1983).
    pub nesterov: bool,
    /// Adam, AdamW: decay of the mean gradient.
    pub beta1: f64,
    /// Adam, AdamW: decay of the mean squared gradient.
    pub beta2: f64,
    /// RMSProp: decay of the mean squared gradient.
    pub alpha: f64,
    /// Adam, AdamW, RMSProp: added to the denominator.
    pub epsilon: f64,
    /// Weight decay: decoupled for AdamW, an L2 penalty in the gradient for the others.
    pub weight_decay: f64,
    /// How the learning rate changes over the run.
    pub schedule: Schedule,
    /// Epochs over which the learning rate rises from 0 before the schedule begins (may be a fraction).
    pub warmup: f64,
    /// Schedule step: epochs between two decays.
    pub step_epochs: usize,
    /// Schedules step and exponential: factor of each decay (a step, an epoch).
    pub decay: f64,
    /// Schedule one-cycle: share of the run spent rising.
    pub rise: f64,
    /// Clip every gradient value to at most this (0: off).
    pub clip_value: f64,
    /// Clip the norm of all gradients together to at most this (0: off).
    pub clip_norm: f64,
    /// Stop after this many epochs without a better validation loss (0: never).
    pub patience: usize,
    /// What counts as better: a validation loss lower by more than this.
    pub min_delta: f64,
    /// Which weights the model keeps: those of the best validation loss, or the last ones. Both are written.
    pub keep: Keep,
    /// Write a checkpoint every so many epochs (0: only by time).
    pub checkpoint_epochs: usize,
    /// Write a checkpoint every so many minutes (0: only by epoch).
    pub checkpoint_minutes: f64,
    /// Keep the checkpoint when the run is complete.
    pub keep_checkpoint: bool,
    /// Seed of everything random: initial weights, shuffling, splits, corruption, sampling.
    pub seed: u64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 50,
            batch_size: 64,
            learning_rate: 1e-3,
            optimizer: OptimizerKind::Adam,
            momentum: 0.9,
            nesterov: false,
            beta1: 0.9,
            beta2: 0.999,
            alpha: 0.99,
            epsilon: 1e-8,
            weight_decay: 0.0,
            schedule: Schedule::Constant,
            warmup: 0.0,
            step_epochs: 10,
            decay: 0.5,
            rise: 0.3,
            clip_value: 0.0,
            clip_norm: 0.0,
            patience: 10,
            min_delta: 0.0,
            keep: Keep::Best,
            checkpoint_epochs: 1,
            checkpoint_minutes: 5.0,
            keep_checkpoint: false,
            seed: 0,
        }
    }
}

/// How gradients become updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Adam (Kingma & Ba 2015).
    Adam,
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    #[serde(rename = "adamw")]
    AdamW,
    /// Stochastic gradient descent with momentum (Polyak 1964).
    Sgd,
    /// RMSProp (Hinton 2012).
    #[serde(rename = "rmsprop")]
    RmsProp,
    /// Limited-memory BFGS with a strong Wolfe line search (Liu & Nocedal 1989); all rows in every step.
    Lbfgs,
}

/// How the learning rate changes over the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Always the same.
    Constant,
    /// Times `decay` every `step-epochs` epochs.
    Step,
    /// Times `decay` every epoch.
    Exponential,
    /// Half a cosine down to 0 (Loshchilov & Hutter 2017).
    Cosine,
    /// Inverse square root after the warm-up (Vaswani et al. 2017), scaled to peak at `learning-rate`.
    Noam,
    /// Up along a cosine for the first part (`rise`), then down to almost 0 (Smith 2018).
    OneCycle,
}

/// Which weights the model keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Those of the lowest validation loss.
    Best,
    /// Those of the last step.
    Last,
}

impl TrainConfig {
    /// Checks every field; the error names the recipe key.
    pub fn validate(&self) -> Result<()> {
        let at_least_one = [("train.epochs", self.epochs), ("train.batch-size", self.batch_size)];
        for (key, value) in at_least_one {
            if value == 0 {
                return Err(Error::config(key, "found 0, expected at least 1"));
            }
        }
        let positive = [
            ("train.learning-rate", self.learning_rate),
            ("train.epsilon", self.epsilon),
            ("train.decay", self.decay),
        ];
        for (key, value) in positive {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::config(key, format!("found {value}, expected a number above 0")));
            }
        }
        let not_negative = [
            ("train.weight-decay", self.weight_decay),
            ("train.warmup", self.warmup),
            ("train.clip-value", self.clip_value),
            ("train.clip-norm", self.clip_norm),
            ("train.min-delta", self.min_delta),
            ("train.checkpoint-minutes", self.checkpoint_minutes),
        ];
        for (key, value) in not_negative {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::config(key, format!("found {value}, expected 0 or more")));
            }
        }
        let shares = [
            ("train.momentum", self.momentum),
            ("train.beta1", self.beta1),
            ("train.beta2", self.beta2),
            ("train.alpha", self.alpha),
        ];
        for (key, value) in shares {
            if !(0.0..1.0).contains(&value) {
                return Err(Error::config(key, format!("found {value}, expected 0 or more and below 1")));
            }
        }
        if !(self.rise > 0.0 && self.rise < 1.0) {
            return Err(Error::config(
                "train.rise",
                format!("found {}, expected more than 0 and less than 1", self.rise),
            ));
        }
        if self.schedule == Schedule::Step && self.step_epochs == 0 {
            return Err(Error::config("train.step-epochs", "found 0, expected at least 1"));
        }
        if self.schedule == Schedule::Noam && self.warmup == 0.0 {
            return Err(Error::config(
                "train.warmup",
                "found 0, but schedule noam needs a warm-up, say 1 epoch",
            ));
        }
        if self.nesterov && (self.optimizer != OptimizerKind::Sgd || self.momentum == 0.0) {
            return Err(Error::config("train.nesterov", "needs optimizer sgd with a momentum above 0"));
        }
        Ok(())
    }

    /// The learning rate of step `step` (from 0) of a run with `steps_per_epoch` steps an epoch.
    pub fn learning_rate_at(&self, step: u64, steps_per_epoch: u64) -> f64 {
        let epoch_steps = steps_per_epoch.max(1) as f64;
        let warmup = (self.warmup * epoch_steps).round();
        let total = (self.epochs as f64 * epoch_steps).max(1.0);
        let step = step as f64;
        if step < warmup {
            return self.learning_rate * (step + 1.0) / warmup;
        }
        // Share of the run after the warm-up, in [0, 1).
        let done = (step - warmup) / (total - warmup).max(1.0);
        let epochs = ((step - warmup) / epoch_steps).floor();
        let factor = match self.schedule {
            Schedule::Constant => 1.0,
            Schedule::Step => self.decay.powf((epochs / self.step_epochs as f64).floor()),
            Schedule::Exponential => self.decay.powf(epochs),
            Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * done).cos()),
            Schedule::Noam => (warmup / (step + 1.0)).sqrt().min(1.0),
            Schedule::OneCycle => one_cycle(done, self.rise),
        };
        self.learning_rate * factor
    }
}

/// Smith's one cycle with cosine ramps: from 1/25 up to 1 at `rise`, then down to 1e-4 of the start.
fn one_cycle(done: f64, rise: f64) -> f64 {
    let ramp = |from: f64, to: f64, share: f64| {
        to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * share.clamp(0.0, 1.0)).cos())
    };
    let start = 1.0 / 25.0;
    if done < rise {
        ramp(start, 1.0, done / rise)
    } else {
        ramp(1.0, start * 1e-4, (done - rise) / (1.0 - rise))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_take_the_values_of_their_definitions() {
        let config = |schedule| TrainConfig {
            schedule,
            epochs: 10,
            learning_rate: 1.0,
            step_epochs: 3,
            decay: 0.5,
            ..TrainConfig::default()
        };
        // (schedule, step of 100 in all, expected)
        let cases = [
            (Schedule::Constant, 57, 1.0),
            (Schedule::Step, 29, 1.0),
            (Schedule::Step, 30, 0.5),
            (Schedule::Step, 60, 0.25),
            (Schedule::Exponential, 9, 1.0),
            (Schedule::Exponential, 20, 0.25),
            (Schedule::Cosine, 0, 1.0),
            (Schedule::Cosine, 50, 0.5),
            (Schedule::OneCycle, 0, 0.04),
            (Schedule::OneCycle, 30, 1.0),
            (Schedule::OneCycle, 100, 4e-6),
        ];
        let wrong: Vec<_> = cases
            .iter()
            .filter_map(|&(schedule, step, expected)| {
                let found = config(schedule).learning_rate_at(step, 10);
                ((found - expected).abs() > 1e-12).then_some((schedule, step, found, expected))
            })
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn noam_rises_to_the_peak_and_falls_with_the_root() {
        let config = TrainConfig {
            schedule: Schedule::Noam,
            warmup: 1.0,
            learning_rate: 2.0,
            ..TrainConfig::default()
        };
        assert_eq!(config.learning_rate_at(4, 10), 1.0);
        assert_eq!(config.learning_rate_at(9, 10), 2.0);
        assert!((config.learning_rate_at(39, 10) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn validation_names_the_key() {
        let bad = TrainConfig { beta2: 1.0, ..TrainConfig::default() };
        assert!(bad.validate().unwrap_err().to_string().starts_with("train.beta2"));
        TrainConfig::default().validate().unwrap();
    }
}
