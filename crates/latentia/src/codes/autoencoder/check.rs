//! Which settings of an autoencoder make sense, and together.

use super::{
    code::CodeDistribution as Distribution,
    config::AutoencoderConfig,
    corruption::{Binarize, CorruptionKind},
    likelihood::LikelihoodKind,
    views,
};
use crate::{
    Error, Result,
    codes::{MAX_WIDTH, stacked},
    nn::ActivationKind,
};

/// The most samples of a row that are believed.
const MAX_SAMPLES: usize = 1 << 20;

impl AutoencoderConfig {
    /// Checks every field; the error names the recipe key.
    pub fn validate(&self) -> Result<()> {
        self.check_widths()?;
        self.check_convolutions()?;
        self.check_numbers()?;
        self.check_corruption()?;
        self.check_penalties()?;
        self.check_code()?;
        self.check_views()?;
        stacked::check(self)
    }

    fn check_widths(&self) -> Result<()> {
        if self.code == 0 || self.code > MAX_WIDTH {
            return Err(Error::config(
                "model.code",
                format!("found {}, expected 1 to {MAX_WIDTH} numbers in a code", self.code),
            ));
        }
        for (key, widths) in [("model.hidden", &self.hidden), ("model.view-hidden", &self.view_hidden)] {
            if let Some(width) = widths.iter().find(|&&w| w == 0 || w > MAX_WIDTH) {
                let message = format!("found a layer of width {width}, expected 1 to {MAX_WIDTH}");
                return Err(Error::config(key, message));
            }
        }
        let counts = [
            ("model.samples", self.samples, 1, MAX_SAMPLES),
            ("model.importance-samples", self.importance_samples, 0, MAX_SAMPLES),
            ("model.categories", self.categories, 2, MAX_WIDTH),
            ("model.codebook", self.codebook, 2, MAX_WIDTH),
            ("model.vector-size", self.vector_size, 1, MAX_WIDTH),
            ("model.top-k", self.top_k, 0, self.code),
        ];
        for (key, value, least, most) in counts {
            if !(least..=most).contains(&value) {
                return Err(Error::config(key, format!("found {value}, expected {least} to {most}")));
            }
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<()> {
        let weights = [
            ("model.corruption-level", self.corruption_level),
            ("model.l1", self.l1),
            ("model.sparsity", self.sparsity),
            ("model.contraction", self.contraction),
            ("model.hessian", self.hessian),
            ("model.code-noise", self.code_noise),
            ("model.beta", self.beta),
            ("model.free-bits", self.free_bits),
            ("model.commitment", self.commitment),
        ];
        for (key, value) in weights {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::config(key, format!("found {value}, expected 0 or more")));
            }
        }
        let positive = [
            ("model.hessian-noise", self.hessian_noise),
            ("model.variance", self.variance),
            ("model.temperature", self.temperature),
        ];
        for (key, value) in positive {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::config(key, format!("found {value}, expected a number above 0")));
            }
        }
        if !(self.sparsity_target > 0.0 && self.sparsity_target < 1.0) {
            return Err(Error::config(
                "model.sparsity-target",
                format!("found {}, expected more than 0 and less than 1", self.sparsity_target),
            ));
        }
        Ok(())
    }

    fn check_corruption(&self) -> Result<()> {
        let shares = matches!(
            self.corruption,
            CorruptionKind::Masking
                | CorruptionKind::SaltAndPepper
                | CorruptionKind::Swap
                | CorruptionKind::Views
        );
        if shares && self.corruption_level > 1.0 {
            return Err(Error::config(
                "model.corruption-level",
                format!("found {}, expected a share from 0 to 1", self.corruption_level),
            ));
        }
        if !(0.0..=1.0).contains(&self.emphasis) {
            return Err(Error::config(
                "model.emphasis",
                format!("found {}, expected a number from 0 to 1", self.emphasis),
            ));
        }
        if self.emphasis != 0.5 && !shares {
            return Err(Error::config(
                "model.emphasis",
                "tells corrupted cells from others: it needs corruption masking, salt-and-pepper, swap or views",
            ));
        }
        if self.binarize != Binarize::None
            && !matches!(self.likelihood, LikelihoodKind::Bernoulli | LikelihoodKind::Auto)
        {
            return Err(Error::config("model.binarize", "needs likelihood bernoulli"));
        }
        if (self.learn_variance || self.variance != 1.0) && self.likelihood == LikelihoodKind::Bernoulli {
            let key = if self.learn_variance { "model.learn-variance" } else { "model.variance" };
            return Err(Error::config(
                key,
                "a bernoulli likelihood has no variance: use likelihood gaussian",
            ));
        }
        Ok(())
    }

    fn check_penalties(&self) -> Result<()> {
        let of_code = self.code_distribution.name();
        let deterministic = self.code_distribution == Distribution::Deterministic;
        let between_0_and_1 = self.code_distribution == Distribution::Binary
            || (deterministic && self.code_activation == ActivationKind::Sigmoid);
        if self.sparsity > 0.0 && !between_0_and_1 {
            return Err(Error::config(
                "model.sparsity",
                "compares mean activations with a share: it needs a code between 0 and 1, by code-activation sigmoid or \
                 code-distribution binary. For other codes use model.l1 or model.top-k",
            ));
        }
        if self.sparsity > 0.0 && self.top_k > 0 {
            return Err(Error::config(
                "model.top-k",
                "fixes how many units are active, which model.sparsity asks for as well: use one of them",
            ));
        }
        if self.top_k > 0 && !deterministic {
            return Err(Error::config(
                "model.top-k",
                format!(
                    "keeps the largest numbers of a deterministic code, found code-distribution {of_code}"
                ),
            ));
        }
        if self.contracts() && self.code_distribution == Distribution::Categorical {
            let key = if self.contraction > 0.0 { "model.contraction" } else { "model.hessian" };
            return Err(Error::config(key, "a categorical code has no Jacobian that is worth contracting"));
        }
        Ok(())
    }

    fn check_views(&self) -> Result<()> {
        views::parse(&self.view_likelihoods)?;
        if !self.view_hidden.is_empty() && self.contracts() {
            let key = if self.contraction > 0.0 { "model.contraction" } else { "model.hessian" };
            let message =
                "is of an encoder without layers of its own for each view: leave model.view-hidden empty";
            return Err(Error::config(key, message));
        }
        let of_views = !self.view_hidden.is_empty()
            || !self.view_likelihoods.is_empty()
            || self.corruption == CorruptionKind::Views;
        if of_views && self.pretrain != stacked::Pretrain::None {
            return Err(Error::config(
                "model.pretrain",
                "layers are pretrained on rows without views: use none",
            ));
        }
        let mixed = self.view_likelihoods.iter().any(|text| !text.ends_with("=bernoulli"));
        if self.binarize != Binarize::None && mixed {
            return Err(Error::config("model.binarize", "needs likelihood bernoulli in every view"));
        }
        Ok(())
    }

    fn check_code(&self) -> Result<()> {
        let distribution = self.code_distribution;
        let of_code = distribution.name();
        let gaussian = distribution == Distribution::Gaussian;
        if distribution != Distribution::Deterministic && self.code_activation != ActivationKind::Identity {
            return Err(Error::config(
                "model.code-activation",
                format!(
                    "belongs to a deterministic code: leave it at identity for code-distribution {of_code}"
                ),
            ));
        }
        if self.tied && gaussian {
            return Err(Error::config(
                "model.tied",
                "the encoder of a gaussian code returns means and variances, so that its weights do not fit the decoder",
            ));
        }
        let needs_gaussian = [
            ("model.free-bits", self.free_bits > 0.0),
            ("model.samples", self.samples > 1),
            ("model.importance-samples", self.importance_samples > 0),
        ];
        if let Some((key, _)) = needs_gaussian.iter().find(|(_, set)| *set && !gaussian) {
            return Err(Error::config(*key, format!("needs code-distribution gaussian, found {of_code}")));
        }
        if self.anneal_epochs > 0 && !gaussian && distribution != Distribution::Categorical {
            return Err(Error::config(
                "model.anneal-epochs",
                format!("needs code-distribution gaussian or categorical, found {of_code}"),
            ));
        }
        if self.doubly_reparameterized && self.samples == 1 {
            return Err(Error::config(
                "model.doubly-reparameterized",
                "is a gradient of the importance weighted bound: needs model.samples above 1",
            ));
        }
        if self.free_bits > 0.0 && self.samples > 1 {
            return Err(Error::config(
                "model.free-bits",
                "the importance weighted bound of model.samples has no divergence of its own to leave free",
            ));
        }
        if self.code_noise > 0.0 && distribution != Distribution::Binary {
            return Err(Error::config(
                "model.code-noise",
                format!("needs code-distribution binary, found {of_code}"),
            ));
        }
        match distribution {
            Distribution::Binary if !self.straight_through && self.code_noise == 0.0 => Err(Error::config(
                "model.straight-through",
                "nothing makes the codes binary: set it to true, or model.code-noise above 0, say 4",
            )),
            Distribution::Categorical if !self.code.is_multiple_of(self.categories) => Err(Error::config(
                "model.code",
                format!(
                    "found {}, expected a multiple of model.categories {}: one number for each value of each variable",
                    self.code, self.categories
                ),
            )),
            Distribution::Quantized if !self.code.is_multiple_of(self.vector_size) => Err(Error::config(
                "model.code",
                format!("found {}, expected a multiple of model.vector-size {}", self.code, self.vector_size),
            )),
            _ => Ok(()),
        }
    }
}
