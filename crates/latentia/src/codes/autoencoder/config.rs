//! The settings of an autoencoder: the `[model]` table of a recipe.

use std::path::PathBuf;

use latentia_ops::Geometry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    code::CodeDistribution,
    corruption::{Binarize, CorruptionKind},
    jacobian::ContractionEstimate,
    likelihood::LikelihoodKind,
    penalty::SparsityAverage,
};
use crate::{
    codes::stacked::Pretrain,
    nn::{ActivationKind, Initializer},
};

/// An autoencoder: `h = f(x)`, `x̂ = g(h)`, learnt by making `x` likely given `h` (Rumelhart, Hinton & Williams 1986).
///
/// Corruption, penalties and the distribution of the code are values of the one core and combine freely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct AutoencoderConfig {
    /// Width of every hidden layer of the encoder, from the input on; the decoder mirrors them.
    pub hidden: Vec<usize>,
    /// Feature maps of every convolution of the encoder, for rows that are images; `hidden` comes after them, and the decoder
    /// mirrors both. None: dense layers only.
    pub channels: Vec<usize>,
    /// Pixels that a convolution looks at, across and down.
    pub kernel: usize,
    /// Pixels that a convolution moves by: its maps have as many times fewer places across and down.
    pub stride: usize,
    /// Rows with views: width of every hidden layer that each view has for itself, from its columns on; the decoder mirrors
    /// them. `hidden` and the code are shared by all views (Ngiam et al. 2011). With none, views are joined at once.
    pub view_hidden: Vec<usize>,
    /// Numbers in a code; may be smaller (undercomplete) or larger (overcomplete) than the input.
    pub code: usize,
    /// Activation of the hidden layers.
    pub activation: ActivationKind,
    /// Activation of a deterministic code.
    pub code_activation: ActivationKind,
    /// Whether the decoder uses the encoder's weights, transposed.
    pub tied: bool,
    /// What the decoder's output means.
    pub likelihood: LikelihoodKind,
    /// Rows with views: what the decoder's output means for one of them, as VIEW=WORD with a word of `likelihood`, which the
    /// views that are not named follow.
    pub view_likelihoods: Vec<String>,
    /// Distribution of the initial weights.
    pub initializer: Initializer,
    /// Directory of an autoencoder with the same layers and columns whose weights training starts from, in place of random
    /// ones: to learn on from new rows, or with another objective. The rows are scaled by what they are themselves.
    pub start: Option<PathBuf>,
    /// How the layers are trained one by one before the whole is.
    pub pretrain: Pretrain,
    /// Epochs that each layer is pretrained for.
    pub pretrain_epochs: usize,
    /// Learning rate of pretraining. 0: that of the training for autoencoders; for Boltzmann machines 0.1, or 0.001 where
    /// a layer has real units.
    pub pretrain_learning_rate: f64,

    /// What is done to an input before it is encoded; the model learns to undo it.
    pub corruption: CorruptionKind,
    /// Masking, salt-and-pepper, swap: the share of cells that are corrupted; gaussian: the standard deviation; views: the
    /// share of rows that keep one view.
    pub corruption_level: f64,
    /// Weight of corrupted cells in the loss, that of the others is one minus it; 0.5 treats all alike, 1 counts
    /// corrupted cells only (Vincent et al. 2010).
    pub emphasis: f64,

    /// Weight of the sum of the absolute numbers of a code.
    pub l1: f64,
    /// Weight of the divergence of the mean activation of each unit of the code from `sparsity-target`; needs a code
    /// between 0 and 1.
    pub sparsity: f64,
    /// The mean activation that `sparsity` asks for.
    pub sparsity_target: f64,
    /// What the mean activation is taken over.
    pub sparsity_average: SparsityAverage,
    /// How many numbers of a code are kept, the largest ones; the others become 0 (Makhzani & Frey 2014). 0 keeps all.
    pub top_k: usize,

    /// Weight of the squared Frobenius norm of the Jacobian of the code (Rifai et al. 2011).
    pub contraction: f64,
    /// How the norm of the Jacobian is computed.
    pub contraction_estimate: ContractionEstimate,
    /// Weight of the change of the Jacobian under noise, a stand-in for the Hessian of the code (Rifai et al. 2011).
    pub hessian: f64,
    /// Standard deviation of the noise that `hessian` looks at.
    pub hessian_noise: f64,

    /// What a code is: numbers, or a sample of a distribution that the encoder describes.
    pub code_distribution: CodeDistribution,
    /// Binary codes: standard deviation of normal noise before the sigmoid (Salakhutdinov & Hinton 2009).
    pub code_noise: f64,
    /// Binary and categorical codes: decode the discrete code in training too, with the gradient of the continuous one.
    pub straight_through: bool,
    /// Gaussian and categorical codes: weight of the divergence to the prior (Higgins et al. 2017).
    pub beta: f64,
    /// Gaussian codes: nats of divergence that each number of the code has free (Kingma et al. 2016).
    pub free_bits: f64,
    /// Gaussian and categorical codes: epochs over which `beta` rises from 0 (Bowman et al. 2016).
    pub anneal_epochs: usize,
    /// Gaussian codes: samples of the code for each row; more than one trains on the importance weighted bound (Burda et
    /// al. 2016).
    pub samples: usize,
    /// Importance weighted bound: give the encoder the doubly reparameterised gradient (Tucker et al. 2019), which has the same
    /// mean and less noise, the more so the more samples; the decoder runs forward twice.
    pub doubly_reparameterized: bool,
    /// Gaussian codes: samples that estimate the log-likelihood of held-out rows after training; 0 leaves it out.
    pub importance_samples: usize,
    /// Gaussian likelihood: variance of what the decoder returns.
    pub variance: f64,
    /// Gaussian likelihood: learn the variance, one for all columns, from `variance` on.
    pub learn_variance: bool,
    /// Bernoulli likelihood: how values between 0 and 1 become 0 or 1.
    pub binarize: Binarize,
    /// Categorical codes: values of each variable; `code` is as many times larger as there are variables.
    pub categories: usize,
    /// Categorical codes: temperature of the relaxed sample (Jang et al. 2017).
    pub temperature: f64,
    /// Quantized codes: vectors in the codebook.
    pub codebook: usize,
    /// Quantized codes: numbers in each vector; `code` holds one vector or several.
    pub vector_size: usize,
    /// Quantized codes: weight of the distance of the encoder's output to its vector (van den Oord et al. 2017).
    pub commitment: f64,
}

