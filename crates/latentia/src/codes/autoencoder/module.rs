//! The trainable part of an autoencoder.

use std::ops::Range;

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData, activation},
};
use latentia_ops::{Direction, Geometry};
use rand_distr::{Distribution, StandardNormal};

use super::{
    code::{CodeDistribution, bits, keep_largest, nearest_vectors, one_hot},
    config::AutoencoderConfig,
};
use crate::{
    nn::{ActivationKind, LayerStack, LayerStackConfig},
    random::{Purpose, stream},
};

/// Encoder and decoder, and what a code needs besides.
#[derive(Module, Debug)]
pub(super) struct AutoencoderModule {
    /// `f`; for a distributed code, up to the parameters of the distribution.
    pub(super) encoder: LayerStack,
    /// `g`, up to the link function of the likelihood.
    pub(super) decoder: LayerStack,
    /// The layers that each view has before `encoder`; none where views are joined at once.
    view_encoders: Vec<LayerStack>,
    /// The layers that each view has after `decoder`.
    view_decoders: Vec<LayerStack>,
    /// The vectors of a quantized code, `[codebook, vector-size]`.
    pub(super) codebook: Option<Param<Tensor<2>>>,
    /// `log σ²` of a Gaussian likelihood whose variance is learnt, `[1]`.
    pub(super) log_variance: Option<Param<Tensor<1>>>,
    #[module(skip)]
    tied: bool,
    #[module(skip)]
    form: Form,
}

/// The settings that say how the encoder's output becomes a code.
#[derive(Debug, Clone)]
struct Form {
    /// The features of each view that has layers of its own.
    views: Vec<Range<usize>>,
    distribution: CodeDistribution,
    code: usize,
    top_k: usize,
    categories: usize,
}

/// Keeps the random streams of the parts of a model apart.
const STREAMS: [u64; 3] = [0, 1, 2];
/// The streams of the layers of the first view: its encoder's, then its decoder's.
const VIEW_STREAM: u64 = 3;

/// What rows are made of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rows<'a> {
    /// Features of a row.
    pub(super) features: usize,
    /// Those of each view, where there are views.
    pub(super) views: &'a [Range<usize>],
    /// The convolutions that their images go through, from [`AutoencoderConfig::convolutions`].
    pub(super) convolutions: &'a [Geometry],
}

impl AutoencoderModule {
    /// Random weights for such rows.
    pub(super) fn init(config: &AutoencoderConfig, rows: Rows, seed: u64, device: &Device) -> Self {
        let own = match config.view_hidden.is_empty() {
            true => &[],
            false => rows.views,
        };
        let joined = config.view_hidden.last().map_or(0, |width| width * own.len());
        let input = if own.is_empty() { rows.features } else { joined };
        let widths = config.encoder_widths(input, rows.convolutions);
        let back: Vec<Geometry> = rows.convolutions.iter().rev().copied().collect();
        let mirrored: Vec<usize> = widths.iter().rev().copied().collect();
        let mut outputs = widths.clone();
        outputs[widths.len() - 1] = config.code_distribution.encoder_outputs(config.code);
        let encoder = LayerStackConfig {
            convolutions: rows.convolutions,
            direction: Direction::Down,
            widths: &outputs,
            activation: config.activation,
            last: config.code_activation,
            initializer: config.initializer,
            tied: false,
            stream: STREAMS[0],
        };
        let decoder = LayerStackConfig {
            convolutions: &back,
            direction: Direction::Up,
            widths: &mirrored,
            last: if own.is_empty() { ActivationKind::Identity } else { config.activation },
            tied: config.tied,
            stream: STREAMS[1],
            ..encoder
        };
        let (mut view_encoders, mut view_decoders) = (Vec::new(), Vec::new());
        for (number, view) in (0..).zip(own) {
            let widths: Vec<usize> = std::iter::once(view.len()).chain(config.view_hidden.clone()).collect();
            let mirrored: Vec<usize> = widths.iter().rev().copied().collect();
            let stream = VIEW_STREAM + 2 * number;
            let own = LayerStackConfig { convolutions: &[], stream, ..encoder };
            let into = LayerStackConfig { widths: &widths, last: config.activation, ..own };
            let out_of = LayerStackConfig {
                widths: &mirrored,
                last: ActivationKind::Identity,
                tied: config.tied,
                stream: stream + 1,
                ..own
            };
            view_encoders.push(into.init(seed, device));
            view_decoders.push(out_of.init(seed, device));
        }
        let quantized = config.code_distribution == CodeDistribution::Quantized;
        let codebook = quantized.then(|| {
            let shape = [config.codebook, config.vector_size];
            let mut rng = stream(seed, Purpose::Init, STREAMS[2], 0);
            let values: Vec<f32> =
                (0..shape[0] * shape[1]).map(|_| StandardNormal.sample(&mut rng)).collect();
            Param::from_data(TensorData::new(values, shape), device)
        });
        let log_variance = config
            .learn_variance
            .then(|| Param::from_data(TensorData::new(vec![config.variance.ln() as f32], [1]), device));
        Self {
            encoder: encoder.init(seed, device),
            decoder: decoder.init(seed, device),
            view_encoders,
            view_decoders,
            codebook,
            log_variance,
            tied: config.tied,
            form: Form {
                views: own.to_vec(),
                distribution: config.code_distribution,
                code: config.code,
                top_k: config.top_k,
                categories: config.categories,
            },
        }
    }

