//! The encoder of another model, below a classifier.

use std::path::Path;

use burn::tensor::Device;
use latentia_ops::{Direction, Geometry};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::EncoderMode;
use crate::{
    Error, Result,
    artifact::ModelDirectory,
    codes::autoencoder::{Autoencoder, AutoencoderConfig},
    data::{FeatureKind, Matrix, Preprocess},
    kinds,
    model::Model,
    nn::{ActivationKind, LayerStack, LayerStackConfig},
    train::params::Tensors,
};

/// What is kept of the model whose encoder a classifier uses; its weights are among those of the classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Origin {
    kind: String,
    config: Value,
    preprocess: Preprocess,
}

/// Rows in the scale of the classifier, brought to that of the encoder.
#[derive(Debug, Clone, PartialEq)]
struct Rescale {
    /// `x · factor + shift`, by column; `None` where both scales are the same.
    columns: Option<Vec<(f64, f64)>>,
}

/// The encoder below a classifier.
pub(super) struct Encoder {
    pub origin: Origin,
    rescale: Rescale,
    how: How,
}

enum How {
    /// Codes are computed as the model does.
    Frozen(Box<dyn Model>),
    /// The layers are part of the classifier's module.
    FineTuned {
        convolutions: Vec<Geometry>,
        widths: Vec<usize>,
        activation: ActivationKind,
        last: ActivationKind,
    },
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").field("kind", &self.origin.kind).finish_non_exhaustive()
    }
}

/// Before the names of a frozen model's tensors.
const FROZEN: &str = "frozen.";

impl Encoder {
    /// Reads the model in `dir`, for rows of this schema. For [`EncoderMode::FineTuned`] the weights of its encoder come
    /// with it, by their names in the classifier.
    pub(super) fn read(
        dir: &Path,
        mode: EncoderMode,
        preprocess: &Preprocess,
        device: &Device,
    ) -> Result<(Self, Tensors)> {
        let opened = ModelDirectory::open(dir, device)?;
        let refuse = |why: String| Error::config("model.encoder", format!("{}: {why}", dir.display()));
        if opened.model.as_encode().is_none() {
            return Err(refuse(format!(
                "{} has no codes, expected a model that encodes",
                opened.manifest.kind
            )));
        }
        let weights = opened.model.tensors();
        let manifest = opened.manifest;
        let origin = Origin { kind: manifest.kind, config: manifest.config, preprocess: manifest.preprocess };
        let encoder = Self::new(origin, opened.model, mode, preprocess).map_err(refuse)?;
        let initial = match mode {
            EncoderMode::Frozen => Tensors::new(),
            EncoderMode::FineTuned => encoder.layers_of(weights),
        };
        Ok((encoder, initial))
    }

    /// The weights of the layers that learn on, by their names in the classifier. Of a distributed code they give the mean: its
    /// parameters follow each other in the rows of the last layer, the means first.
    fn layers_of(&self, weights: Tensors) -> Tensors {
        let How::FineTuned { widths, .. } = &self.how else { return Tensors::new() };
        let code = widths[widths.len() - 1];
        let last = format!("encoder.layers.{}.", widths.len() - 2);
        let own = weights.into_iter().filter(|(name, _)| name.starts_with("encoder."));
        own.map(|(name, mut tensor)| {
            let rows = tensor.shape[0];
            if name.starts_with(&last) && rows > code {
                tensor.values.truncate(tensor.values.len() / rows * code);
                tensor.shape[0] = code;
            }
            (name, tensor)
        })
        .collect()
    }

    /// The encoder that a classifier's weights hold; the rest of the weights are returned.
    pub(super) fn load(
        origin: Origin,
        mode: EncoderMode,
        preprocess: &Preprocess,
        tensors: &Tensors,
        device: &Device,
    ) -> std::result::Result<(Self, Tensors), String> {
        if mode == EncoderMode::FineTuned {
            let how = fine_tuned(&origin)?;
            let rescale = Rescale::new(preprocess, &origin.preprocess)?;
            return Ok((Self { origin, rescale, how }, tensors.clone()));
        }
        let (mut own, mut rest) = (Tensors::new(), Tensors::new());
        for (name, tensor) in tensors {
            match name.strip_prefix(FROZEN) {
                Some(name) => own.insert(name.to_owned(), tensor.clone()),
                None => rest.insert(name.clone(), tensor.clone()),
            };
        }
        let kind = kinds::find(&origin.kind).map_err(|e| e.to_string())?;
        let model = kind.load(&origin.config, &origin.preprocess, &own, device)?;
        Ok((Self::new(origin, model, mode, preprocess)?, rest))
    }

