//! Greedy layer-wise pretraining (Hinton, Osindero & Teh 2006; Bengio et al. 2007; Vincent et al. 2010).
//!
//! Each layer learns from the codes of the layer below, the lowest one from the rows: as an autoencoder of one layer with the
//! corruption and the penalties of the model, or as a restricted Boltzmann machine. The stack then unrolls: encoder layer `l`
//! starts with the weights that went up, decoder layer `L − l` with those that went down (Hinton & Salakhutdinov 2006), and
//! training goes on from there.
//!
//! Each layer has checkpoints of its own, in the folder `layer-N` beside those of the training that follows. A run that is
//! killed resumes in the layer it was in; the codes of the layers below are computed anew, to the same bits.

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    autoencoder::{AutoencoderConfig, Binarize, CodeDistribution, LikelihoodKind},
    rbm::{RbmConfig, Units, VisibleUnits},
};
use crate::{
    Error, Result,
    data::{Dataset, Feature, FeatureKind, Matrix, Missing, Preprocess, Scale, Split, Unknown},
    model::{Encode, Model},
    nn::ActivationKind,
    run::Run,
    train::{
        Ended, EpochRecord, Keep, Objective, OptimizerKind, Schedule, TrainConfig, Trained,
        params::{HostTensor, Tensors, collect, restore},
        train,
    },
};

/// How the layers of an autoencoder are trained before the whole is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pretrain {
    /// Not at all.
    #[default]
    None,
    /// One by one, as autoencoders of one layer (Bengio et al. 2007; Vincent et al. 2010).
    Autoencoder,
    /// One by one, as restricted Boltzmann machines (Hinton & Salakhutdinov 2006).
    Rbm,
}

/// Learning rates of contrastive divergence where none is given: with binary units on both sides, and with real ones on one,
/// whose gradients have no bound (Hinton & Salakhutdinov 2006, supporting text).
const RBM_RATES: (f64, f64) = (0.1, 0.001);
/// The weight cost of contrastive divergence (Hinton & Salakhutdinov 2006, supporting text).
const RBM_WEIGHT_COST: f64 = 2e-4;
/// Its momentum (Hinton & Salakhutdinov 2006, supporting text: 0.5 at first, which the rise of the learning rate over the
/// first epoch stands in for).
const RBM_MOMENTUM: f64 = 0.9;

/// What pretraining came to.
#[derive(Debug)]
pub(super) struct Pretrained {
    /// The initial weights of the whole, with those of every layer that was trained.
    pub tensors: Tensors,
    /// One record for each epoch of each layer.
    pub history: Vec<EpochRecord>,
    /// Whether all layers are done, or someone asked to stop.
    pub ended: Ended,
}

/// Refuses settings under which layers cannot be stacked; the error names the recipe key.
pub(super) fn check(config: &AutoencoderConfig) -> Result<()> {
    if config.pretrain == Pretrain::None {
        return Ok(());
    }
    if config.start.is_some() {
        return Err(Error::config(
            "model.start",
            "its weights would be pretrained over: leave out model.start or model.pretrain",
        ));
    }
    if config.code_distribution != CodeDistribution::Deterministic {
        return Err(Error::config(
            "model.pretrain",
            "layers are trained with deterministic codes: leave code-distribution at deterministic",
        ));
    }
    if !config.channels.is_empty() {
        return Err(Error::config(
            "model.pretrain",
            "trains dense layers one by one: leave model.channels out, or train the convolutions with the whole",
        ));
    }
    if config.learn_variance {
        return Err(Error::config(
            "model.learn-variance",
            "each layer would learn a variance of its own: leave it out with model.pretrain",
        ));
    }
    if config.pretrain_epochs == 0 {
        return Err(Error::config("model.pretrain-epochs", "found 0, expected at least 1"));
    }
    let rate = config.pretrain_learning_rate;
    if !(rate >= 0.0 && rate.is_finite()) {
        return Err(Error::config(
            "model.pretrain-learning-rate",
            format!("found {rate}, expected a number above 0, or 0 for the usual one"),
        ));
    }
    if config.pretrain == Pretrain::Rbm {
        let sigmoid = ActivationKind::Sigmoid;
        if !config.hidden.is_empty() && config.activation != sigmoid {
            return Err(Error::config(
                "model.activation",
                "pretrain rbm makes layers of binary units, which are sigmoid: use activation sigmoid",
            ));
        }
        if config.code_activation != sigmoid && config.code_activation != ActivationKind::Identity {
            return Err(Error::config(
                "model.code-activation",
                "pretrain rbm makes a code of binary units (sigmoid) or of real ones (identity)",
            ));
        }
        let real_code = config.hidden.is_empty() && config.code_activation == ActivationKind::Identity;
        if real_code && config.likelihood == LikelihoodKind::Gaussian {
            return Err(Error::config(
                "model.code-activation",
                "pretrain rbm has no machine of real columns and a real code: add a hidden layer, or use sigmoid",
            ));
        }
        if config.likelihood == LikelihoodKind::Categorical {
            return Err(Error::config(
                "model.likelihood",
                "pretrain rbm knows binary and real columns: use likelihood gaussian or bernoulli, or pretrain autoencoder",
            ));
        }
    }
    Ok(())
}