    /// `h = f(x)`, without chance: the mean of a Gaussian code, the likelier values of a discrete one.
    pub(super) fn encode(&self, x: Tensor<2>) -> Tensor<2> {
        self.code_of(self.encoder_output(x))
    }

    /// What the encoder returns: for a distributed code, the parameters of the distribution.
    ///
    /// A view whose columns are all 0 is missing: its layers say nothing, and those of the others are scaled to stand for it,
    /// as dropout does (Srivastava et al. 2014), so that codes from all views and from one are alike in size.
    pub(super) fn encoder_output(&self, x: Tensor<2>) -> Tensor<2> {
        let count = self.view_encoders.len();
        if count == 0 {
            return self.encoder.forward(x);
        }
        let views: Vec<Tensor<2>> =
            self.form.views.iter().map(|view| x.clone().narrow(1, view.start, view.len())).collect();
        let there = |x: &Tensor<2>| x.clone().detach().abs().sum_dim(1).greater_scalar(0.0).float();
        let there: Vec<Tensor<2>> = views.iter().map(there).collect();
        let known = there.iter().cloned().reduce(|a, b| a + b);
        let scale = known.map(|known| known.clamp_min(1.0).recip() * count as f64);
        let hidden = views.into_iter().zip(&self.view_encoders).zip(there).map(|((x, stack), there)| {
            let weight = scale.clone().map_or(there.clone(), |scale| scale * there);
            stack.forward(x) * weight
        });
        self.encoder.forward(Tensor::cat(hidden.collect(), 1))
    }

    /// The code that the encoder's output stands for, without chance.
    pub(super) fn code_of(&self, output: Tensor<2>) -> Tensor<2> {
        match self.form.distribution {
            CodeDistribution::Deterministic => keep_largest(output, self.form.top_k),
            CodeDistribution::Gaussian => output.narrow(1, 0, self.form.code),
            CodeDistribution::Binary => bits(output),
            CodeDistribution::Categorical => one_hot(output, self.form.categories),
            CodeDistribution::Quantized => nearest_vectors(output, self.vectors()),
        }
    }

    /// The derivatives of the encoder's layers, the last one with that of what makes its output a code.
    pub(super) fn code_derivatives(&self, output: Tensor<2>, derivatives: Vec<Tensor<2>>) -> Vec<Tensor<2>> {
        let of_code = match self.form.distribution {
            CodeDistribution::Binary => {
                let p = activation::sigmoid(output);
                p.clone() * (1.0 - p)
            }
            CodeDistribution::Deterministic if self.form.top_k > 0 => {
                keep_largest(output, self.form.top_k).detach().not_equal_scalar(0.0).float()
            }
            _ => return derivatives,
        };
        let last = derivatives.len() - 1;
        let with_code = |(l, d)| if l == last { d * of_code.clone() } else { d };
        derivatives.into_iter().enumerate().map(with_code).collect()
    }

    /// The vectors of a quantized code.
    pub(super) fn vectors(&self) -> Tensor<2> {
        match &self.codebook {
            Some(codebook) => codebook.val(),
            None => unreachable!("a quantized code has a codebook"),
        }
    }

    /// The decoder's output before the link function.
    pub(super) fn decode(&self, code: Tensor<2>) -> Tensor<2> {
        let run = |decoder: &LayerStack, encoder: &LayerStack, x: Tensor<2>| match self.tied {
            true => decoder.forward_tied(x, encoder),
            false => decoder.forward(x),
        };
        let y = run(&self.decoder, &self.encoder, code);
        let count = self.view_decoders.len();
        if count == 0 {
            return y;
        }
        let width = y.dims()[1] / count;
        let stacks = self.view_decoders.iter().zip(&self.view_encoders).enumerate();
        let views = stacks
            .map(|(k, (decoder, encoder))| run(decoder, encoder, y.clone().narrow(1, k * width, width)));
        Tensor::cat(views.collect(), 1)
    }

    /// `log σ²` of the likelihood where it is learnt.
    pub(super) fn log_variance(&self) -> Option<Tensor<1>> {
        self.log_variance.as_ref().map(Param::val)
    }
}
