//! What classifiers and regressors have in common: layers on the input, on the codes of a kept encoder, or through it.

use std::borrow::Cow;

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use serde_json::Value;

use super::{
    config::Head,
    encoder::{Encoder, Origin},
    module::PredictorModule,
    objective::{Answered, PredictorObjective, Told},
};
use crate::{
    Error, Result,
    codes::{EVALUATION_ROWS, to_tensor},
    data::{Dataset, Matrix, Preprocess},
    model::{Size, check_rows},
    run::Run,
    train::{
        TrainConfig, Trained,
        params::{Tensors, collect, count, digest, host_values, restore},
        train,
    },
};

/// Fitted layers.
#[derive(Debug)]
pub(super) struct Predictor {
    module: PredictorModule,
    encoder: Option<Encoder>,
    pub(super) input: usize,
    pub(super) outputs: usize,
    device: Device,
}

/// The key of the encoder's origin beside the settings.
const ORIGIN: &str = "encoder-origin";

/// Rows to learn from and rows to hold out, each with its targets.
pub(super) struct Lesson<'a> {
    pub told: Told,
    pub train: Answered<'a>,
    pub validation: Answered<'a>,
}

impl Predictor {
    /// Fits layers to `lesson`, whose rows are of `data`; `settings` are those of the model without its encoder.
    pub(super) fn fit<'a>(
        head: Head,
        settings: &Value,
        lesson: Lesson<'a>,
        data: &Dataset,
        training: &TrainConfig,
        run: &mut Run,
    ) -> Result<(Self, Trained<Tensors>)> {
        let (encoder, initial) = match head.encoder {
            Some(dir) => {
                let (encoder, initial) =
                    Encoder::read(dir, head.encoder_mode, &data.preprocess, &run.device)?;
                (Some(encoder), initial)
            }
            None => (None, Tensors::new()),
        };
        let identity = identity(settings, training, data, encoder.as_ref(), &initial)?;
        let outputs = lesson.train.1.cols();
        let module = init(head, encoder.as_ref(), (data.width(), outputs), training.seed, &run.device);
        let mut weights = collect(&module);
        weights.extend(initial);
        let module = restore(module, &weights).map_err(|e| Error::config("model.encoder", e))?;
        let prepare = |(x, targets): Answered<'a>| match &encoder {
            Some(encoder) => Ok((Cow::Owned(encoder.prepare(&x)?), targets)),
            None => Ok::<Answered<'a>, Error>((x, targets)),
        };
        let mut objective = PredictorObjective {
            told: lesson.told,
            train: prepare(lesson.train)?,
            validation: prepare(lesson.validation)?,
            dropout: head.dropout,
            device: run.device.clone(),
        };
        let trained = train(&mut objective, module, training, &identity, run)?;
        let (module, mut trained) = trained.kept(training.keep)?;
        let predictor = Self { module, encoder, input: data.width(), outputs, device: run.device.clone() };
        trained.last.extend(predictor.frozen_tensors());
        Ok((predictor, trained))
    }

    /// Fitted layers from `origin`, schema and weights; the error is a sentence about the first that does not fit.
    pub(super) fn load(
        head: Head,
        origin: Option<Value>,
        (preprocess, outputs): (&Preprocess, usize),
        tensors: &Tensors,
        device: &Device,
    ) -> std::result::Result<Self, String> {
        let (encoder, own) = match origin {
            Some(origin) => {
                let origin: Origin = serde_json::from_value(origin).map_err(|e| e.to_string())?;
                let (encoder, own) = Encoder::load(origin, head.encoder_mode, preprocess, tensors, device)?;
                (Some(encoder), own)
            }
            None => (None, tensors.clone()),
        };
        let input = preprocess.width();
        let module = init(head, encoder.as_ref(), (input, outputs), 0, device);
        let module = restore(module, &own)?.valid();
        Ok(Self { module, encoder, input, outputs, device: device.clone() })
    }

    /// `of_outputs` of what the layers return for rows, `[rows, outputs]`.
    pub(super) fn outputs(&self, x: &Matrix, of_outputs: fn(Tensor<2>) -> Tensor<2>) -> Result<Matrix> {
        check_rows("the features of the model", x, self.input)?;
        let x = match &self.encoder {
            Some(encoder) => encoder.prepare(x)?,
            None => x.clone(),
        };
        let mut values = Vec::with_capacity(x.rows() * self.outputs);
        for chunk in x.as_slice().chunks(EVALUATION_ROWS * x.cols().max(1)) {
            let outputs = self.module.forward(to_tensor(chunk.to_vec(), x.cols(), &self.device), None);
            values.extend(host_values(of_outputs(outputs)));
        }
        Ok(Matrix::new(x.rows(), self.outputs, values))
    }

    /// Adds where the encoder came from, where there is one, to the settings.
    pub(super) fn with_origin(&self, mut settings: Value) -> Value {
        if let (Some(encoder), Some(fields)) = (&self.encoder, settings.as_object_mut()) {
            fields.insert(ORIGIN.to_owned(), serde_json::to_value(&encoder.origin).unwrap_or_default());
        }
        settings
    }

    fn frozen_tensors(&self) -> Tensors {
        self.encoder.as_ref().map(Encoder::tensors).unwrap_or_default()
    }

    pub(super) fn tensors(&self) -> Tensors {
        let mut tensors = collect(&self.module);
        tensors.extend(self.frozen_tensors());
        tensors
    }

    /// The sizes, the outputs under the name of what they are.
    pub(super) fn sizes(&self, outputs: &str) -> Vec<Size> {
        let frozen: usize = self.frozen_tensors().values().map(|t| t.values.len()).sum();
        let mut sizes = vec![
            Size::new("features", self.input),
            Size::new(outputs, self.outputs),
            Size::new("parameters", count(&self.module)),
        ];
        if frozen > 0 {
            sizes.push(Size::new("numbers in the frozen encoder", frozen));
        }
        sizes
    }
}

/// Takes what [`Predictor::with_origin`] added out of the settings.
pub(super) fn take_origin(settings: &Value) -> (Value, Option<Value>) {
    let mut settings = settings.clone();
    let origin = settings.as_object_mut().and_then(|fields| fields.remove(ORIGIN));
    (settings, origin)
}

/// The module before training: random weights, those of an encoder to be replaced.
fn init(
    head: Head,
    encoder: Option<&Encoder>,
    (width, outputs): (usize, usize),
    seed: u64,
    device: &Device,
) -> PredictorModule {
    let (layers, input) = encoder.map_or((None, width), |encoder| encoder.layers(device));
    PredictorModule::init(head, layers, input, outputs, seed, device)
}

/// A digest of everything the weights depend on. The directory of an encoder may have moved: what it holds counts.
fn identity(
    settings: &Value,
    training: &TrainConfig,
    data: &Dataset,
    encoder: Option<&Encoder>,
    initial: &Tensors,
) -> Result<String> {
    let fail = |e: serde_json::Error| Error::config("recipe", e.to_string());
    let mut text =
        serde_json::to_string(&(settings, training, &data.preprocess, &data.fingerprint)).map_err(fail)?;
    if let Some(encoder) = encoder {
        text.push_str(&serde_json::to_string(&encoder.origin).map_err(fail)?);
        text.push_str(&digest(initial.iter().chain(&encoder.tensors())));
    }
    Ok(crate::artifact::files::sha256(text.as_bytes()))
}