/// A training of an autoencoder (its likelihood resolved) that layer-wise pretraining may come before.
pub(super) struct Stack<'a> {
    pub config: &'a AutoencoderConfig,
    pub data: &'a Dataset,
    pub training: &'a TrainConfig,
    /// A digest of everything the weights depend on.
    pub identity: &'a str,
}

impl Stack<'_> {
    /// Trains `module`, the layers one by one first where the settings ask for it.
    pub(super) fn train<O: Objective>(
        &self,
        objective: &mut O,
        module: O::Model,
        run: &mut Run,
    ) -> Result<Trained<O::Model>> {
        if self.config.pretrain == Pretrain::None {
            return train(objective, module, self.training, self.identity, run);
        }
        // What an automatic likelihood came to may not go with the rest.
        check(self.config)?;
        let done = self.pretrain(collect(&module), run)?;
        let module = restore(module, &done.tensors).map_err(|e| Error::model("pretrained weights", e))?;
        let trained = match done.ended {
            Ended::Cancelled => Trained {
                last: module,
                best: None,
                best_epoch: None,
                history: Vec::new(),
                pretraining: Vec::new(),
                ended: Ended::Cancelled,
            },
            _ => train(objective, module, self.training, self.identity, run)?,
        };
        Ok(Trained { pretraining: done.history, ..trained })
    }

    /// Trains the layers one by one; `start` are the initial weights of the whole.
    fn pretrain(&self, start: Tensors, run: &mut Run) -> Result<Pretrained> {
        let widths = self.config.encoder_widths(self.data.width(), &[]);
        let count = widths.len() - 1;
        let (task, checkpoints) = (run.task.clone(), run.checkpoints.clone());
        let mut done = Pretrained { tensors: start, history: Vec::new(), ended: Ended::Completed };
        let mut codes: Option<Dataset> = None;
        for layer in 0..count {
            let name = format!("layer {} of {count}, {}-{}", layer + 1, widths[layer], widths[layer + 1]);
            run.task = format!("pretraining {name}");
            run.checkpoints = checkpoints.as_ref().map(|dir| dir.join(format!("layer-{}", layer + 1)));
            let place = Place { layer, count, code: widths[layer + 1] };
            let below = codes.as_ref().unwrap_or(self.data);
            let trained = match self.config.pretrain {
                Pretrain::Rbm => self.machine(place, below, run),
                _ => self.autoencoder(place, below, run),
            };
            (run.task, run.checkpoints) = (task.clone(), checkpoints.clone());
            let trained = trained?;
            done.tensors.extend(trained.tensors);
            let records = trained.history.into_iter();
            done.history.extend(records.map(|r| EpochRecord { stage: Some(name.clone()), ..r }));
            if trained.ended == Ended::Cancelled || run.cancel.is_asked() {
                done.ended = Ended::Cancelled;
                break;
            }
            if layer + 1 < count {
                let fingerprint = format!("{} above layer {}", self.identity, layer + 1);
                codes = Some(encoded(trained.encoder.as_ref(), below, fingerprint)?);
            }
        }
        Ok(done)
    }

    /// The training of one layer: no early stopping, so that layers of all runs have gone through as much.
    fn schedule(&self) -> TrainConfig {
        let given = self.config.pretrain_learning_rate;
        TrainConfig {
            epochs: self.config.pretrain_epochs,
            learning_rate: if given > 0.0 { given } else { self.training.learning_rate },
            schedule: Schedule::Constant,
            patience: 0,
            keep: Keep::Last,
            ..self.training.clone()
        }
    }

    /// A layer as a restricted Boltzmann machine.
    fn machine(&self, place: Place, below: &Dataset, run: &mut Run) -> Result<Layer> {
        let visible = match self.config.likelihood {
            LikelihoodKind::Gaussian if place.layer == 0 => VisibleUnits::Gaussian,
            _ => VisibleUnits::Bernoulli,
        };
        let hidden = match self.config.code_activation {
            ActivationKind::Identity if place.is_top() => Units::Gaussian,
            _ => Units::Bernoulli,
        };
        let real = visible == VisibleUnits::Gaussian || hidden == Units::Gaussian;
        let usual = if real { RBM_RATES.1 } else { RBM_RATES.0 };
        let given = self.config.pretrain_learning_rate;
        let schedule = TrainConfig {
            learning_rate: if given > 0.0 { given } else { usual },
            optimizer: OptimizerKind::Sgd,
            momentum: RBM_MOMENTUM,
            nesterov: false,
            weight_decay: 0.0,
            warmup: 1.0,
            ..self.schedule()
        };
        let machine = RbmConfig {
            code: place.code,
            visible_units: visible,
            hidden_units: hidden,
            weight_cost: RBM_WEIGHT_COST,
            ..RbmConfig::default()
        };
        // The settings of the machine are not the user's: what is wrong is that it was asked for.
        let named = |e: Error| match e {
            Error::Config { field, message } if field.starts_with("model.") => {
                Error::config("model.pretrain", format!("rbm: {message}"))
            }
            other => other,
        };
        let (rbm, _, trained) = machine.fit(below, &schedule, run).map_err(named)?;
        let mut tensors = Tensors::new();
        let (up, down) = place.names();
        for (name, tensor) in rbm.tensors() {
            match name.as_str() {
                "hidden_bias" => _ = tensors.insert(format!("{up}.bias"), tensor),
                "visible_bias" => _ = tensors.insert(format!("{down}.bias"), tensor),
                _ => {
                    if !self.config.tied {
                        tensors.insert(format!("{down}.weight"), transposed(&tensor));
                    }
                    tensors.insert(format!("{up}.weight"), tensor);
                }
            }
        }
        Ok(Layer { encoder: Box::new(rbm), tensors, history: trained.history, ended: trained.ended })
    }

    /// A layer as an autoencoder without hidden layers.
    fn autoencoder(&self, place: Place, below: &Dataset, run: &mut Run) -> Result<Layer> {
        let activation = if place.is_top() { self.config.code_activation } else { self.config.activation };
        let single = AutoencoderConfig {
            hidden: Vec::new(),
            code: place.code,
            code_activation: activation,
            // What belongs to the code, or to the rows, is not asked of the layers between them.
            top_k: if place.is_top() { self.config.top_k } else { 0 },
            sparsity: if activation == ActivationKind::Sigmoid { self.config.sparsity } else { 0.0 },
            binarize: if place.layer == 0 { self.config.binarize } else { Binarize::None },
            variance: if place.layer == 0 { self.config.variance } else { 1.0 },
            // Codes between 0 and 1 are rebuilt as such; in the whole, the decoder's activation does the same.
            likelihood: match self.config.activation {
                _ if place.layer == 0 => self.config.likelihood,
                ActivationKind::Sigmoid => LikelihoodKind::Bernoulli,
                _ => LikelihoodKind::Gaussian,
            },
            pretrain: Pretrain::None,
            ..self.config.clone()
        };
        let (model, _, trained) = single.fit(below, &self.schedule(), run)?;
        let (up, down) = place.names();
        let named = |name: String| {
            let name = name.replacen("encoder.layers.0", &up, 1);
            name.replacen("decoder.layers.0", &down, 1)
        };
        let tensors = model.tensors().into_iter().map(|(name, tensor)| (named(name), tensor)).collect();
        Ok(Layer { encoder: Box::new(model), tensors, history: trained.history, ended: trained.ended })
    }
}