impl Default for AutoencoderConfig {
    fn default() -> Self {
        Self {
            hidden: vec![128, 64],
            channels: Vec::new(),
            kernel: 3,
            stride: 2,
            view_hidden: Vec::new(),
            code: 8,
            activation: ActivationKind::Elu,
            code_activation: ActivationKind::Identity,
            tied: false,
            likelihood: LikelihoodKind::Auto,
            view_likelihoods: Vec::new(),
            initializer: Initializer::Auto,
            start: None,
            pretrain: Pretrain::None,
            pretrain_epochs: 10,
            pretrain_learning_rate: 0.0,
            corruption: CorruptionKind::None,
            corruption_level: 0.3,
            emphasis: 0.5,
            l1: 0.0,
            sparsity: 0.0,
            sparsity_target: 0.05,
            sparsity_average: SparsityAverage::Batch,
            top_k: 0,
            contraction: 0.0,
            contraction_estimate: ContractionEstimate::Auto,
            hessian: 0.0,
            hessian_noise: 0.1,
            code_distribution: CodeDistribution::Deterministic,
            code_noise: 0.0,
            straight_through: true,
            beta: 1.0,
            free_bits: 0.0,
            anneal_epochs: 0,
            samples: 1,
            doubly_reparameterized: false,
            importance_samples: 0,
            variance: 1.0,
            learn_variance: false,
            binarize: Binarize::None,
            categories: 10,
            temperature: 0.67,
            codebook: 64,
            vector_size: 4,
            commitment: 0.25,
        }
    }
}

impl AutoencoderConfig {
    /// Width of what the first dense layer is given, of every hidden layer and of the code, for rows of `input` features; with
    /// layers of their own for views, `input` is what all share.
    pub fn encoder_widths(&self, input: usize, convolutions: &[Geometry]) -> Vec<usize> {
        let mut widths = vec![convolutions.last().map_or(input, Geometry::map_len)];
        widths.extend(&self.hidden);
        widths.push(self.code);
        widths
    }

    /// Whether the Jacobian of the code is part of the objective.
    pub(super) fn contracts(&self) -> bool {
        self.contraction > 0.0 || self.hessian > 0.0
    }
}
