//! The settings of a restricted Boltzmann machine: the `[model]` table of a recipe.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, codes::MAX_WIDTH};

/// A restricted Boltzmann machine: `p(v, h) ∝ exp(−E(v, h))`, learnt by contrastive divergence (Hinton 2002).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RbmConfig {
    /// Numbers in a code; may be smaller (undercomplete) or larger (overcomplete) than the input.
    pub code: usize,
    /// What the visible units are.
    pub visible_units: VisibleUnits,
    /// What the hidden units are.
    pub hidden_units: Units,
    /// Gibbs steps from the data (or from the last state of the chains) to the negative sample of a training step: `k`.
    pub gibbs_steps: usize,
    /// Whether chains go on from step to step instead of starting at the data: persistent contrastive divergence
    /// (Tieleman 2008). Learns a better density and a slower code.
    pub persistent: bool,
    /// How many persistent chains there are.
    pub chains: usize,
    /// What visible units pass on in the negative phase.
    pub negative_phase: NegativePhase,
    /// Penalty on large weights, not on biases: `weight-cost · ½ ‖W‖²` (0: none).
    pub weight_cost: f64,
    /// Mean activation that binary hidden units are drawn to (0: none), as 0.05.
    pub activity_target: f64,
    /// How strongly hidden units are drawn to `activity-target`: `activity-cost · Σ_j KL(activity-target ‖ mean activation of unit j)`.
    pub activity_cost: f64,
    /// Gibbs steps of `latentia sample`, from independent units on.
    pub sample_steps: usize,
}

impl Default for RbmConfig {
    fn default() -> Self {
        Self {
            code: 64,
            visible_units: VisibleUnits::Auto,
            hidden_units: Units::Bernoulli,
            gibbs_steps: 1,
            persistent: false,
            chains: 100,
            negative_phase: NegativePhase::Auto,
            weight_cost: 1e-4,
            activity_target: 0.0,
            activity_cost: 0.1,
            sample_steps: 1000,
        }
    }
}

/// What visible units are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VisibleUnits {
    /// Bernoulli for images in [0, 1], Gaussian for the rest.
    Auto,
    /// Binary; values between 0 and 1 are taken as probabilities.
    Bernoulli,
    /// Real, of variance 1 given the hidden units: for standardised columns.
    Gaussian,
}

/// What units are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Units {
    /// Binary.
    Bernoulli,
    /// Real, of variance 1 given the other layer; needs binary visible units.
    Gaussian,
}

/// What visible units pass on in the negative phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NegativePhase {
    /// Means for contrastive divergence, samples for persistent chains.
    Auto,
    /// Their means: less noise (Hinton 2010, section 3.2).
    Means,
    /// Samples: what Gibbs sampling asks for.
    Samples,
}

impl RbmConfig {
    /// Checks every field; the error names the recipe key.
    pub fn validate(&self) -> Result<()> {
        if self.code == 0 || self.code > MAX_WIDTH {
            return Err(Error::config(
                "model.code",
                format!("found {}, expected 1 to {MAX_WIDTH} numbers in a code", self.code),
            ));
        }
        for (key, found) in [
            ("model.gibbs-steps", self.gibbs_steps),
            ("model.chains", self.chains),
            ("model.sample-steps", self.sample_steps),
        ] {
            if found == 0 || found > MAX_WIDTH {
                return Err(Error::config(key, format!("found {found}, expected 1 to {MAX_WIDTH}")));
            }
        }
        for (key, found) in
            [("model.weight-cost", self.weight_cost), ("model.activity-cost", self.activity_cost)]
        {
            if !(found >= 0.0 && found.is_finite()) {
                return Err(Error::config(key, format!("found {found}, expected a number from 0 on")));
            }
        }
        if !(0.0..1.0).contains(&self.activity_target) {
            return Err(Error::config(
                "model.activity-target",
                format!("found {}, expected a share from 0 (none) to below 1", self.activity_target),
            ));
        }
        if self.activity_target > 0.0 && self.hidden_units == Units::Gaussian {
            return Err(Error::config(
                "model.activity-target",
                "needs hidden-units bernoulli: real units have no share of activity",
            ));
        }
        if self.hidden_units == Units::Gaussian && self.visible_units == VisibleUnits::Gaussian {
            return Err(both_gaussian());
        }
        Ok(())
    }

    /// Whether visible units of the negative phase are samples.
    pub(super) fn samples_visible(&self) -> bool {
        match self.negative_phase {
            NegativePhase::Auto => self.persistent,
            NegativePhase::Means => false,
            NegativePhase::Samples => true,
        }
    }
}

/// With real units on both sides the energy has no lower bound once a singular value of `W` reaches 1.
fn both_gaussian() -> Error {
    Error::config(
        "model.hidden-units",
        "gaussian hidden units need visible-units bernoulli: values from 0 to 1, as of images or data.scale min-max",
    )
}