/// Which layer of the encoder this is, of how many, and its width.
#[derive(Debug, Clone, Copy)]
struct Place {
    layer: usize,
    count: usize,
    code: usize,
}

impl Place {
    fn is_top(self) -> bool {
        self.layer + 1 == self.count
    }

    /// The names of the layer in the encoder and of its mirror image in the decoder.
    fn names(self) -> (String, String) {
        (format!("encoder.layers.{}", self.layer), format!("decoder.layers.{}", self.count - 1 - self.layer))
    }
}

/// A trained layer.
struct Layer {
    encoder: Box<dyn Encode>,
    /// By the names they have in the whole.
    tensors: Tensors,
    history: Vec<EpochRecord>,
    ended: Ended,
}

/// `[rows, cols]` to `[cols, rows]`.
fn transposed(tensor: &HostTensor) -> HostTensor {
    let (rows, cols) = (tensor.shape[0], tensor.shape[1]);
    let values = (0..cols).flat_map(|j| (0..rows).map(move |i| tensor.values[i * cols + j]));
    HostTensor { shape: vec![cols, rows], values: values.collect() }
}

/// The codes of the rows of `data`, as data for the next layer.
fn encoded(encoder: &dyn Encode, data: &Dataset, fingerprint: String) -> Result<Dataset> {
    let split = |x: &Matrix| -> Result<Split> { Ok(Split { x: encoder.encode(x)?, ..Split::default() }) };
    let number = |i: usize| Feature {
        name: format!("code{}", i + 1),
        kind: FeatureKind::Number { offset: 0.0, scale: 1.0, fill: 0.0 },
    };
    Ok(Dataset {
        train: split(&data.train.x)?,
        validation: split(&data.validation.x)?,
        test: Split::default(),
        preprocess: Preprocess {
            features: (0..encoder.code_size()).map(number).collect(),
            label: None,
            id: None,
            tags: None,
            views: Vec::new(),
            targets: Vec::new(),
            image: None,
            scale: Scale::None,
            missing: Missing::Error,
            unknown: Unknown::Error,
            named: false,
            warnings: Vec::new(),
        },
        sources: Vec::new(),
        fingerprint,
    })
}
