//! The trainable part of an autoencoder.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

use super::config::AutoencoderConfig;
use crate::nn::{ActivationKind, DenseStack, DenseStackConfig};

/// Encoder and decoder.
#[derive(Module, Debug)]
pub(super) struct AutoencoderModule {
    /// `f`.
    pub(super) encoder: DenseStack,
    /// `g`, up to the link function of the likelihood.
    pub(super) decoder: DenseStack,
    #[module(skip)]
    tied: bool,
}

impl AutoencoderModule {
    /// Random weights for rows of `input` features.
    pub(super) fn init(config: &AutoencoderConfig, input: usize, seed: u64, device: &Device) -> Self {
        let widths = config.encoder_widths(input);
        let mirrored: Vec<usize> = widths.iter().rev().copied().collect();
        let encoder = DenseStackConfig {
            widths: &widths,
            activation: config.activation,
            last: config.code_activation,
            initializer: config.initializer,
            tied: false,
            stream: 0,
        };
        let decoder = DenseStackConfig {
            widths: &mirrored,
            last: ActivationKind::Identity,
            tied: config.tied,
            stream: 1,
            ..encoder
        };
        Self { encoder: encoder.init(seed, device), decoder: decoder.init(seed, device), tied: config.tied }
    }

    /// `h = f(x)`.
    pub(super) fn encode(&self, x: Tensor<2>) -> Tensor<2> {
        self.encoder.forward(x)
    }

    /// The decoder's output before the link function.
    pub(super) fn decode(&self, code: Tensor<2>) -> Tensor<2> {
        if self.tied { self.decoder.forward_tied(code, &self.encoder) } else { self.decoder.forward(code) }
    }
}
