//! The trainable part of a classifier or a regressor.

use burn::{
    module::Module,
    tensor::{Device, Tensor, TensorData},
};
use latentia_ops::Direction;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::config::Head;
use crate::nn::{ActivationKind, LayerStack, LayerStackConfig};

/// An encoder that learns on, where there is one, and the layers above it.
#[derive(Module, Debug)]
pub(super) struct PredictorModule {
    /// Rows to codes.
    pub(super) encoder: Option<LayerStack>,
    /// Rows or codes to logits, or to scaled targets.
    pub(super) head: LayerStack,
}

impl PredictorModule {
    /// Random weights above `encoder`, which gives `input` numbers.
    pub(super) fn init(
        config: Head,
        encoder: Option<LayerStack>,
        input: usize,
        outputs: usize,
        seed: u64,
        device: &Device,
    ) -> Self {
        let widths: Vec<usize> =
            std::iter::once(input).chain(config.hidden.iter().copied()).chain([outputs]).collect();
        let head = LayerStackConfig {
            convolutions: &[],
            direction: Direction::Down,
            widths: &widths,
            activation: config.activation,
            last: ActivationKind::Identity,
            initializer: config.initializer,
            tied: false,
            stream: 2,
        };
        Self { encoder, head: head.init(seed, device) }
    }

    /// The logits `[rows, classes]` or the scaled targets `[rows, targets]`; `dropout` is the share of hidden units to leave out, and what draws them.
    pub(super) fn forward(&self, x: Tensor<2>, mut dropout: Option<(f64, ChaCha8Rng)>) -> Tensor<2> {
        let x = match &self.encoder {
            Some(encoder) => encoder.forward(x),
            None => x,
        };
        self.head.forward_between(x, |h| match &mut dropout {
            Some((share, rng)) => drop_units(h, *share, rng),
            None => h,
        })
    }
}

/// `h ∘ m / (1 − p)` with a mask `m` that is 0 with probability `p`.
fn drop_units(h: Tensor<2>, share: f64, rng: &mut ChaCha8Rng) -> Tensor<2> {
    let [rows, cols] = h.dims();
    let kept = (1.0 / (1.0 - share)) as f32;
    let mask: Vec<f32> =
        (0..rows * cols).map(|_| if rng.random::<f64>() < share { 0.0 } else { kept }).collect();
    let mask = Tensor::from_data(TensorData::new(mask, [rows, cols]), &h.device());
    h * mask
}
