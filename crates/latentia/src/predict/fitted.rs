//! Fitting a classifier, and using a fitted one.

use burn::{
    module::Module,
    tensor::{Device, activation},
};
use serde_json::Value;

use super::{
    config::ClassifierConfig,
    encoder::{Encoder, Origin},
    module::ClassifierModule,
    objective::ClassifierObjective,
    rows::{class_weights, labelled_rows, targets},
};
use crate::{
    Error, Result,
    codes::{EVALUATION_ROWS, to_tensor},
    data::{Dataset, Matrix, Preprocess, Split},
    kinds::{Config, Fitted},
    model::{Model, Predict, Size, check_rows},
    run::Run,
    train::{
        TrainConfig, Trained,
        params::{Tensors, collect, count, host_values, restore},
        train,
    },
};

/// A fitted classifier.
pub struct Classifier {
    config: ClassifierConfig,
    module: ClassifierModule,
    encoder: Option<Encoder>,
    input: usize,
    classes: usize,
    device: Device,
}

impl std::fmt::Debug for Classifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Classifier").field("config", &self.config).field("module", &self.module).finish()
    }
}

/// The key of the encoder's origin beside the settings.
const ORIGIN: &str = "encoder-origin";

impl ClassifierConfig {
    /// Fits a classifier to the training rows of `data` and their labels.
    ///
    /// # Errors
    /// Rows without labels or of one class, an encoder that does not fit them, and what can stop a training.
    pub fn fit(
        &self,
        data: &Dataset,
        training: &TrainConfig,
        run: &mut Run,
    ) -> Result<(Classifier, Trained<Tensors>)> {
        self.validate()?;
        let classes = data.classes().len();
        let labels = labels_of(&data.train, classes)?;
        let learnt = labelled_rows(labels, classes, self.labelled, training.seed);
        let learnt_labels: Vec<u32> = learnt.iter().map(|&i| labels[i]).collect();
        if learnt_labels.iter().all(|l| *l == learnt_labels[0]) {
            let class = &data.classes()[learnt_labels[0] as usize];
            return Err(Error::config(
                if self.labelled > 0 { "model.labelled" } else { "data.label" },
                format!(
                    "all {} rows to learn from are of class '{class}', expected two classes or more",
                    learnt.len()
                ),
            ));
        }
        let (encoder, initial) = match &self.encoder {
            Some(dir) => {
                let (encoder, initial) =
                    Encoder::read(dir, self.encoder_mode, &data.preprocess, &run.device)?;
                (Some(encoder), initial)
            }
            None => (None, Tensors::new()),
        };
        let identity = identity(self, training, data, encoder.as_ref(), &initial)?;
        let module = init(self, encoder.as_ref(), data.width(), classes, training.seed, &run.device);
        let mut weights = collect(&module);
        weights.extend(initial);
        let module = restore(module, &weights).map_err(|e| Error::config("model.encoder", e))?;
        let prepare = |x: &Matrix| match &encoder {
            Some(encoder) => encoder.prepare(x),
            None => Ok(x.clone()),
        };
        let class_weights = class_weights(&learnt_labels, classes, self.balanced);
        let validation_labels = data.validation.labels.as_deref().unwrap_or_default();
        let mut objective = ClassifierObjective {
            train: (
                prepare(&data.train.x.select_rows(&learnt))?,
                targets(&learnt_labels, &class_weights, self.label_smoothing),
            ),
            validation: (prepare(&data.validation.x)?, targets(validation_labels, &class_weights, 0.0)),
            dropout: self.dropout,
            device: run.device.clone(),
        };
        let trained = train(&mut objective, module, training, &identity, run)?;
        let (module, mut trained) = trained.kept(training.keep)?;
        let (config, device) = (self.clone(), run.device.clone());
        let model = Classifier { config, module, encoder, input: data.width(), classes, device };
        trained.last.extend(model.frozen_tensors());
        Ok((model, trained))
    }
}

/// The labels of the rows, where there are any.
fn labels_of(split: &Split, classes: usize) -> Result<&[u32]> {
    match &split.labels {
        Some(labels) if classes > 0 => Ok(labels),
        _ => Err(Error::config(
            "data.label",
            "found none, but a classifier learns from the classes of the rows: name their column with --label COLUMN",
        )),
    }
}

/// The module before training: random weights, those of an encoder to be replaced.
fn init(
    config: &ClassifierConfig,
    encoder: Option<&Encoder>,
    width: usize,
    classes: usize,
    seed: u64,
    device: &Device,
) -> ClassifierModule {
    let (layers, input) = encoder.map_or((None, width), |encoder| encoder.layers(device));
    ClassifierModule::init(config, layers, input, classes, seed, device)
}