    fn new(
        origin: Origin,
        model: Box<dyn Model>,
        mode: EncoderMode,
        preprocess: &Preprocess,
    ) -> std::result::Result<Self, String> {
        let rescale = Rescale::new(preprocess, &origin.preprocess)?;
        let how = match mode {
            EncoderMode::Frozen => How::Frozen(model),
            EncoderMode::FineTuned => fine_tuned(&origin)?,
        };
        Ok(Self { origin, rescale, how })
    }

    /// What the classifier's module is given for these rows: codes, or rows in the encoder's scale.
    pub(super) fn prepare(&self, x: &Matrix) -> Result<Matrix> {
        let x = self.rescale.apply(x);
        match &self.how {
            How::Frozen(model) => model.require("encode", model.as_encode())?.encode(&x),
            How::FineTuned { .. } => Ok(x),
        }
    }

    /// The layers that learn on, with weights to be replaced, and the numbers that come out below the classifier.
    pub(super) fn layers(&self, device: &Device) -> (Option<LayerStack>, usize) {
        match &self.how {
            How::Frozen(model) => (None, model.as_encode().map_or(0, |m| m.code_size())),
            How::FineTuned { convolutions, widths, activation, last } => {
                let stack = LayerStackConfig {
                    convolutions,
                    direction: Direction::Down,
                    widths,
                    activation: *activation,
                    last: *last,
                    initializer: crate::nn::Initializer::XavierUniform,
                    tied: false,
                    stream: 0,
                };
                (Some(stack.init(0, device)), widths.last().copied().unwrap_or(0))
            }
        }
    }

    /// The weights of a frozen model, by their names in the classifier.
    pub(super) fn tensors(&self) -> Tensors {
        match &self.how {
            How::Frozen(model) => {
                model.tensors().into_iter().map(|(name, t)| (format!("{FROZEN}{name}"), t)).collect()
            }
            How::FineTuned { .. } => Tensors::new(),
        }
    }
}

/// The encoder of an autoencoder as layers that learn on.
fn fine_tuned(origin: &Origin) -> std::result::Result<How, String> {
    if origin.kind != Autoencoder::KIND {
        return Err(format!(
            "encoder-mode fine-tuned needs the layers of an autoencoder, found {}; use encoder-mode frozen",
            origin.kind
        ));
    }
    let config: AutoencoderConfig =
        serde_json::from_value(origin.config.clone()).map_err(|e| e.to_string())?;
    if !config.view_hidden.is_empty() {
        return Err(
            "encoder-mode fine-tuned needs one encoder for all columns, found layers for each view; use \
                    encoder-mode frozen"
                .to_owned(),
        );
    }
    let convolutions = config.convolutions(&origin.preprocess).map_err(|e| e.to_string())?;
    Ok(How::FineTuned {
        widths: config.encoder_widths(origin.preprocess.width(), &convolutions),
        convolutions,
        activation: config.activation,
        last: config.code_activation,
    })
}

impl Rescale {
    /// From the scale of one schema to that of another of the same columns; the error says which column differs.
    fn new(from: &Preprocess, to: &Preprocess) -> std::result::Result<Self, String> {
        from.check_columns(to, "encoder")?;
        let mut columns = Vec::with_capacity(from.width());
        for (a, b) in from.features.iter().zip(&to.features) {
            match (&a.kind, &b.kind) {
                (
                    &FeatureKind::Number { offset, scale, .. },
                    &FeatureKind::Number { offset: to_offset, scale: to_scale, .. },
                ) => {
                    let (scale, to_scale) = (f64::from(scale), f64::from(to_scale));
                    columns.push((scale / to_scale, (f64::from(offset) - f64::from(to_offset)) / to_scale));
                }
                (kind, expected) if kind == expected => columns.extend((0..a.width()).map(|_| (1.0, 0.0))),
                _ => {
                    return Err(format!(
                        "column '{}' has other values than the encoder was fitted to",
                        a.name
                    ));
                }
            }
        }
        let same = columns.iter().all(|&column| column == (1.0, 0.0));
        Ok(Self { columns: (!same).then_some(columns) })
    }

    fn apply(&self, x: &Matrix) -> Matrix {
        let Some(columns) = &self.columns else { return x.clone() };
        let mut x = x.clone();
        for row in x.as_mut_slice().chunks_exact_mut(columns.len()) {
            for (v, (factor, shift)) in row.iter_mut().zip(columns) {
                *v = (f64::from(*v) * factor + shift) as f32;
            }
        }
        x
    }
}