/// A digest of everything the weights depend on.
fn identity(
    config: &ClassifierConfig,
    training: &TrainConfig,
    data: &Dataset,
    encoder: Option<&Encoder>,
    initial: &Tensors,
) -> Result<String> {
    let fail = |e: serde_json::Error| Error::config("recipe", e.to_string());
    // The directory of the encoder may have moved; what it holds must be the same.
    let config = ClassifierConfig { encoder: None, ..config.clone() };
    let mut text =
        serde_json::to_string(&(&config, training, &data.preprocess, &data.fingerprint)).map_err(fail)?;
    if let Some(encoder) = encoder {
        text.push_str(&serde_json::to_string(&encoder.origin).map_err(fail)?);
        for (name, tensor) in initial.iter().chain(&encoder.tensors()) {
            let bytes: Vec<u8> = tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect();
            text.push_str(&format!("{name}{}", crate::artifact::files::sha256(&bytes)));
        }
    }
    Ok(crate::artifact::files::sha256(text.as_bytes()))
}

impl Classifier {
    /// The kind's name in recipes.
    pub const KIND: &'static str = "classifier";

    /// A fitted model from its settings, schema and weights.
    ///
    /// # Errors
    /// A sentence that names the first weight that does not fit.
    pub(crate) fn from_tensors(
        config: &Value,
        preprocess: &Preprocess,
        tensors: &Tensors,
        device: &Device,
    ) -> std::result::Result<Self, String> {
        let mut config = config.clone();
        let origin = config.as_object_mut().and_then(|fields| fields.remove(ORIGIN));
        let config: ClassifierConfig = serde_json::from_value(config).map_err(|e| e.to_string())?;
        let (encoder, own) = match origin {
            Some(origin) => {
                let origin: Origin = serde_json::from_value(origin).map_err(|e| e.to_string())?;
                let (encoder, own) = Encoder::load(origin, config.encoder_mode, preprocess, tensors, device)?;
                (Some(encoder), own)
            }
            None => (None, tensors.clone()),
        };
        let (input, classes) = (preprocess.width(), preprocess.classes().len());
        let module = init(&config, encoder.as_ref(), input, classes, 0, device);
        let module = restore(module, &own)?.valid();
        Ok(Self { config, module, encoder, input, classes, device: device.clone() })
    }

    /// The settings and, where there is one, where its encoder came from.
    fn settings(&self) -> Value {
        let mut value = Config::to_json(&self.config);
        if let (Some(encoder), Some(fields)) = (&self.encoder, value.as_object_mut()) {
            fields.insert(ORIGIN.to_owned(), serde_json::to_value(&encoder.origin).unwrap_or_default());
        }
        value
    }

    fn frozen_tensors(&self) -> Tensors {
        self.encoder.as_ref().map(Encoder::tensors).unwrap_or_default()
    }
}

impl Config for ClassifierConfig {
    fn validate(&self) -> Result<()> {
        self.validate()
    }

    fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn fit(&self, data: &Dataset, train: &TrainConfig, run: &mut Run) -> Result<Fitted> {
        let (model, training) = self.fit(data, train, run)?;
        let config = model.settings();
        Ok(Fitted { model: Box::new(model), config, training: Some(training) })
    }
}

impl Predict for Classifier {
    fn probabilities(&self, x: &Matrix) -> Result<Matrix> {
        check_rows("the features of the model", x, self.input)?;
        let x = match &self.encoder {
            Some(encoder) => encoder.prepare(x)?,
            None => x.clone(),
        };
        let mut values = Vec::with_capacity(x.rows() * self.classes);
        for chunk in x.as_slice().chunks(EVALUATION_ROWS * x.cols().max(1)) {
            let logits = self.module.forward(to_tensor(chunk.to_vec(), x.cols(), &self.device), None);
            values.extend(host_values(activation::softmax(logits, 1)));
        }
        Ok(Matrix::new(x.rows(), self.classes, values))
    }

    fn labelled(&self) -> usize {
        self.config.labelled
    }
}

impl Model for Classifier {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input_width(&self) -> usize {
        self.input
    }

    fn sizes(&self) -> Vec<Size> {
        let frozen: usize = self.frozen_tensors().values().map(|t| t.values.len()).sum();
        let mut sizes = vec![
            Size::new("features", self.input),
            Size::new("classes", self.classes),
            Size::new("parameters", count(&self.module)),
        ];
        if frozen > 0 {
            sizes.push(Size::new("numbers in the frozen encoder", frozen));
        }
        sizes
    }

    fn tensors(&self) -> Tensors {
        let mut tensors = collect(&self.module);
        tensors.extend(self.frozen_tensors());
        tensors
    }

    fn as_predict(&self) -> Option<&dyn Predict> {
        Some(self)
    }
}
